"""CSV as RFC 4180 has it: a header line, CRLF, quotes where they are needed.

A missing value is an empty cell, an empty text a pair of quotes. Objects, arrays and lists of events are JSON text in
one cell.
"""

from collections.abc import Callable, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from tailrace.formats.json import Json
from tailrace.formats.text import (
    SCALARS,
    Dialect,
    Text,
    filled,
    join,
    join_lists,
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

    def cell(self, values: pa.Array, field: Field, first: bool) -> list[Text]:
        """The cell and the comma before it."""
        comma = "" if first else ","
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

    def nest(self, events: pa.Array, offsets: pa.Array, field: Field, first: bool) -> Text:  # noqa: ARG002
        """An array of objects as JSON text."""
        lists = pc.replace_substring(join_lists(events, offsets, ","), '"', '""')
        return join(f'{"" if first else ","}"[', lists, ']"')

    def element(self) -> Json:
        """Events inside a cell are JSON."""
        return Json("}")


def quoted(column: pa.Array) -> pa.Array:
    """Texts in quotes where they hold a comma, a quote or a line end, or nothing; a text alone decides that."""
    return where_needed(column, _QUOTED, _in_quotes)


def guarded(column: pa.Array) -> pa.Array:
    """Texts that no spreadsheet takes for a formula."""
    return where_needed(column, _FORMULA, lambda texts: pc.replace_substring_regex(texts, f"({_FORMULA})", r"'\1"))


def _in_quotes(column: pa.Array) -> pa.Array:
    return join('"', pc.replace_substring(column, '"', '""'), '"')


def header(names: Sequence[str]) -> bytes:
    """The line that names the columns."""
    return (",".join(quoted(pa.array(names, pa.string())).to_pylist()) + "\r\n").encode()


_RENDER: dict[Kind, Callable[[pa.Array], list[Text]]] = {
    **SCALARS,
    "json": lambda column: [quoted(column)],
}
