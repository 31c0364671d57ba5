"""One file: where what it holds differs from its manifest."""

from collections.abc import Iterator
from operator import attrgetter
from pathlib import Path
from typing import NamedTuple

from tailrace.exports.verify.content import Content
from tailrace.exports.verify.manifest import FileEntry, Manifest, RowsEntry, instant
from tailrace.exports.verify.report import Finding, Note
from tailrace.exports.verify.scan import Scanned, Stretch, is_readable, scan
from tailrace.exports.verify.schema import Schema
from tailrace.exports.verify.streams import Damaged, Tick

_AGAIN = "download this file again"
_ANEW = "download manifest and file again; if they still differ, make the export anew and tell the server's operator"
_NEWER = "verify it with a newer release"
_EXPECTED = {
    "gzip": "one whole gzip member",
    "zstd": "one whole Zstandard frame",
    "zip": "a whole archive of nothing but its members",
    "json": "JSON, each row on a line of its own",
    "csv": "a header and records, each ended by CR LF",
    "xml": "a document with each row on a line of its own",
    "parquet": "one Parquet file with the columns of its schema",
}
_ROW = {"json": "a JSON object", "csv": "as many cells as the header", "xml": "a whole element", "parquet": "a row"}


class Problem(NamedTuple):
    """A finding without its place."""

    code: str
    expected: str
    found: str
    advice: str = _ANEW


class Checked(NamedTuple):
    """A file, if it could be read, and what is wrong with it or unproven."""

    file: Scanned | None
    findings: list[Finding]
    notes: list[Note]


def check_file(directory: Path, entry: FileEntry, manifest: Manifest, schema: Schema | None, tick: Tick) -> Checked:
    """Read one file of an export beside its manifest and compare."""
    path = directory / entry.name
    try:
        scanned = scan(path, entry, manifest, schema, tick)
    except OSError as error:
        missing = Problem("file", "a readable file", error.strerror or type(error).__name__, "download it again")
        return Checked(None, [_finding(missing, str(path), manifest)], [])
    problems = [
        (str(path), problem) for problem in (*_packed_problems(entry, scanned), *_key_problems(entry, manifest))
    ]
    if entry.packing == "zip" and is_readable(entry):
        problems += [(str(path), problem) for problem in _archive_problems(entry, scanned)]
    for stretch in scanned.stretches:
        problems += [(stretch.where, problem) for problem in _stretch_problems(stretch, manifest)]
    return Checked(scanned, [_finding(p, where, manifest) for where, p in problems], list(_notes(scanned, manifest)))


def _finding(problem: Problem, where: str, manifest: Manifest) -> Finding:
    return Finding(problem.code, where, problem.expected, problem.found, problem.advice, manifest.export)


def _notes(scanned: Scanned, manifest: Manifest) -> Iterator[Note]:
    for stretch in scanned.stretches:
        if stretch.damaged is None and stretch.content.digest is None:
            why = "no schema gives the types of its columns"
            if stretch.form.columns is not None:
                why = "columns of parameters hold values, not the JSON text that was sent"
            yield Note(stretch.where, f"content_sha256 is unproven: {why}", manifest.export)


def _packed_problems(entry: FileEntry, scanned: Scanned) -> Iterator[Problem]:
    if scanned.bytes != entry.bytes:
        yield Problem("file.bytes", f"{entry.bytes} bytes", f"{scanned.bytes} bytes", _AGAIN)
    if scanned.sha256 != entry.sha256:
        yield Problem("file.sha256", f"sha256 {entry.sha256}", f"sha256 {scanned.sha256}", _AGAIN)
    if not is_readable(entry):
        found = f"{entry.format} in {entry.packing}: its rows were not read"
        yield Problem("file.format", "a format and packing that this release knows", found, _NEWER)


def _key_problems(entry: FileEntry, manifest: Manifest) -> Iterator[Problem]:
    """Events of a day or hour lie within it: their bounds are compared with the rows elsewhere."""
    if manifest.shape != "events" or manifest.request.get("split") not in ("day", "hour"):
        return
    for rows in entry.members or [entry]:
        for time in (rows.min_time, rows.max_time):
            if rows.key is None or not instant(time).startswith(rows.key):
                yield Problem("file.key", f"times of {rows.key}", f"{instant(time)} in {rows.name}")


def _name_problems(stretch: Stretch, manifest: Manifest) -> Iterator[Problem]:
    """Events of a name stand together. A text that its format had to change says nothing about its name."""
    key, form = stretch.entry.key, stretch.form
    if form.kind != "event" or manifest.request.get("split") != "event" or "event" not in manifest.column_names:
        return
    same = {key, key[1:]} if form.csv_safe and key is not None and key.startswith("'") else {key}
    for name in sorted(map(str, stretch.content.names - same)):
        if form.format != "xml" or "\ufffd" not in name:
            yield Problem("file.key", f"events {key!r}", f"events {name[:200]!r}")


def _archive_problems(entry: FileEntry, scanned: Scanned) -> Iterator[Problem]:
    members = entry.members or []
    if scanned.damaged is not None:
        yield _damage(scanned.damaged)
        return
    expected, found = sorted(member.name for member in members), sorted(scanned.names)
    if expected != found:
        yield Problem("file.members", f"members {_some(expected, found)}", f"members {_some(found, expected)}")
    if entry.rows != sum(member.rows for member in members):
        yield Problem("file.rows", f"{entry.rows} rows", f"{sum(m.rows for m in members)} rows in all members")
    yield from _bound_problems(entry, members)
    digests = [stretch.content.digest for stretch in scanned.stretches if stretch.damaged is None]
    if expected == found and len(digests) == len(found) and None not in digests:
        rows = sum(stretch.content.rows for stretch in scanned.stretches)
        yield from _digest_problems(entry, Content(rows, sum(filter(None, digests))))


def _bound_problems(entry: FileEntry, members: list[RowsEntry]) -> Iterator[Problem]:
    for name, choose in (("min_time", min), ("max_time", max)):
        times = filter(None, map(attrgetter(name), members))
        expected, found = attrgetter(name)(entry), choose(times, default=None)
        if expected != found:
            yield Problem(f"file.{name}", f"{name} {instant(expected)}", f"{name} {instant(found)} of its members")


def _some(names: list[str], others: list[str]) -> str:
    """Names, those that the others lack first."""
    own = [name for name in dict.fromkeys(names) if names.count(name) != others.count(name)]
    return f"{', '.join(map(repr, own[:5])) or 'of these names'} ({len(names)} in all)"


def _damage(damaged: Damaged) -> Problem:
    return Problem(f"file.{damaged.code}", _EXPECTED[damaged.code], str(damaged), _AGAIN)


def _stretch_problems(stretch: Stretch, manifest: Manifest) -> Iterator[Problem]:
    """Where the content differs. What could be read of a damaged file proves nothing more about it."""
    if stretch.bytes != stretch.entry.bytes:
        yield Problem("file.bytes", f"{stretch.entry.bytes} bytes", f"{stretch.bytes} bytes", _AGAIN)
    if stretch.damaged is not None:
        yield _damage(stretch.damaged)
        return
    columns = manifest.column_names
    yield from _row_problems(stretch)
    yield from _name_problems(stretch, manifest)
    yield from _digest_problems(stretch.entry, stretch.content)
    if stretch.form.kind != "user":
        yield from _id_problems(stretch, columns)
    yield from _time_problems(stretch, columns)


def _row_problems(stretch: Stretch) -> Iterator[Problem]:
    content, format_ = stretch.content, stretch.form.format
    if content.bad is not None:
        row, why = content.bad
        yield Problem(
            f"file.{format_}", f"{_ROW[format_]} in each row", f"row {row}: {why} ({content.many_bad} such rows)"
        )
    if content.rows != stretch.entry.rows:
        yield Problem("file.rows", f"{stretch.entry.rows} rows", f"{content.rows} rows")


def _digest_problems(entry: RowsEntry, content: Content) -> Iterator[Problem]:
    digest = content.content_sha256
    if digest is not None and digest != entry.content_sha256:
        yield Problem("file.content_sha256", f"content_sha256 {entry.content_sha256}", f"content_sha256 {digest}")


def _id_problems(stretch: Stretch, columns: frozenset[str]) -> Iterator[Problem]:
    content = stretch.content
    if "id" in columns and content.with_id != content.events:
        yield Problem("file.ids", f"an id in each of {content.events} events", f"{content.with_id} ids")
    expected = content.rows if content.nested or columns & {"id", "time"} else 0
    if stretch.form.kind == "session" and content.nested != expected:
        yield Problem("file.events", f"events in each of {content.rows} rows", f"events in {content.nested} rows")


def _time_problems(stretch: Stretch, columns: frozenset[str]) -> Iterator[Problem]:
    """Bounds can be compared only when the rows carry their time."""
    content, users = stretch.content, stretch.form.kind == "user"
    timed, what = (content.rows, "rows") if users else (content.events, "events")
    expected = users or "time" in columns
    if expected and content.timed != timed:
        yield Problem("file.times", f"a time in each of {timed} {what}", f"{content.timed} times")
    elif expected or content.timed:
        for name in ("min_time", "max_time"):
            claimed, found = attrgetter(name)(stretch.entry), attrgetter(name)(content)
            if claimed != found:
                yield Problem(f"file.{name}", f"{name} {instant(claimed)}", f"{name} {instant(found)}")
