"""JSON: an object per row, a key without a value left out; a line each (NDJSON), or the elements of one array."""

from collections.abc import Callable, Sequence

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tailrace.formats.text import (
    SCALARS,
    Dialect,
    Text,
    buffer_of,
    by_value,
    filled,
    join,
    join_lists,
    times,
)
from tailrace.model.fields import Field, Kind

# Fields that always have a value: one of them in first place spares every row a comma to drop.
_ALWAYS = frozenset(("id", "event", "time", "received_at", "session_id", "session_start", "actor", "number"))
_SPACE, _QUOTE, _BACKSLASH = b' "\\'


class Json(Dialect):
    """`closing` is what ends a row: a brace, and what stands between it and the next."""

    opening = "{"
    separator = ""

    def __init__(self, closing: str = "}\n") -> None:
        self.closing = closing

    def cell(self, values: pa.Array, field: Field, first: bool) -> list[Text]:
        """The text ``,"name":value``; empty where there is no value."""
        if values.null_count == len(values):
            return []
        comma = "" if first and field.name in _ALWAYS else ","
        return filled([f"{comma}{label(field.name)}", *_RENDER[field.kind](values)])

    def untidy(self, columns: Sequence[Field]) -> bool:
        """Where no first column is sure to have a value, a comma may stand before the first key."""
        return not columns or columns[0].name not in _ALWAYS

    def tidy(self, rows: pa.Array) -> pa.Array:
        """Drop that comma."""
        return pc.replace_substring(rows, "{,", "{", max_replacements=1)

    def nest(self, events: pa.Array, offsets: pa.Array, field: Field, first: bool) -> Text:
        """An array of objects."""
        return join(f"{'' if first else ','}{label(field.name)}[", join_lists(events, offsets, ","), "]")

    def member(self, values: pa.Array) -> pa.Array:
        """JSON texts are values as they are."""
        return values

    def around(self, name: str) -> tuple[str, str]:
        """A comma, the key and its colon."""
        return f",{label(name)}", ""

    def element(self) -> "Json":
        """An object without a line of its own."""
        return Json("}")


def label(name: str) -> str:
    """The key of a member, with its colon."""
    return msgspec.json.encode(name).decode() + ":"


def strings(column: pa.Array) -> list[Text]:
    """Texts as JSON strings, in parts."""
    if not _any_unsafe(column):
        return ['"', column, '"']
    return [by_value(column, lambda text: msgspec.json.encode(text).decode())]


def _any_unsafe(column: pa.Array) -> bool:
    """Whether a text holds what JSON strings must escape. Looking at all bytes at once beats a search per text."""
    data = np.frombuffer(buffer_of(column)[0], np.uint8)
    return bool(((data < _SPACE) | (data == _QUOTE) | (data == _BACKSLASH)).any())


_RENDER: dict[Kind, Callable[[pa.Array], list[Text]]] = {
    **SCALARS,
    "text": strings,
    "json": lambda column: [column],
    "any": lambda column: [column],
    "time": lambda column: ['"', *times(column), '"'],
}
