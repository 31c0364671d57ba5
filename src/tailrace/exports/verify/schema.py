"""The JSON Schema beside the files of an export: whether it is what the manifest says, and the columns it describes."""

from collections.abc import Iterator, Mapping
from hashlib import sha256
from typing import Any

import msgspec
from msgspec import Struct

from tailrace.exports.verify.manifest import Loaded, RowsEntry, is_plain
from tailrace.exports.verify.report import Finding, Note

_AGAIN = "download this file again"


class Column(Struct, frozen=True):
    """A column; `inner` are those of nested events."""

    name: str
    kind: str
    inner: tuple["Column", ...] = ()

    @property
    def rewritten(self) -> bool:
        """Whether a typed column holds it by value, not as it was written: a parameter, parsed."""
        return self.name.startswith("params.") and self.kind != "any"


class Schema(Struct, frozen=True):
    """The columns of each kind of row, by its name; `""` where there is but one."""

    rows: Mapping[str, tuple[Column, ...]]

    def columns(self, entry: RowsEntry) -> tuple[Column, ...] | None:
        """Those of a file or member; None where they are not described."""
        if "" in self.rows:
            return self.rows[""]
        return self.rows.get("users" if entry.of == "users" else f"event {entry.key}")


def read_schema(loaded: Loaded) -> tuple[Schema | None, list[Finding], list[Note]]:
    """The schema, if it is there and whole; else what is wrong, or what cannot be proven without it."""
    entry, export = loaded.manifest.schema, loaded.manifest.export
    if entry is None:
        return None, [], []
    path = loaded.path.parent / entry.name
    if not is_plain(entry.name):
        found = Finding(
            "schema", str(loaded.path), "the name of a file beside the manifest", entry.name, _AGAIN, export
        )
        return None, [found], []
    try:
        data = path.read_bytes()
    except OSError:
        return None, [], [Note(str(path), "the schema is not there: names and types of columns are unproven", export)]
    wrong = [*_differences(data, entry.bytes, entry.sha256)]
    schema = None if wrong else _parsed(data)
    if not wrong and schema is None:
        wrong.append(("schema", "a JSON Schema of rows", "something else"))
    return schema, [Finding(code, str(path), wanted, found, _AGAIN, export) for code, wanted, found in wrong], []


def _differences(data: bytes, size: int, digest: str) -> Iterator[tuple[str, str, str]]:
    if len(data) != size:
        yield "schema.bytes", f"{size} bytes", f"{len(data)} bytes"
    if (found := sha256(data).hexdigest()) != digest:
        yield "schema.sha256", f"sha256 {digest}", f"sha256 {found}"


def _parsed(data: bytes) -> Schema | None:
    try:
        document = msgspec.json.decode(data)
        rows = document.get("$defs") or {"": document}
        return Schema({name: _columns(row["properties"]) for name, row in rows.items()})
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, KeyError, TypeError, AttributeError):
        return None


def _columns(properties: dict[str, Any]) -> tuple[Column, ...]:
    """Columns in their order, which `x-column` states: JSON objects have none."""
    ordered = sorted(properties.items(), key=lambda item: int(item[1]["x-column"]))
    return tuple(Column(name, str(column["x-kind"]), _inner(column)) for name, column in ordered)


def _inner(column: dict[str, Any]) -> tuple[Column, ...]:
    return _columns(column["items"]["properties"]) if "items" in column else ()
