"""Blocks: some rows of a file, few enough for memory."""

from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import overload

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from msgspec import Struct

_encoder = msgspec.json.Encoder()


class Broken(Struct, frozen=True):
    """A row that could not be read as a row at all; `raw` is its bytes as far as they are known."""

    line: int
    reason: str
    raw: bytes


class Block(Struct, frozen=True):
    """Rows `lines[i]` of a file (ascending; 1 is its first line, in a table the header).

    Lines of NDJSON are in `texts`; cells of a table in `columns` as text, null where there is no value. `done` is how
    many bytes of the file have been read when the block is there.
    """

    lines: Sequence[int]
    texts: Sequence[bytes] = ()
    columns: Mapping[str, pa.Array] = msgspec.field(default_factory=dict)
    broken: Sequence[Broken] = ()
    done: int = 0

    def raw_of(self, row: int) -> bytes:
        """What a dead letter keeps of a row: its line, or a JSON object of its cells."""
        if self.texts:
            return self.texts[row]
        return _encoder.encode({name: cells[row].as_py() for name, cells in self.columns.items()})

    def content(self, rows: npt.NDArray[np.intp]) -> list[bytes]:
        """The bytes that say who a row is: its line, or its cells with a separator."""
        if self.texts:
            return [self.texts[row] for row in rows]
        joined = pc.binary_join_element_wise(
            *self.columns.values(), "\x1f", null_handling="replace", null_replacement="\x00"
        )
        return list(joined.take(pa.array(rows)).cast(pa.binary()).to_pylist())


@dataclass(frozen=True, slots=True)
class RawRows(Sequence[bytes]):
    """Raw rows by their place in the file instead of their place in a batch, made when asked for."""

    lines: Sequence[int]
    raw_of: Callable[[int], bytes]
    broken: Mapping[int, bytes] = field(default_factory=dict)

    @overload
    def __getitem__(self, place: int) -> bytes: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[bytes]: ...
    def __getitem__(self, place: int | slice) -> bytes | Sequence[bytes]:
        if isinstance(place, slice):
            raise TypeError("rows of a file are asked for one by one")
        return self.broken[place] if place in self.broken else self.raw_of(bisect_left(self.lines, place))

    def __len__(self) -> int:
        return len(self.lines) + len(self.broken)

    def __iter__(self) -> Iterator[bytes]:
        return map(self.__getitem__, sorted({*self.lines, *self.broken}))
