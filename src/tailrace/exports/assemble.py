"""Assemble: parts become files, by streamed concatenation, hashed on the way.

A file of the splits `single` and `size` is written while later slices still run; the other splits, and archives, wait
for all parts, since a key may come in any of them.
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from typing import Any
from zlib import crc32

from msgspec import Struct

from tailrace.exports.layout import USERS, Layout, streamed
from tailrace.exports.names import safe_names
from tailrace.exports.people import People, no_people
from tailrace.exports.streams import HashingSink, Placed, placed, read_piece
from tailrace.exports.tally import Tally
from tailrace.exports.users import user_part
from tailrace.files.base import Files
from tailrace.formats import parquet
from tailrace.formats.bodies import BODIES, EXTENSIONS, MEDIA_TYPES, DeflateBody
from tailrace.formats.encoders import Encoder
from tailrace.formats.packing import unpack
from tailrace.formats.zip import ZipWriter
from tailrace.model.export import ExportFile, ExportRequest, Member, Part


class Assembly(Struct, frozen=True):
    """What is needed to make files of parts.

    `parts` holds the parts, and what is scratch; `stem` begins the name of each file; `part_place` and `file_place`
    tell where an object of a name lies. `people` says what is known of users.
    """

    parts: Files
    files: Files
    request: ExportRequest
    layout: Layout
    stem: str
    part_place: Callable[[str], str]
    file_place: Callable[[str], str]
    people: People = no_people

    @property
    def encoder(self) -> Encoder:
        """The encoder of the rows."""
        return self.layout.encoder


def assemble(assembly: Assembly, parts: Iterable[Part]) -> list[ExportFile]:
    """Make durable files of parts, which come in order. No file has no rows, but for one that is wanted all the
    same (`keep_empty`); all files are made or none is there.

    Raises:
        PartDamaged: a part is not what was written.
    """
    made: list[ExportFile] = []
    try:
        for file in _files(assembly, parts):
            made.append(file)  # noqa: PERF402 - those made so far must be known if one fails
    except BaseException:
        for file in made:
            assembly.files.delete(file.object)
        raise
    return made


def _files(assembly: Assembly, parts: Iterable[Part]) -> Iterator[ExportFile]:
    if assembly.layout.nest is not None:
        return (_file(assembly, *group) for group in _of_kin(assembly, parts))
    if streamed(assembly.request):
        return (_file(assembly, *group) for group in _streamed(assembly, placed(parts)))
    return _waited(assembly, list(parts))


def _waited(assembly: Assembly, parts: list[Part]) -> Iterator[ExportFile]:
    extra = []
    if assembly.layout.shape == "tables" and any(part.rows for part in parts):
        extra = [user_part(assembly.parts, assembly.part_place("users.part"), assembly.layout, parts, assembly.people)]
    pieces = [p for p in placed([*extra, *parts]) if not p.piece.key.startswith(f"{USERS}/")]
    try:
        if assembly.request.packing != "zip":
            yield from (_file(assembly, *group) for group in _keyed(assembly, pieces))
        elif pieces:
            yield _archive(assembly, pieces)
    finally:
        for part in extra:
            assembly.parts.delete(part.object)


Group = tuple[str | None, str, Iterable[Placed]]  # key, name without extension, pieces


def _streamed(assembly: Assembly, pieces: Iterable[Placed]) -> Iterator[Group]:
    empty = assembly.request.keep_empty
    for key, group in groupby(pieces, _FileNumber(assembly.request)):
        empty = False
        yield key, assembly.stem if key is None else f"{assembly.stem}-{key}", group
    if empty:
        yield None, assembly.stem, ()


def _keyed(assembly: Assembly, pieces: list[Placed]) -> Iterator[Group]:
    if assembly.request.split in ("single", "size"):
        yield from _streamed(assembly, pieces)
        return
    ordered = sorted(pieces, key=_key)  # stable: pieces of one key stay in order
    groups = {key: list(group) for key, group in groupby(ordered, _key)}
    every = (USERS, *assembly.layout.tables) if assembly.layout.tables else tuple(groups)
    names = safe_names({key: "users" if key == USERS else assembly.layout.label(key) for key in every})
    for key in every:
        if key in groups or assembly.layout.keeps_empty(key):
            yield key, f"{assembly.stem}-{names[key]}", groups.get(key, ())


def _of_kin(assembly: Assembly, parts: Iterable[Part]) -> Iterator[Group]:
    """Files of each table, numbered from 0; a table without rows has one all the same. Only a table that is alone need
    not wait for all parts.
    """
    pieces = placed(parts) if streamed(assembly.request) else list(placed(parts))
    for key in assembly.layout.sheets:
        number, mine = 0, (where for where in pieces if where.piece.key == key)
        for _, group in groupby(mine, _FileNumber(assembly.request)):
            yield key or None, f"{assembly.stem}{key}-{number}", group
            number += 1
        if number == 0:
            yield key or None, f"{assembly.stem}{key}-0", ()


def _key(where: Placed) -> str:
    return where.piece.key


class _FileNumber:
    """Numbers files of a bounded size; None where there is one."""

    def __init__(self, request: ExportRequest) -> None:
        self._limit = request.file_bytes if request.split == "size" else None
        self._number = 1
        self._bytes = 0

    def __call__(self, where: Placed) -> str | None:
        if self._limit is None:
            return None
        if self._bytes and self._bytes + where.piece.raw > self._limit:
            self._number, self._bytes = self._number + 1, 0
        self._bytes += where.piece.raw
        return f"{self._number:04d}"


def _file(assembly: Assembly, key: str | None, stem: str, pieces: Iterable[Placed]) -> ExportFile:
    request, encoder = assembly.request, assembly.encoder
    name, place = _names(assembly, stem)
    tally = Tally()
    with assembly.files.create(place) as raw:
        sink = HashingSink(raw)
        _fill(assembly, sink, key, _counted(pieces, tally))
    return ExportFile(
        name=name,
        object=place,
        key=key,
        rows=tally.rows,
        bytes=sink.size,
        sha256=sink.sha256,
        content_sha256=tally.content_sha256,
        format=request.format,
        packing=request.packing,
        media_type=MEDIA_TYPES.get(request.packing, encoder.media_type),
        min_time=tally.min_time,
        max_time=tally.max_time,
    )


def _names(assembly: Assembly, stem: str) -> tuple[str, str]:
    """What a file is called, and where it lies. Names of a dialect's own may open files: objects, which logs tell of,
    are not called so.
    """
    if assembly.request.nest is not None:
        return stem, assembly.file_place(f"rows{stem.removeprefix(assembly.stem)}")
    name = f"{stem}.{assembly.encoder.extension}{EXTENSIONS[assembly.request.packing]}"
    return name, assembly.file_place(name)


def _counted(pieces: Iterable[Placed], tally: Tally) -> Iterator[Placed]:
    for where in pieces:
        tally.add(where.piece)
        yield where


def _fill(assembly: Assembly, sink: Any, key: str | None, pieces: Iterable[Placed]) -> DeflateBody | None:
    """Write the rows of a file in their format and packing."""
    encoder, sheet = assembly.encoder, assembly.layout.sheet(key or "")
    if encoder.opaque:
        parquet.write_file(sink, sheet, (read_piece(assembly.parts, where) for where in pieces))
        return None
    body = BODIES[assembly.request.packing](sink.write)
    body.text(encoder.head(sheet))
    for count, where in enumerate(pieces):
        if count and encoder.between:
            body.text(encoder.between)
        data = unpack(assembly.layout.store, read_piece(assembly.parts, where), where.piece.raw)
        body.piece(data, where.piece.raw, where.piece.crc)
    body.text(encoder.tail)
    body.close()
    return body if isinstance(body, DeflateBody) else None


def _archive(assembly: Assembly, pieces: list[Placed]) -> ExportFile:
    name = f"{assembly.stem}.zip"
    place = assembly.file_place(name)
    whole = Tally()
    with assembly.files.create(place) as raw:
        sink = HashingSink(raw)
        with ZipWriter(sink) as archive:
            members = tuple(_member(assembly, archive, group, whole) for group in _keyed(assembly, pieces))
    return ExportFile(
        name=name,
        object=place,
        key=None,
        rows=sum(member.rows for member in members),
        bytes=sink.size,
        sha256=sink.sha256,
        content_sha256=whole.content_sha256,
        format=assembly.request.format,
        packing="zip",
        media_type=MEDIA_TYPES["zip"],
        min_time=whole.min_time,
        max_time=whole.max_time,
        members=members,
    )


class _ScratchSink:
    """Counts what goes through, with the checksum of an archive's member."""

    closed = False

    def __init__(self, sink: Any) -> None:
        self._sink = sink
        self.size = 0
        self.crc = 0

    def write(self, data: bytes | memoryview) -> int:
        """Append bytes."""
        self._sink.write(data)
        self.crc = crc32(data, self.crc)
        self.size += len(data)
        return len(data)


def _member(assembly: Assembly, archive: ZipWriter, group: Group, whole: Tally) -> Member:
    """Write a member beside the archive, where its sizes become known, and copy it in."""
    key, stem, pieces = group
    encoder, files = assembly.encoder, assembly.parts
    # The archive's own name says which export it is; its members are called alike in each.
    inner = assembly.layout.shape if key is None else stem.removeprefix(f"{assembly.stem}-")
    name = f"{inner}.{encoder.extension}"
    tally = Tally()
    scratch = assembly.part_place("member")
    with files.create(scratch, durable=False) as raw:
        sink = _ScratchSink(raw)
        body = _fill(assembly, sink, key, _counted(pieces, tally))
    sizes = {"crc": body.crc, "raw": body.raw} if body else {"crc": sink.crc, "raw": sink.size}
    archive.add(name, files.chunks(scratch), packed=sink.size, deflated=body is not None, **sizes)
    files.delete(scratch)
    whole.merge(tally)
    return Member(
        name=name,
        key=None if key is None else assembly.layout.label(key),
        rows=tally.rows,
        bytes=sizes["raw"],
        content_sha256=tally.content_sha256,
        min_time=tally.min_time,
        max_time=tally.max_time,
    )
