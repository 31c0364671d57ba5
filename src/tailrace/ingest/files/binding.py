"""Binding: a map meets the file that it is used for."""

from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from tailrace.ingest.files.mapping import FIELD_NAMES, NESTED, PROFILE_KEYS, SESSION_KEYS, FileMap, Source, Type
from tailrace.ingest.files.opening import Format
from tailrace.model.errors import Invalid

_NO_CELL = ("",)  # an empty cell of CSV is no value, unless the map says otherwise


def bound(file_map: FileMap, form: Format, columns: Sequence[str] | None) -> FileMap:
    """The map with what the file's format decides: what means "no value", and what a source without a column is.

    Raises:
        Invalid: a source names a column that the file does not have, or names none where there are some.
    """
    for source in file_map.sources():
        if source.value is None:
            _check(source, form, columns)
    null = file_map.null if file_map.null is not None else _NO_CELL if form in ("csv", "tsv") else ()
    return replace(file_map, null=null)


def native_map(form: Format, columns: Sequence[str], types: Mapping[str, str]) -> FileMap:
    """The map of a table whose columns are named like the fields of a native record.

    Raises:
        Invalid: a column has another name, or there is none for the event's name.
    """
    parts: dict[str, dict[str, Source]] = {"fields": {}, "params": {}, "session": {}, "profile": {}}
    for column in columns:
        part, key = _place(column)
        parts[part][key] = Source(column, column=column, format="native", type=_type(types.get(column, "text")))
    if "event" not in parts["fields"]:
        raise Invalid("event", "the file has no such column; a map says where the event's name comes from")
    return bound(FileMap(None, None, None, **parts), form, columns)


def _check(source: Source, form: Format, columns: Sequence[str] | None) -> None:
    if columns is None:
        if source.column is not None:
            raise Invalid(f"{source.where}.column", f"{form} has no columns; say path instead")
    elif source.column is None:
        raise Invalid(source.where, "needs a column or a value")
    elif source.column not in columns:
        has = ", ".join(columns)
        raise Invalid(f"{source.where}.column", f"the file has no column {source.column!r}; it has {has}")


def _place(column: str) -> tuple[str, str]:
    name = NESTED.get(column, column)
    if name in FIELD_NAMES:
        return "fields", name
    part, dot, key = column.partition(".")
    if dot and (part == "params" or key in {"session": SESSION_KEYS, "profile": PROFILE_KEYS}.get(part, ())):
        return part, key
    raise Invalid(column, "is not a field of a native record; name the column params.… or use a map")


def _type(name: str) -> Type:
    kinds: dict[str, Type] = {"int": "int", "float": "float", "bool": "bool", "json": "json"}
    return kinds.get(name, "text")
