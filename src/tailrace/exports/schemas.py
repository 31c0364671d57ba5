"""The schema of an export's rows, as JSON Schema: columns in order, with types, units and meanings."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

import msgspec

from tailrace.exports.layout import USERS, Layout
from tailrace.exports.records import StoredFile
from tailrace.exports.streams import HashingSink
from tailrace.files.base import Files
from tailrace.model.fields import Field, Kind
from tailrace.model.sheet import EVENTS, Sheet

DIALECT = "https://json-schema.org/draft/2020-12/schema"
MEDIA_TYPE = "application/schema+json"

_TYPES: dict[Kind, dict[str, Any]] = {
    "text": {"type": "string"},
    "json": {},
    "any": {},
    "map": {"type": "object"},
    "members": {},
    "int": {"type": "integer"},
    "time": {"type": "string", "format": "date-time"},
    "float": {"type": "number"},
    "bool": {"type": "boolean"},
}


def schema_document(title: str, layout: Layout) -> dict[str, Any]:
    """What a row is, as its JSON line would be; with several tables, what a row of each is."""
    head = {"$schema": DIALECT, "title": title}
    if "" in layout.sheets:
        return head | _row(layout.sheet(""))
    names = {key: "users" if key == USERS else f"event {key}" for key in layout.sheets}
    rows = {names[key]: {"title": names[key]} | _row(sheet) for key, sheet in layout.sheets.items()}
    return head | {"$defs": rows, "anyOf": [{"$ref": f"#/$defs/{_pointer(name)}"} for name in rows]}


def write_schema(files: Files, place: str, export: str, layout: Layout) -> StoredFile:
    """The schema as a durable file of an export."""
    document = schema_document(f"Rows of export {export}", layout)
    with files.create(place) as raw:
        sink = HashingSink(raw)
        sink.write(msgspec.json.format(msgspec.json.encode(document)) + b"\n")
    return StoredFile(place.rpartition("/")[2], place, sink.size, sink.sha256, MEDIA_TYPE)


def _row(sheet: Sheet) -> dict[str, Any]:
    """Members that are the row's own have names that nobody knows before."""
    named = [column for column in sheet.columns if column.kind != "members"]
    more = len(named) < len(sheet.columns)
    return {"type": "object", "properties": _columns(named, sheet), "additionalProperties": more}


def _columns(columns: Sequence[Field], sheet: Sheet) -> dict[str, Any]:
    """Properties in the order of the columns, which `x-column` states: JSON objects have none."""
    return {column.name: _column(column, place, sheet) for place, column in enumerate(columns)}


def _column(column: Field, place: int, sheet: Sheet) -> dict[str, Any]:
    described = _TYPES[column.kind] | {"description": column.what, "x-column": place, "x-kind": column.kind}
    if column.unit:
        described |= {"x-unit": column.unit.strip("`")}
    if column == EVENTS:
        described |= {"type": "array", "items": _row(Sheet("event", sheet.inner))}
    return described


def _pointer(name: str) -> str:
    """A name as a part of a JSON pointer in a URI fragment."""
    escaped = name.replace("~", "~0").replace("/", "~1")
    return quote(escaped)
