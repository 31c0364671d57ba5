"""The mapping file: which column, JSON path or constant each part of a record comes from.

`docs/import.md` is its reference. Every wrong key or value is one error that names its path in the file.
"""

import tomllib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, get_args

from msgspec import Struct, field

from tailrace.ingest.context import ProfileInput
from tailrace.ingest.draft import DRAFT_SCHEMA
from tailrace.ingest.files.opening import FORMATS, Format
from tailrace.ingest.files.times import TIME_FORMATS
from tailrace.model.errors import Invalid, Malformed
from tailrace.model.fields import EVENT_FIELDS, SESSION_INPUTS
from tailrace.model.zones import zone_of

Type = Literal["text", "int", "float", "bool", "json"]
Section = Literal["fields", "params", "session", "profile"]
Path = tuple[str, ...]

TYPES: tuple[Type, ...] = get_args(Type)
# Page properties are an object of their own, which a map has no section for.
COLLECTED = "collected_at"  # when another server took it in; no field of a record
FIELD_NAMES = (*(field.name for field in DRAFT_SCHEMA if field.name != "page_properties"), COLLECTED)
TIME_FIELDS = frozenset(("time", "sent_at", COLLECTED))
JSON_FIELDS = frozenset(("params", "session", "profile"))
SESSION_KEYS = (*(f.source.removeprefix("session.") for f in SESSION_INPUTS), "end")
PROFILE_KEYS = ProfileInput.__struct_fields__
_OBJECTS = frozenset(f"fields.{name}" for name in JSON_FIELDS)
# A nested field by its path in a native record: page.url for page_url.
NESTED = {f.source: f.name for f in EVENT_FIELDS if "." in f.source}

_BY_SECTION: dict[str, Sequence[str] | None] = {
    "fields": FIELD_NAMES,
    "params": None,  # any name
    "session": SESSION_KEYS,
    "profile": PROFILE_KEYS,
}


class Source(Struct, frozen=True):
    """Where one value of a record comes from: a constant text, a column, a JSON path, or a JSON path in a column.

    `where` is its path in the mapping file. `format` and `zone` are of times, `type` of parameters.
    """

    where: str
    column: str | None = None
    path: Path | None = None
    value: str | None = None
    format: str = "iso"
    zone: str = "UTC"
    type: Type = "text"


class FileMap(Struct, frozen=True):
    """A mapping file. `text` is the file itself, `null` the texts that mean "no value"."""

    text: str | None
    format: Format | None = None
    null: tuple[str, ...] | None = None
    fields: Mapping[str, Source] = field(default_factory=dict)
    params: Mapping[str, Source] = field(default_factory=dict)
    session: Mapping[str, Source] = field(default_factory=dict)
    profile: Mapping[str, Source] = field(default_factory=dict)

    def sources(self) -> list[Source]:
        """Every source of every section."""
        return [source for part in (self.fields, self.params, self.session, self.profile) for source in part.values()]


def parse_map(text: str) -> FileMap:
    """A mapping file from its text.

    Raises:
        Malformed: it is not TOML.
        Invalid: a key or a value cannot be; `where` is its path.
    """
    try:
        tree = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise Malformed(f"the map is not TOML: {error}") from error
    _only(tree, "", ("file", *_BY_SECTION))
    file = _table(tree, "file")
    _only(file, "file.", ("format", "null"))
    sections = {name: _section(tree, name, allowed) for name, allowed in _BY_SECTION.items()}
    if "event" not in sections["fields"]:
        raise Invalid("fields.event", "is needed: where does the event's name come from?")
    return FileMap(text, _file_format(file), _null(file), **sections)


def _section(tree: dict[str, Any], name: str, allowed: Sequence[str] | None) -> dict[str, Source]:
    table = _table(tree, name)
    table = {NESTED.get(key, key): value for key, value in table.items()} if name == "fields" else table
    if allowed is not None:
        _only(table, f"{name}.", allowed)
    return {key: _source(f"{name}.{key}", value, _roles(name, key)) for key, value in table.items()}


def _roles(section: str, key: str) -> tuple[str, ...]:
    """Which further keys a source has at this place."""
    if section == "params":
        return ("type",)
    return ("format", "zone") if section == "fields" and key in TIME_FIELDS else ()


def _source(where: str, table: object, roles: tuple[str, ...]) -> Source:
    if not isinstance(table, dict):
        raise Invalid(where, 'must be a table such as { column = "name" }, { path = "a.b" } or { value = "text" }')
    _only(table, f"{where}.", ("column", "path", "value", *roles))
    if "value" in table and len(table.keys() & {"column", "path"}):
        raise Invalid(where, "has value and also column or path; it is one of them")
    if "value" in table and where in _OBJECTS:
        raise Invalid(where, "cannot be a constant; say what is constant in the section of that name")
    given = {key: _READERS[key](f"{where}.{key}", value) for key, value in table.items()}
    if roles == ("type",) and "type" not in given:
        given["type"] = _natural_type(table)
    return Source(where, **given)


def _natural_type(table: dict[str, Any]) -> Type:
    """A parameter without a type: cells are text, JSON and constants are what they are."""
    if "value" in table:
        return {bool: "bool", int: "int", float: "float"}.get(type(table["value"]), "text")  # type: ignore[return-value]
    return "json" if "path" in table else "text"


def _path(where: str, value: object) -> Path:
    keys = value.split(".") if isinstance(value, str) else value
    if not isinstance(keys, list) or not keys or not all(isinstance(key, str) and key for key in keys):
        raise Invalid(where, 'must be keys with dots between them, "a.b", or a list of keys, ["a.b", "c"]')
    if any(set(key) & {'"', "\\"} or min(key) < " " for key in keys):
        raise Invalid(where, "a key with a quote, a backslash or a control character cannot be looked up")
    return tuple(keys)


def _value(where: str, value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str | int | float):
        return str(value)
    raise Invalid(where, "must be a text, a number or a truth value")


def _name(where: str, value: object) -> str:
    if not isinstance(value, str):
        raise Invalid(where, "must be a text")
    return value


def _time_format(where: str, value: object) -> str:
    text = _name(where, value)
    if text not in TIME_FORMATS and "%" not in text:
        raise Invalid(where, f"{text!r} is neither {', '.join(TIME_FORMATS)} nor a pattern such as %d/%m/%Y %H:%M:%S")
    return text


def _zone(where: str, value: object) -> str:
    text = _name(where, value)
    try:
        zone_of(text)
    except LookupError:
        raise Invalid(where, f"{text!r} is not an IANA time zone such as Europe/Berlin") from None
    return text


def _type(where: str, value: object) -> Type:
    for kind in TYPES:
        if value == kind:
            return kind
    raise Invalid(where, f"{value!r} is not one of {', '.join(TYPES)}")


_READERS: dict[str, Callable[[str, object], Any]] = {
    "column": _name,
    "path": _path,
    "value": _value,
    "format": _time_format,
    "zone": _zone,
    "type": _type,
}


def _file_format(file: dict[str, Any]) -> Format | None:
    for known in FORMATS:
        if file.get("format", known) == known:
            return known if "format" in file else None
    raise Invalid("file.format", f"{file['format']!r} is not one of {', '.join(FORMATS)}")


def _null(file: dict[str, Any]) -> tuple[str, ...] | None:
    texts = file.get("null")
    if texts is None:
        return None
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise Invalid("file.null", 'must be a list of texts, such as ["", "None"]')
    return tuple(texts)


def _table(tree: dict[str, Any], name: str) -> dict[str, Any]:
    table = tree.get(name, {})
    if not isinstance(table, dict):
        raise Invalid(name, "must be a table")
    return table


def _only(table: dict[str, Any], prefix: str, allowed: Sequence[str]) -> None:
    for key in table:
        if key not in allowed:
            raise Invalid(f"{prefix}{key}", f"is not known here; there are {', '.join(allowed)}")
