"""JSON: an object per row, a key without a value left out, or null; a line each (NDJSON), or elements of one array."""

from collections.abc import Callable, Sequence

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from tailrace.formats.text import (
    SCALARS,
    Dialect,
    Text,
    by_value,
    filled,
    has_byte,
    times,
)
from tailrace.model.fields import Field, Kind
from tailrace.model.sheet import EVENTS

# Fields that always have a value, lists of events among them: one of them spares every row a comma to drop.
_ALWAYS = frozenset(
    ("id", "event", "time", "received_at", "session_id", "session_start", "actor", "number", EVENTS.name)
)


class Json(Dialect):
    """`closing` is what ends a row: a brace, and what stands between it and the next. `nulls` leaves no key out; with
    `sure` the first column always has a value.
    """

    opening = "{"
    separator = ""

    def __init__(self, closing: str = "}\n", *, nulls: bool = False, sure: bool = False) -> None:
        self.closing = closing
        self._nulls = nulls
        self._sure = sure

    def anchor(self, columns: Sequence[Field]) -> int:
        """The first that always has a value; without one, all have their comma before them."""
        if self._nulls or self._sure:
            return 0
        return next((place for place, field in enumerate(columns) if field.always or field.name in _ALWAYS), -1)

    def cell(self, values: pa.Array, field: Field, place: int) -> list[Text]:
        """The text ``"name":value`` with a comma before or behind it; empty, or null, where there is no value.

        Members that are the row's own have their names already.
        """
        if self._nulls and field.kind != "members":
            return self._always(values, field, place)
        if values.null_count == len(values):
            return []
        before, behind = "," if place > 0 else "", "," if place < 0 else ""
        named = "" if field.kind == "members" else label(field.name)
        return filled([f"{before}{named}", *_RENDER[field.kind](values), *([behind] if behind else [])])

    def _always(self, values: pa.Array, field: Field, place: int) -> list[Text]:
        """The same with null where there is no value."""
        start = f"{',' if place else ''}{label(field.name)}"
        if values.null_count == len(values):
            return [f"{start}null"]
        return [start, *filled(_RENDER[field.kind](values), "null")]

    def untidy(self, columns: Sequence[Field]) -> bool:
        """Where no column is sure to have a value, a comma may stand before the first key."""
        return self.anchor(columns) < 0

    def tidy(self, rows: pa.Array) -> pa.Array:
        """Drop that comma."""
        return pc.replace_substring(rows, "{,", "{", max_replacements=1)

    def around_list(self, field: Field, place: int) -> tuple[str, str, str]:
        """An array of objects."""
        return f"{',' if place else ''}{label(field.name)}[", ",", "]"

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
    if not has_byte(column, b'"\\', below=ord(" ")):
        return ['"', column, '"']
    return [by_value(column, lambda text: msgspec.json.encode(text).decode())]


_RENDER: dict[Kind, Callable[[pa.Array], list[Text]]] = {
    **SCALARS,
    "text": strings,
    "json": lambda column: [column],
    "any": lambda column: [column],
    "map": lambda column: [column],
    "members": lambda column: [column],
    "time": lambda column: ['"', *times(column), '"'],
}
