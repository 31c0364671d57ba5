"""Faults: which rows of a block are bad and why, without looking at rows one by one while all are good."""

from collections.abc import Callable, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

Convert = Callable[[pa.Array], pa.Array]
_SHOWN = 60  # characters of a value in a reason


class Faults:
    """The first reason of each bad row."""

    def __init__(self) -> None:
        self.found: dict[int, str] = {}

    def add(self, rows: Sequence[int], reason: str) -> None:
        """These rows are bad."""
        for row in rows:
            self.found.setdefault(row, reason)

    def add_where(self, mask: pa.Array, reason: str) -> None:
        """The rows where a mask is true are bad."""
        if pc.any(mask).as_py():
            true = pc.fill_null(mask, False).to_numpy(zero_copy_only=False)
            self.add([int(row) for row in np.flatnonzero(true)], reason)

    def add_values(self, texts: pa.Array, rows: Sequence[int], where: str, what: str) -> None:
        """These rows hold a text that is not what it ought to be."""
        for row in rows:
            self.add((row,), f"{where}: not {what}: {texts[row].as_py()!r:.{_SHOWN}}")


def converted(texts: pa.Array, convert: Convert, faults: Faults, where: str, what: str) -> pa.Array:
    """A column converted; rows that cannot be are faults (`where` is not `what`) and null."""
    try:
        return convert(texts)
    except ValueError:
        bad = failing_rows(texts, convert)
    faults.add_values(texts, bad, where, what)
    mask = np.zeros(len(texts), dtype=np.bool_)
    mask[bad] = True
    return convert(pc.if_else(pa.array(mask), None, texts))


def failing_rows(column: pa.Array, convert: Convert, first: int = 0) -> list[int]:
    """The rows that a conversion of the whole column stumbles over, by halves: few tries where few are bad."""
    try:
        convert(column)
    except ValueError:
        if len(column) == 1:
            return [first]
        half = len(column) // 2
        return [
            *failing_rows(column.slice(0, half), convert, first),
            *failing_rows(column.slice(half), convert, first + half),
        ]
    return []
