"""One file: what it holds, and where that differs from its manifest."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from operator import attrgetter
from pathlib import Path

import numpy as np
import numpy.typing as npt
from xxhash import xxh3_64_intdigest

from tailrace.exports.verify_lines import Damaged, Row, chunks, id_bytes, inflate, rows_of, whole_lines
from tailrace.exports.verify_manifest import FileEntry, Manifest, instant
from tailrace.exports.verify_report import Finding
from tailrace.formats.digest import MODULUS, content_sha256, digest_lines

Hashes = npt.NDArray[np.uint64]
Tick = Callable[[int], None]
Problem = tuple[str, str, str, str]  # code, expected, found, advice

_AGAIN = "download this file again"
_ANEW = "download manifest and file again; if they still differ, make the export anew and tell the server's operator"
_NEWER = "verify it with a newer release"


@dataclass(slots=True)
class Content:
    """What the lines of a file add up to. `bad`: numbers (from 1) and faults of lines that are no rows."""

    rows: int = 0
    digest: int = 0
    timed: int = 0
    min_time: datetime | None = None
    max_time: datetime | None = None
    hashes: list[Hashes] = field(default_factory=list)
    bad: list[tuple[int, str]] = field(default_factory=list)
    many_bad: int = 0

    def add(self, lines: bytes) -> None:
        """Count whole lines in."""
        bad: list[tuple[int, str]] = []
        rows = rows_of(lines, bad)
        self.many_bad += len(bad)
        self.bad = self.bad or [(self.rows + number + 1, why) for number, why in bad[:1]]
        self.digest = (self.digest + digest_lines(lines)) % MODULUS
        self.rows += len(rows)
        self.hashes.append(hashes_of(rows))
        self._add_times([row.time for row in rows if row.time is not None])

    def _add_times(self, times: list[datetime]) -> None:
        self.timed += len(times)
        self.min_time = min(filter(None, (self.min_time, *times)), default=None)
        self.max_time = max(filter(None, (self.max_time, *times)), default=None)


@dataclass(frozen=True, slots=True)
class Scanned:
    """A file that was read to its end. `ids` are the hashes of the ids of its rows."""

    path: Path
    bytes: int
    sha256: str
    content: Content
    ids: Hashes
    damaged: Damaged | None


class _Packed:
    """The file's chunks, hashed and counted on their way."""

    def __init__(self, path: Path, tick: Tick) -> None:
        self._chunks = chunks(path)
        self._tick = tick
        self.sha256 = sha256()
        self.bytes = 0

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._chunks:
            self.sha256.update(chunk)
            self.bytes += len(chunk)
            self._tick(len(chunk))
            yield chunk


def hashes_of(rows: list[Row]) -> Hashes:
    """One hash for each row that has an id. Equal hashes are candidates only: `verify_ids` compares the ids."""
    ids = [row.id for row in rows if row.id is not None]
    return np.fromiter(map(xxh3_64_intdigest, map(id_bytes, ids)), np.uint64, len(ids))


def scan(path: Path, tick: Tick, *, readable: bool = True) -> Scanned:
    """Read a file once. One whose encoding this release cannot read is only hashed."""
    packed, content, damaged = _Packed(path, tick), Content(), None
    try:
        for lines in whole_lines(inflate(packed)) if readable else ():
            content.add(lines)
    except Damaged as error:
        damaged = error
    for _ in packed:
        pass  # size and hash are those of the whole file, also when only its beginning could be read
    ids = np.concatenate([np.empty(0, np.uint64), *content.hashes])
    content.hashes.clear()
    return Scanned(path, packed.bytes, packed.sha256.hexdigest(), content, ids, damaged)


def check_file(
    directory: Path, entry: FileEntry, manifest: Manifest, tick: Tick
) -> tuple[Scanned | None, list[Finding]]:
    """Read one file of an export beside its manifest and compare."""
    path = directory / entry.name
    readable = (entry.format, entry.packing) == ("json", "gzip")
    try:
        scanned = scan(path, tick, readable=readable)
    except OSError as error:
        missing = ("file", "a readable file", error.strerror or type(error).__name__, "download it again")
        return None, [_finding(missing, path, manifest)]
    problems = [*_packed_problems(entry, scanned), *_problems_inside(entry, scanned, manifest.column_names)]
    return scanned, [_finding(problem, path, manifest) for problem in problems]


def _finding(problem: Problem, path: Path, manifest: Manifest) -> Finding:
    code, expected, found, advice = problem
    return Finding(code, str(path), expected, found, advice, manifest.export)


def _packed_problems(entry: FileEntry, scanned: Scanned) -> Iterator[Problem]:
    if scanned.bytes != entry.bytes:
        yield "file.bytes", f"{entry.bytes} bytes", f"{scanned.bytes} bytes", _AGAIN
    if scanned.sha256 != entry.sha256:
        yield "file.sha256", f"sha256 {entry.sha256}", f"sha256 {scanned.sha256}", _AGAIN
    if (entry.format, entry.packing) != ("json", "gzip"):
        yield "file.format", "json in gzip", f"{entry.format} in {entry.packing}: its rows were not read", _NEWER


def _problems_inside(entry: FileEntry, scanned: Scanned, columns: frozenset[str]) -> Iterator[Problem]:
    """Where the content differs. What could be read of a damaged file proves nothing more about it."""
    if (entry.format, entry.packing) != ("json", "gzip"):
        return
    if scanned.damaged is not None:
        expected = "one whole gzip member" if scanned.damaged.code == "gzip" else "lines that end with a newline"
        yield f"file.{scanned.damaged.code}", expected, str(scanned.damaged), _AGAIN
        return
    yield from _line_problems(scanned.content)
    yield from _count_problems(entry, scanned, columns)
    yield from _time_problems(entry, scanned.content, columns)


def _line_problems(content: Content) -> Iterator[Problem]:
    for line, why in content.bad:
        yield "file.lines", "a JSON object in every line", f"line {line}: {why} ({content.many_bad} such lines)", _ANEW


def _count_problems(entry: FileEntry, scanned: Scanned, columns: frozenset[str]) -> Iterator[Problem]:
    content = scanned.content
    if content.rows != entry.rows:
        yield "file.rows", f"{entry.rows} rows", f"{content.rows} rows", _ANEW
    digest = content_sha256(content.rows, content.digest)
    if digest != entry.content_sha256:
        yield "file.content_sha256", f"content_sha256 {entry.content_sha256}", f"content_sha256 {digest}", _ANEW
    if "id" in columns and len(scanned.ids) != content.rows:
        yield "file.ids", f"an id in each of {content.rows} rows", f"{len(scanned.ids)} ids", _ANEW


def _time_problems(entry: FileEntry, content: Content, columns: frozenset[str]) -> Iterator[Problem]:
    """Bounds can be compared only when the rows carry their time."""
    if "time" in columns and content.timed != content.rows:
        yield "file.times", f"a time in each of {content.rows} rows", f"{content.timed} times", _ANEW
    elif content.timed or "time" in columns:
        for name in ("min_time", "max_time"):
            expected, found = attrgetter(name)(entry), attrgetter(name)(content)
            if expected != found:
                yield f"file.{name}", f"{name} {instant(expected)}", f"{name} {instant(found)}", _ANEW
