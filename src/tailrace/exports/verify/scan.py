"""Reading files once: what they hold, by stretches of rows that the manifest describes (a file, or each member)."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from msgspec import Struct

from tailrace.exports.verify.content import Content, Hashes, read_all
from tailrace.exports.verify.csv import csv_batches
from tailrace.exports.verify.json import json_elements, json_lines, json_rows
from tailrace.exports.verify.manifest import FileEntry, Manifest, RowsEntry
from tailrace.exports.verify.parquet import parquet_batches
from tailrace.exports.verify.rows import Batch, Fault, Kind
from tailrace.exports.verify.schema import Column, Schema
from tailrace.exports.verify.streams import UNPACK, Damaged, Hashed, Tick, chunks
from tailrace.exports.verify.xml import xml_batches
from tailrace.exports.verify.zip import Located, members_of

_FORMATS = ("json", "csv", "xml", "parquet")
_PACKINGS = ("none", "gzip", "zstd", "zip")


class Form(Struct, frozen=True):
    """How rows that stand together are written down. `columns` are None where no schema describes them."""

    format: str
    kind: Kind
    json_array: bool
    csv_safe: bool
    columns: tuple[Column, ...] | None

    def batches(self, pieces: Iterable[bytes]) -> Iterator[Batch]:
        """The rows of a text."""
        if self.format == "csv":
            names = None if self.columns is None else [column.name for column in self.columns]
            return csv_batches(pieces, self.kind, safe=self.csv_safe, columns=names)
        return xml_batches(pieces, self.kind) if self.format == "xml" else self._json(pieces)

    def _json(self, pieces: Iterable[bytes]) -> Iterator[Batch]:
        for texts in json_elements(pieces) if self.json_array else json_lines(pieces):
            faults: list[Fault] = []
            yield Batch(texts, json_rows(texts, self.kind, faults), faults)


class Stretch(Struct, frozen=True):
    """Rows that stand together, read to their end. `ids` are the hashes of their ids; `again` reads them again."""

    where: str
    entry: RowsEntry
    form: Form
    bytes: int
    content: Content
    ids: Hashes
    damaged: Damaged | None
    again: Callable[[], Iterator[Batch]]


class Scanned(Struct, frozen=True):
    """A file that was read. `names` are those of an archive's members, `damaged` is the archive's own."""

    path: Path
    bytes: int
    sha256: str
    stretches: tuple[Stretch, ...] = ()
    names: tuple[str, ...] = ()
    damaged: Damaged | None = None


def is_readable(entry: FileEntry) -> bool:
    """Whether this release can read a file."""
    return entry.format in _FORMATS and entry.packing in (("none", "zip") if entry.format == "parquet" else _PACKINGS)


def form_of(manifest: Manifest, schema: Schema | None, file: FileEntry, entry: RowsEntry) -> Form:
    """How the rows of a file or member are written down, as its manifest says."""
    kind: Kind = "user" if entry.of == "users" else "session" if manifest.shape == "sessions" else "event"
    columns = None if schema is None else schema.columns(entry)
    return Form(file.format, kind, manifest.asked("json_array"), manifest.asked("csv_safe"), columns)


def scan(path: Path, entry: FileEntry, manifest: Manifest, schema: Schema | None, tick: Tick) -> Scanned:
    """Read a file. One whose form this release cannot read is only hashed."""
    packed = Hashed(path, tick)
    if not is_readable(entry):
        return _hashed(path, packed)
    if entry.packing == "zip":
        return _archive(_hashed(path, packed), entry, manifest, schema)
    form = form_of(manifest, schema, entry, entry)
    if entry.format == "parquet":
        return _parquet(_hashed(path, packed), entry, form)
    unpack = UNPACK[entry.packing]
    stretch = _stretch(
        str(path), entry, form, entry.bytes, form.batches(unpack(packed)), lambda: form.batches(unpack(chunks(path)))
    )
    deque(packed, 0)  # size and hash are those of the whole file, also when only its beginning could be read
    return Scanned(path, packed.bytes, packed.sha256, (stretch,))


def _hashed(path: Path, packed: Hashed) -> Scanned:
    deque(packed, 0)
    return Scanned(path, packed.bytes, packed.sha256)


def _parquet(hashed: Scanned, entry: FileEntry, form: Form) -> Scanned:
    """The rows of a file that is what was written: another is not given to a reader that trusts what it reads."""
    if hashed.sha256 != entry.sha256:
        return hashed

    def again() -> Iterator[Batch]:
        return parquet_batches(hashed.path, 0, hashed.bytes, form.kind, form.columns)

    stretch = _stretch(str(hashed.path), entry, form, entry.bytes, again(), again)
    return Scanned(hashed.path, hashed.bytes, hashed.sha256, (stretch,))


def _archive(hashed: Scanned, entry: FileEntry, manifest: Manifest, schema: Schema | None) -> Scanned:
    try:
        members = members_of(hashed.path)
    except Damaged as damaged:
        return Scanned(hashed.path, hashed.bytes, hashed.sha256, damaged=damaged)
    known = {member.name: member for member in entry.members or ()}
    stretches = tuple(
        _member(member, known[member.name], form_of(manifest, schema, entry, known[member.name]))
        for member in members
        if member.name in known
    )
    return Scanned(hashed.path, hashed.bytes, hashed.sha256, stretches, tuple(member.name for member in members))


def _member(member: Located, entry: RowsEntry, form: Form) -> Stretch:
    def again() -> Iterator[Batch]:
        if form.format == "parquet":
            return _parquet_member(member, form)
        return form.batches(member.pieces())

    return _stretch(f"{member.path}: {member.name}", entry, form, member.raw, again(), again)


def _parquet_member(member: Located, form: Form) -> Iterator[Batch]:
    """As with a file: its checksum first."""
    if member.deflated:
        raise Damaged("zip", f"{member.name!r} is packed twice, as no export is")
    deque(member.pieces(), 0)
    yield from parquet_batches(member.path, member.start, member.packed, form.kind, form.columns)


def _stretch(
    where: str, entry: RowsEntry, form: Form, size: int, batches: Iterator[Batch], again: Callable[[], Iterator[Batch]]
) -> Stretch:
    content, damaged = Content(), None
    try:
        read_all(batches, content)
    except Damaged as error:
        damaged = error
    return Stretch(where, entry, form, size, content, content.take_ids(), damaged, again)
