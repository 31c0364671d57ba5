"""CSV as RFC 4180 has it: a header line, CRLF, quotes where they are needed.

A missing value is an empty cell, an empty text a pair of quotes. Objects, arrays and lists of events are JSON text in
one cell.
"""

from collections.abc import Callable, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tailrace.formats.json import Json
from tailrace.formats.text import (
    SCALARS,
    Dialect,
    Text,
    buffer_of,
    filled,
    has_byte,
    join,
    literal,
    where_needed,
)
from tailrace.formats.values import plain, strings
from tailrace.model.fields import Field, Kind

_QUOTED = r'[,"\r\n]|^$'
# What a spreadsheet may take for a formula; behind apostrophes it gets one more, so that one can be taken off again.
_FORMULA = "^'*[=+\\-@\t\r]"
_BLANK = "\r\n"  # a row of one empty cell, which many readers skip


class Csv(Dialect):
    """`safe` puts an apostrophe before texts that a spreadsheet would take for formulas; numbers are none."""

    opening = ""
    separator = ","
    closing = "\r\n"

    def __init__(self, safe: bool = False) -> None:
        self._safe = safe

    def anchor(self, columns: Sequence[Field]) -> int:  # noqa: ARG002 - as the protocol has it
        """The first."""
        return 0

    def cell(self, values: pa.Array, field: Field, place: int) -> list[Text]:
        """The cell and the comma before it."""
        comma = "," if place else ""
        if values.null_count == len(values):
            return [comma]
        return [comma, *filled(self._render(values, field.kind))]

    def _render(self, values: pa.Array, kind: Kind) -> list[Text]:
        """The cells of values in parts, null where they are."""
        if kind == "text":
            return [quoted(guarded(values) if self._safe else values)]
        return [self.member(values)] if kind == "any" else _RENDER[kind](values)

    def member(self, values: pa.Array) -> pa.Array:
        """Texts as they are, all else as JSON."""
        texts = plain(values)
        return quoted(pc.if_else(strings(values), guarded(texts), texts) if self._safe else texts)

    def around(self, name: str) -> tuple[str, str]:  # noqa: ARG002 - as the protocol has it
        """Nothing: the header names the columns."""
        return "", ""

    def untidy(self, columns: Sequence[Field]) -> bool:
        """A row of one empty cell is a line that many readers skip."""
        return len(columns) == 1

    def tidy(self, rows: pa.Array) -> pa.Array:
        """Where a row is one empty cell, quotes keep readers from skipping it."""
        return pc.if_else(pc.equal(rows, literal(_BLANK)), literal(f'""{_BLANK}'), rows)

    def around_list(self, field: Field, place: int) -> tuple[str, str, str]:  # noqa: ARG002
        """An array of objects as JSON text."""
        return f'{"," if place else ""}"[', ",", ']"'

    def element(self) -> Json:
        """Events inside a cell are JSON."""
        return _InCell("}")


class _InCell(Json):
    """JSON inside quotes, its own quotes twice."""

    def cell(self, values: pa.Array, field: Field, place: int) -> list[Text]:
        """The member of an object."""
        parts = super().cell(values, field, place)
        return [part.replace('"', '""') if isinstance(part, str) else _doubled(part) for part in parts]


def quoted(column: pa.Array) -> pa.Array:
    """Texts in quotes where they hold a comma, a quote or a line end, or nothing; a text alone decides that."""
    if not has_byte(column, b'",\r\n') and pc.min(pc.binary_length(column)).as_py() != 0:
        return column
    return where_needed(column, _QUOTED, _in_quotes)


def guarded(column: pa.Array) -> pa.Array:
    """Texts that no spreadsheet takes for a formula."""
    return where_needed(column, _FORMULA, lambda texts: pc.replace_substring_regex(texts, f"({_FORMULA})", r"'\1"))


def _in_quotes(column: pa.Array) -> pa.Array:
    return join('"', _doubled(column), '"')


def _doubled(column: pa.Array) -> pa.Array:
    """Each quote twice. All texts are changed as one: text by text it takes twice the time."""
    if column.null_count:
        return pc.replace_substring(column, '"', '""')
    data, bounds = buffer_of(column)
    quotes = np.flatnonzero(np.frombuffer(data, np.uint8) == ord('"'))
    offsets = bounds + np.searchsorted(quotes, bounds)
    changed = bytes(data).replace(b'"', b'""')
    return pa.StringArray.from_buffers(len(column), pa.py_buffer(offsets.astype(np.int32)), pa.py_buffer(changed))


def header(names: Sequence[str]) -> bytes:
    """The line that names the columns."""
    return (",".join(quoted(pa.array(names, pa.string())).to_pylist()) + "\r\n").encode()


_RENDER: dict[Kind, Callable[[pa.Array], list[Text]]] = {
    **SCALARS,
    "json": lambda column: [quoted(column)],
    "map": lambda column: [quoted(column)],
    "members": lambda column: [quoted(column)],
}
