"""Verify: a good chain passes, and every kind of damage is found.

The exports are built here with the standard library and the documented digest alone: what verify checks is not built
by what it checks with.
"""

import gzip
import json
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from io import StringIO
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console
from xxhash import xxh3_64_intdigest, xxh3_128_intdigest

from tailrace.cli.verify_view import as_json, as_lines, as_table
from tailrace.exports.verify import content, streams
from tailrace.exports.verify import lines as lines_module
from tailrace.exports.verify.report import Finding, Report
from tailrace.exports.verify.verifying import verify

Files = list[list[bytes]]

ROWS = (5, 4, 6)  # of the good chain's exports, in two files each
FORGED = ("rows", "bytes", "sha256", "content_sha256", "min_time", "max_time")  # all that a file's entry says of it


def line(number: int, **other: object) -> bytes:
    """One row as the server writes it; its time goes back and forth."""
    time = f"2026-03-{1 + number * 7 % 28:02d}T10:00:00.{number % 1000:03d}Z"
    row = {"id": f"id-{number}", "event": "tap", "time": time, "params": {"text": "ä" * (number % 5)}} | other
    return json.dumps(row, ensure_ascii=False).encode() + b"\n"


def content_sha256(lines: Sequence[bytes]) -> str:
    """The documented digest of rows, written down a second time."""
    total = sum(xxh3_128_intdigest(text.rstrip(b"\n")) for text in lines) % 2**128
    return sha256(f"tailrace-rows-1 {len(lines)} {total:032x}".encode()).hexdigest()


def entry(name: str, lines: Sequence[bytes], packed: bytes) -> dict[str, Any]:
    """What a manifest says of a file."""
    times = [time.decode() for time in re.findall(rb'"time": "([^"]+)"', b"".join(lines))]
    return {
        "name": name,
        "url": f"https://tailrace.example.com/files/{name}",
        "rows": len(lines),
        "bytes": len(packed),
        "sha256": sha256(packed).hexdigest(),
        "content_sha256": content_sha256(lines),
        "format": "json",
        "packing": "gzip",
        "min_time": min(times, default=None),
        "max_time": max(times, default=None),
    }


@dataclass
class Export:
    """An export on disk that a test can damage."""

    path: Path
    manifest: dict[str, Any]
    lines: Files

    def file(self, index: int = 0) -> Path:
        """The path of one of its files."""
        return self.path.parent / str(self.manifest["files"][index]["name"])

    def save(self) -> None:
        """Write the manifest as it is now."""
        self.path.write_text(json.dumps(self.manifest, indent=1))

    def pack(self, lines: Sequence[bytes], index: int = 0, forged: Sequence[str] = FORGED) -> None:
        """Write other lines into a file, and change its manifest as far as `forged` says."""
        self.write(gzip.compress(b"".join(lines), mtime=0), lines, index, forged)

    def write(self, packed: bytes, lines: Sequence[bytes], index: int = 0, forged: Sequence[str] = FORGED) -> None:
        """Write other bytes into a file, and change its manifest as far as `forged` says."""
        self.file(index).write_bytes(packed)
        now = entry(self.file(index).name, lines, packed)
        self.manifest["files"][index] |= {name: now[name] for name in forged}
        for name in ("rows", "bytes"):
            self.manifest[name] = sum(f[name] for f in self.manifest["files"])
        self.save()


class Ends(NamedTuple):
    """Where an increment begins and ends."""

    previous: str | None
    cursor: str | None
    before: int
    after: int


def export(directory: Path, name: str, files: Files, ends: Ends | None, **other: object) -> Export:
    """Write an export; `other` are keys of its manifest that differ."""
    directory.mkdir(parents=True, exist_ok=True)
    axis = "available" if ends else "event_time"
    window = {"axis": axis, "from": None, "to": None}
    manifest = {
        "version": 1,
        "tzdata": "a key that this release does not know",
        "export": f"exp_{name}",
        "app": "app_waves",
        "request": {"window": window, "filters": {"events": []}, "after": ends.previous if ends else None},
        "epoch": "ep_1",
        "snapshot_seq": ends.after if ends else 7,
        "complete_through": f"2026-04-{1 + (ends.after % 28 if ends else 0):02d}T00:00:00.000Z",
        "window": window,
        "cursor": ends.cursor if ends else None,
        "previous_cursor": ends.previous if ends else None,
        "totals_before": {"events": ends.before, "fragments": ends.before // 2} if ends else None,
        "totals_after": {"events": ends.after, "fragments": ends.after // 2} if ends else None,
        "shape": "events",
        "columns": ["id", "event", "time", "params"],
        "filtered": False,
        "files": [{"name": f"{name}-{number}.ndjson.gz"} for number in range(len(files))],
    }
    made = Export(directory / "manifest.json", manifest | other, files)
    made.manifest |= {"rows": 0, "bytes": 0} if not files else {}
    made.manifest["files"] = [entry(f["name"], [], b"") for f in made.manifest["files"]]
    made.save()
    for index, lines in enumerate(files):
        made.pack(lines, index)
    return made


def chain(root: Path, sizes: Sequence[int] = ROWS, first: int = 0) -> list[Export]:
    """A good chain of exports with these numbers of rows; one without rows has no file."""
    made: list[Export] = []
    previous, total = (None if first == 0 else f"c{first}"), first
    for number, size in enumerate(sizes):
        lines = [line(total + n) for n in range(size)]
        files = [lines[: size // 2], lines[size // 2 :]] if size else []
        ends = Ends(previous, f"c{number + 1 + first}", total, total + size)
        made.append(export(root / f"step{number}", f"s{number}", files, ends))
        previous, total = ends.cursor, total + size
    return made


def codes(report: Report) -> list[str]:
    """The codes of all findings, each once."""
    return sorted({finding.code for finding in report.findings})


@pytest.fixture
def good(tmp_path: Path) -> list[Export]:
    """A good chain of three in subdirectories of one."""
    return chain(tmp_path)


# What passes


def test_a_good_chain_passes(good: list[Export], tmp_path: Path) -> None:
    """Three increments that join are one complete chain from the beginning, found below one directory."""
    report = verify([tmp_path])
    assert (report.ok, report.findings) == (True, ())
    assert [(e.export, e.files, e.rows, e.ok) for e in report.exports] == [
        ("exp_s0", 2, 5, True),
        ("exp_s1", 2, 4, True),
        ("exp_s2", 2, 6, True),
    ]
    assert [e.bytes for e in report.exports] == [e.manifest["bytes"] for e in good]
    (found,) = report.chains
    assert (found.app, found.exports) == ("app_waves", ("exp_s0", "exp_s1", "exp_s2"))
    assert (found.rows, found.ids, found.from_beginning, found.complete) == (15, 15, True, True)
    assert found.through == good[2].manifest["complete_through"]


def test_the_order_of_directories_does_not_matter(good: list[Export]) -> None:
    """Order comes from cursors; a directory that is named twice is one directory."""
    dirs = [e.path.parent for e in (good[2], good[0], good[1], good[0])]
    report = verify(dirs)
    assert report.ok
    assert report.chains[0].exports == ("exp_s0", "exp_s1", "exp_s2")


def test_manifests_may_share_a_directory(good: list[Export], tmp_path: Path) -> None:
    """Manifests under names of their own lie together with all files."""
    together = tmp_path / "together"
    together.mkdir()
    for e in good:
        e.path.rename(together / f"{e.manifest['export']}.manifest.json")
        for index in range(2):
            shutil.move(e.file(index), together)
    report = verify([together])
    assert (report.ok, len(report.exports), len(report.chains)) == (True, 3, 1)


def test_a_chain_may_begin_anywhere(tmp_path: Path) -> None:
    """The last exports of a longer chain are complete for themselves, and the report says where they begin."""
    chain(tmp_path, first=10)
    report = verify([tmp_path])
    assert report.ok
    assert (report.chains[0].from_beginning, report.chains[0].complete) == (False, True)


def test_exports_without_rows_are_links(tmp_path: Path) -> None:
    """Increments without rows have no files and join as the others do."""
    chain(tmp_path, (0, 3, 0, 0, 2))
    report = verify([tmp_path])
    assert report.ok
    assert [e.rows for e in report.exports] == [0, 3, 0, 0, 2]


def test_asking_without_news_is_no_repetition(tmp_path: Path) -> None:
    """Any number of exports may stand at one cursor when nothing became available; the chain goes on from there."""
    for number, ends in enumerate(
        (Ends(None, "c0", 0, 0), Ends(None, "c0", 0, 0), Ends("c0", "c2", 0, 2), Ends("c2", "c2", 2, 2),
         Ends("c2", "c2", 2, 2), Ends("c2", "c3", 2, 3))
    ):  # fmt: skip
        lines = [line(n) for n in range(ends.before, ends.after)]
        export(tmp_path / f"{number}", f"e{number}", [lines] if lines else [], ends)
    report = verify([tmp_path])
    assert codes(report) == []
    assert (len(report.chains), len(report.chains[0].exports), report.chains[0].rows) == (1, 6, 3)


def clock_windows(root: Path, sizes: Sequence[int]) -> list[Export]:
    """Increments asked for by clock time: no previous cursor, and the same cursor again when nothing came."""
    made, total = [], 0
    for number, size in enumerate(sizes):
        lines = [line(n) for n in range(total, total + size)]
        ends = Ends(None, f"c{total + size}", total, total + size)
        made.append(export(root / f"day{number}", f"d{number}", [lines] if lines else [], ends))
        total += size
    return made


def test_increments_by_clock_time_join_by_totals(tmp_path: Path) -> None:
    """Days on the availability axis are one chain although none of them names a cursor, days without rows included."""
    clock_windows(tmp_path, (0, 3, 2, 0, 4, 0))
    report = verify([tmp_path])
    assert codes(report) == []
    assert [(c.from_beginning, c.complete, len(c.exports)) for c in report.chains] == [(True, True, 6)]


def test_chains_of_other_requests_are_apart(tmp_path: Path) -> None:
    """Chains of another app, another filter or another epoch never join, and may hold the same ids."""
    ends, lines = Ends(None, "a1", 0, 3), [line(n) for n in range(3)]
    export(tmp_path / "1", "e1", [lines], ends)
    export(tmp_path / "2", "e2", [lines], ends._replace(cursor="b1"), app="app_shop")
    export(tmp_path / "3", "e3", [lines], ends._replace(cursor="c1"), epoch="ep_2")
    request = {"filters": {"events": ["tap"]}}
    export(tmp_path / "4", "e4", [lines[:2]], ends._replace(cursor="d1"), request=request, filtered=True)
    report = verify([tmp_path])
    assert (codes(report), len(report.chains)) == ([], 4)
    assert [c.filtered for c in report.chains] == [False, False, False, True]


def test_columns_and_order_of_alternatives_may_change(tmp_path: Path) -> None:
    """What does not change which rows there are keeps a chain one: a missing middle is a gap, not two chains."""
    one = {"columns": None, "filters": {"events": ["a", "b"], "where": []}, "format": "json"}
    two = {"columns": ["id"], "filters": {"events": ["b", "a"]}, "shape": None}
    export(tmp_path / "1", "e1", [[line(1)]], Ends(None, "c1", 0, 1), request=one)
    export(tmp_path / "2", "e2", [[line(2)]], Ends("c2", "c3", 2, 3), request=two)
    assert codes(verify([tmp_path])) == ["chain.gap"]


def test_windows_on_other_axes_are_no_chain(tmp_path: Path) -> None:
    """Windows on event time are checked for themselves: they may overlap."""
    for name in ("w1", "w2"):
        export(tmp_path / name, name, [[line(n) for n in range(4)]], None)
    report = verify([tmp_path])
    assert (report.ok, report.chains, len(report.exports)) == (True, (), 2)


def test_rows_without_id_and_time(tmp_path: Path) -> None:
    """Columns that were not asked for are not missed, but the report says that no id was compared."""
    lines = [b'{"event":"tap"}\n'] * 3
    export(tmp_path, "e", [lines], Ends(None, "c", 0, 3), columns=["event"])
    report = verify([tmp_path])
    assert report.ok
    assert (report.chains[0].rows, report.chains[0].ids) == (3, 0)


def test_escapes_that_a_strict_reader_refuses_pass(tmp_path: Path) -> None:
    """Parameters keep their escapes (4.19): half a surrogate pair is JSON, in a parameter and even in an id."""
    lines = [line(1).replace(b'"params"', rb'"x":"\ud800","params"'), line(2).replace(b"id-2", rb"\udfff-2"), line(3)]
    export(tmp_path, "e", [lines], Ends(None, "c", 0, 3))
    report = verify([tmp_path])
    assert (codes(report), report.chains[0].ids) == ([], 3)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, 1 << 20])
def test_borders_of_chunks_do_not_matter(
    good: list[Export], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    """Whatever the size of chunks, the same is read: lines that cross a border are whole, and ends are seen."""
    expected = verify([tmp_path])
    monkeypatch.setattr(streams, "CHUNK", size)
    assert verify([tmp_path]) == expected
    with good[1].file().open("ab") as file:
        file.write(b"x")
    assert codes(verify([tmp_path])) == ["file.bytes", "file.gzip", "file.sha256"]


def test_a_large_file_passes(tmp_path: Path) -> None:
    """A file whose content is many chunks, and packs well, is read to its end."""
    lines = [line(n, text="z" * 300) for n in range(20_000)]
    export(tmp_path, "e", [lines], Ends(None, "c", 0, len(lines)))
    report = verify([tmp_path])
    assert (report.ok, report.exports[0].rows) == (True, 20_000)


def test_progress_is_told_in_bytes(good: list[Export], tmp_path: Path) -> None:
    """Progress begins at none, never goes back and ends at all bytes of all files."""
    told: list[tuple[int, int]] = []
    verify([tmp_path], lambda done, total: told.append((done, total)))
    total = sum(e.manifest["bytes"] for e in good)
    assert (told[0], told[-1]) == ((0, total), (total, total))
    assert told == sorted(told)


# What is found: damage to the second export of three, and the codes of what is then found


def flip(e: Export) -> None:
    """One bit in the middle of the packed data."""
    data = bytearray(e.file().read_bytes())
    data[len(data) // 2] ^= 1
    e.file().write_bytes(data)


def flip_gzip_time(e: Export) -> None:
    """A byte that no reader of the content would ever see."""
    data = bytearray(e.file().read_bytes())
    data[4] ^= 1
    e.file().write_bytes(data)


def truncate(e: Export) -> None:
    """A download that broke off."""
    e.file().write_bytes(e.file().read_bytes()[:-9])


def truncate_and_forge(e: Export) -> None:
    """As if the server had written a broken file."""
    e.write(e.file().read_bytes()[:-9], e.lines[0])


def two_members(e: Export) -> None:
    """Two members with the right lines: many readers stop after the first."""
    packed = gzip.compress(e.lines[0][0]) + gzip.compress(e.lines[0][1])
    e.write(packed, e.lines[0])


def plain_text(e: Export) -> None:
    """The right lines, not packed."""
    e.write(b"".join(e.lines[0]), e.lines[0])


def lose_row(e: Export) -> None:
    """A row is gone and only the packed file's own facts were made anew."""
    e.pack(e.lines[0][1:], forged=("bytes", "sha256", "min_time", "max_time"))


def lose_row_and_forge(e: Export) -> None:
    """A row is gone and the manifest knows nothing of it; only the app's totals do."""
    e.pack(e.lines[0][1:])


def double_row(e: Export) -> None:
    """A row comes twice and the manifest agrees, but not the app's totals."""
    e.pack([*e.lines[0], e.lines[0][0]])


def replace_row_by_other(e: Export) -> None:
    """A row is replaced by one of the export before; all numbers still agree."""
    e.pack([line(0), *e.lines[0][1:]])


def change_row(e: Export) -> None:
    """A row says something else in as many rows."""
    e.pack([line(5, event="tip"), *e.lines[0][1:]], forged=("bytes", "sha256"))


def swap(e: Export) -> None:
    """The two files of an export under each other's name."""
    one, two = e.file(0).read_bytes(), e.file(1).read_bytes()
    e.file(0).write_bytes(two)
    e.file(1).write_bytes(one)


def no_json(e: Export) -> None:
    """A line is an array."""
    e.pack([b"[1]\n", e.lines[0][1]], forged=("bytes", "sha256", "content_sha256"))


def not_a_number(e: Export) -> None:
    """A line holds what only a lenient reader accepts."""
    e.pack([e.lines[0][0].replace(b'"params": {', b'"params": {"n":NaN,'), e.lines[0][1]])


def no_utf8(e: Export) -> None:
    """A parameter is no text."""
    e.pack([e.lines[0][0].replace(b"tap", b"t\xffp"), e.lines[0][1]], forged=("bytes", "sha256", "content_sha256"))


def empty_line(e: Export) -> None:
    """A line without anything counts as one that is no object."""
    e.pack([*e.lines[0], b"\n"], forged=("rows", "bytes", "sha256", "content_sha256"))


def two_objects(e: Export) -> None:
    """Two rows share a line, and an empty line makes up for it."""
    lines = [e.lines[0][0].rstrip() + b" " + e.lines[0][1], b"\n"]
    e.pack(lines, forged=("rows", "bytes", "sha256", "content_sha256"))


def no_last_newline(e: Export) -> None:
    """The last line does not end."""
    e.pack([e.lines[0][0], e.lines[0][1][:-1]])


def no_id(e: Export) -> None:
    """A row lacks the id that its columns promise."""
    e.pack([e.lines[0][0].replace(b'"id"', b'"ID"'), e.lines[0][1]], forged=("bytes", "sha256", "content_sha256"))


def no_time(e: Export) -> None:
    """A row lacks the time that its columns promise."""
    e.pack([e.lines[0][0].replace(b'"time"', b'"TIME"'), e.lines[0][1]], forged=("bytes", "sha256", "content_sha256"))


def other_packing(e: Export) -> None:
    """A packing that this release cannot read proves nothing."""
    e.manifest["files"][0]["packing"] = "snappy"
    e.save()


def a_path(e: Export) -> None:
    """A name that leaves the directory is not followed."""
    e.manifest["files"][0]["name"] = f"../{e.path.parent.name}/{e.file().name}"
    e.save()


def file_twice(e: Export) -> None:
    """The manifest lists one file twice, instead of the other."""
    e.manifest["files"][1] = e.manifest["files"][0]
    e.save()


def a_folder(e: Export) -> None:
    """A directory has the file's name."""
    e.file().unlink()
    e.file().mkdir()


@pytest.mark.parametrize(
    ("damage", "found"),
    [
        (flip, ["file.gzip", "file.sha256"]),
        (flip_gzip_time, ["file.sha256"]),
        (truncate, ["file.bytes", "file.gzip", "file.sha256"]),
        (truncate_and_forge, ["file.gzip"]),
        (lambda e: e.file().unlink(), ["file"]),
        (lambda e: e.file().write_bytes(b""), ["file.bytes", "file.gzip", "file.sha256"]),
        (a_folder, ["file"]),
        (two_members, ["file.gzip"]),
        (plain_text, ["file.gzip"]),
        (lose_row, ["file.content_sha256", "file.rows"]),
        (lose_row_and_forge, ["export.totals"]),
        (double_row, ["export.totals", "ids"]),
        (replace_row_by_other, ["ids"]),
        (change_row, ["file.content_sha256"]),
        (swap, ["file.content_sha256", "file.max_time", "file.min_time", "file.sha256"]),
        (no_json, ["file.ids", "file.json", "file.times"]),
        (not_a_number, ["file.ids", "file.json", "file.times"]),
        (no_utf8, ["file.ids", "file.json", "file.times"]),
        (empty_line, ["export.totals", "file.ids", "file.json", "file.times"]),
        (two_objects, ["file.ids", "file.json", "file.times"]),
        (no_last_newline, ["file.json"]),
        (no_id, ["file.ids"]),
        (no_time, ["file.times"]),
        (other_packing, ["file.format"]),
        (a_path, ["export.files"]),
        (file_twice, ["export.bytes", "export.files", "ids"]),
    ],
    ids=lambda value: getattr(value, "__name__", "") if callable(value) else "-".join(value),
)
def test_damage_is_found(
    good: list[Export], tmp_path: Path, damage: Callable[[Export], None], found: list[str]
) -> None:
    """Each kind of damage gives the findings it should, at the damaged export, and the chain is not complete."""
    damage(good[1])
    report = verify([tmp_path])
    assert (report.ok, [c for c in codes(report) if c != "file.bytes" or "file.bytes" in found]) == (False, found)
    assert [c.complete for c in report.chains] == [False]
    assert all(str(good[1].path.parent) in f.where or f.code == "ids" for f in report.findings)
    assert all(f.expected and f.found and f.advice for f in report.findings)


def test_findings_name_the_file(good: list[Export], tmp_path: Path) -> None:
    """A finding says which file, what was expected and what was found."""
    wanted = good[1].manifest["files"][0]["sha256"]
    flip_gzip_time(good[1])
    (finding,) = verify([tmp_path]).findings
    now = sha256(good[1].file().read_bytes()).hexdigest()
    assert finding == Finding(
        "file.sha256", str(good[1].file()), f"sha256 {wanted}", f"sha256 {now}", "download this file again", "exp_s1"
    )
    assert [e.ok for e in verify([tmp_path]).exports] == [True, False, True]


def test_doubled_ids_are_named_with_their_rows(good: list[Export], tmp_path: Path) -> None:
    """An id that comes in two increments is named, with both files and rows."""
    good[2].pack([*good[2].lines[1][:-1], line(1)], 1)
    (finding,) = verify([tmp_path]).findings
    assert finding.found == f"1 ids more than once: 'id-1' in {good[0].file(0)} row 2 and {good[2].file(1)} row 3"


def test_ids_are_unique_inside_a_window(tmp_path: Path) -> None:
    """An export that is no link of a chain holds no id twice either."""
    export(tmp_path, "w", [[line(1), line(2)], [line(2)]], None)
    report = verify([tmp_path])
    assert codes(report) == ["ids"]
    assert report.exports[0].ok is False


def test_equal_hashes_are_not_equal_ids(good: list[Export], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ids whose hashes meet are told apart by comparing them, and a doubled one among them is still found."""
    monkeypatch.setattr(content, "xxh3_64_intdigest", lambda data: xxh3_64_intdigest(data) % 3)
    assert verify([tmp_path]).ok
    good[2].pack([line(7), *good[2].lines[0][1:]])
    (finding,) = verify([tmp_path]).findings
    assert finding.found.startswith("1 ids more than once: 'id-7' in ")


def test_an_endless_line_is_refused(good: list[Export], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A line above the bound stops the reading of its file, so that memory does not grow with it."""
    monkeypatch.setattr(lines_module, "LONGEST_LINE", 1 << 21)
    good[1].pack([line(5, text="z" * (4 << 20)), *good[1].lines[0][1:]])
    assert codes(verify([tmp_path])) == ["file.json"]


def set_at(manifest: dict[str, Any], path: Sequence[str | int], value: object) -> None:
    """Change one value of a manifest."""
    target: Any = manifest
    for key in path[:-1]:
        target = target[key]
    target[path[-1]] = value


@pytest.mark.parametrize(
    ("path", "value", "found"),
    [
        (["rows"], 5, "export.rows"),
        (["bytes"], 1, "export.bytes"),
        (["files", 0, "rows"], 3, "file.rows"),
        (["files", 0, "bytes"], 7, "file.bytes"),
        (["files", 0, "sha256"], "0" * 64, "file.sha256"),
        (["files", 0, "content_sha256"], "0" * 64, "file.content_sha256"),
        (["files", 0, "min_time"], "2026-03-01T00:00:00.000Z", "file.min_time"),
        (["files", 0, "max_time"], "2026-03-28T00:00:00.000Z", "file.max_time"),
        (["files", 0, "max_time"], None, "file.max_time"),
        (["files"], [], "export.rows"),
        (["totals_before", "events"], 4, "chain.totals"),
        (["totals_before", "events"], 4, "export.totals"),
        (["totals_before", "fragments"], 1, "chain.totals"),
        (["totals_after", "events"], 10, "chain.totals"),
        (["totals_after", "events"], 0, "export.totals"),
        (["totals_after"], None, "export.totals"),
        (["cursor"], None, "export.totals"),
        (["cursor"], "c9", "chain.gap"),
        (["previous_cursor"], "c9", "chain.gap"),
        (["version"], 2, "manifest"),
        (["version"], "1", "manifest"),
        (["files", 0, "rows"], -2, "manifest"),
        (["files", 0, "min_time"], "yesterday", "manifest"),
        (["files", 0], {"name": "x"}, "manifest"),
        (["window"], "available", "manifest"),
    ],
    ids=lambda value: ".".join(map(str, value)) if isinstance(value, list) else None,
)
def test_a_wrong_manifest_is_found(
    good: list[Export], tmp_path: Path, path: list[str | int], value: object, found: str
) -> None:
    """Each value that is checked, when it is wrong, is found."""
    set_at(good[1].manifest, path, value)
    good[1].save()
    report = verify([tmp_path])
    assert not report.ok
    assert found in codes(report)


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", "\udcff", '{"version": 1}', "[" * 5000])
def test_a_malformed_manifest_is_found(good: list[Export], tmp_path: Path, text: str) -> None:
    """What cannot be read as a manifest is a finding at its path, and the exports around it show the gap."""
    good[1].path.write_bytes(text.encode("utf-8", "surrogateescape"))
    report = verify([tmp_path])
    assert codes(report) == ["chain.gap", "manifest"]
    assert report.findings[0].where == str(good[1].path)


def test_an_empty_directory_is_found(good: list[Export], tmp_path: Path) -> None:
    """Nothing to verify is not a success: neither an empty directory, nor one that is missing, nor a file."""
    (tmp_path / "empty").mkdir()
    for where in (tmp_path / "empty", tmp_path / "missing", good[0].path):
        report = verify([where])
        assert (report.ok, codes(report), report.findings[0].where) == (False, ["directory"], str(where))
    assert not verify([]).ok


# Chains that do not join


def test_a_missing_increment_is_a_gap(good: list[Export]) -> None:
    """Without the middle one, the finding names the neighbours and how many events lie between."""
    report = verify([good[0].path.parent, good[2].path.parent])
    (finding,) = report.findings
    assert (finding.code, finding.export) == ("chain.gap", "exp_s2")
    assert finding.expected == "it continues exp_s0, which ends at cursor c1 (5 events in 2 fragments)"
    assert finding.found == "it continues from cursor c2 (9 events in 4 fragments): 4 events lie between"
    assert [(c.exports, c.complete) for c in report.chains] == [(("exp_s0", "exp_s2"), False)]


def test_a_repeated_export_is_found_and_counted_once(good: list[Export], tmp_path: Path) -> None:
    """The same step under another id is one finding, not one for each of its rows."""
    shutil.copytree(good[1].path.parent, tmp_path / "again")
    again = replace(good[1], path=tmp_path / "again" / "manifest.json", manifest=good[1].manifest | {"export": "exp_x"})
    again.save()
    report = verify([tmp_path])
    assert codes(report) == ["chain.repeated"]
    assert (report.chains[0].rows, len(report.chains[0].exports), report.chains[0].complete) == (15, 3, False)


def test_a_fork_is_found(good: list[Export], tmp_path: Path) -> None:
    """Two exports that continue from one cursor hold the same rows; so do two that begin at the beginning."""
    lines = good[1].lines[0] + good[1].lines[1] + [line(99)]
    export(tmp_path / "fork", "fork", [lines], Ends("c1", "c7", 5, 10))
    assert codes(verify([tmp_path])) == ["chain.fork", "ids"]
    shutil.rmtree(tmp_path / "fork")
    export(tmp_path / "fork", "fork", [[line(0)]], Ends(None, "c8", 0, 1))
    assert codes(verify([tmp_path])) == ["chain.fork", "ids"]


def test_overlapping_clock_windows_are_found(tmp_path: Path) -> None:
    """A day that begins before the other ended is an overlap; a day that is missing is a gap."""
    days = clock_windows(tmp_path, (3, 2, 4))
    shutil.rmtree(days[1].path.parent)
    assert codes(verify([tmp_path])) == ["chain.gap"]
    export(tmp_path / "wide", "wide", [[line(2), line(3), line(4)]], Ends(None, "c5", 2, 5))
    assert codes(verify([tmp_path])) == ["chain.overlap", "ids"]


def test_cursors_that_lead_back_are_found(tmp_path: Path) -> None:
    """Cursors in a circle are no chain, and end nowhere but in a finding."""
    export(tmp_path / "1", "e1", [[line(1)]], Ends("c2", "c1", 0, 1))
    export(tmp_path / "2", "e2", [[line(2)]], Ends("c1", "c2", 1, 2))
    assert codes(verify([tmp_path])) == ["chain.loop"]


def test_a_filtered_increment_has_no_more_rows_than_events(tmp_path: Path) -> None:
    """With a filter, totals are only an upper bound."""
    lines = [line(n) for n in range(3)]
    export(tmp_path, "e", [lines], Ends(None, "c", 0, 9), filtered=True)
    assert verify([tmp_path]).ok
    export(tmp_path, "e", [lines], Ends(None, "c", 0, 2), filtered=True)
    assert codes(verify([tmp_path])) == ["export.totals"]


# Any damage


@pytest.fixture(scope="module")
def lasting(tmp_path_factory: pytest.TempPathFactory) -> list[Export]:
    """A good chain that properties damage and mend."""
    return chain(tmp_path_factory.mktemp("lasting"))


def report_of(exports: Sequence[Export]) -> Report:
    """The report on some exports."""
    return verify([e.path.parent for e in exports])


def pick_file(data: st.DataObject, exports: Sequence[Export]) -> tuple[Export, int]:
    """Any file of any export."""
    return exports[data.draw(st.integers(0, len(exports) - 1))], data.draw(st.integers(0, 1))


@given(st.data())
@settings(deadline=None)
def test_any_changed_byte_is_found(lasting: list[Export], data: st.DataObject) -> None:
    """Whichever byte of whichever file is changed to whatever, its file is named."""
    e, index = pick_file(data, lasting)
    path = e.file(index)
    whole = path.read_bytes()
    at = data.draw(st.integers(0, len(whole) - 1))
    path.write_bytes(whole[:at] + bytes([whole[at] ^ data.draw(st.integers(1, 255))]) + whole[at + 1 :])
    try:
        report = report_of(lasting)
    finally:
        path.write_bytes(whole)
    assert {f.where for f in report.findings} == {str(path)}
    assert "file.sha256" in codes(report)


@given(st.data())
@settings(deadline=None)
def test_any_cut_is_found(lasting: list[Export], data: st.DataObject) -> None:
    """However short a download broke off, size, hash and the end of the member tell."""
    e, index = pick_file(data, lasting)
    path = e.file(index)
    whole = path.read_bytes()
    path.write_bytes(whole[: data.draw(st.integers(0, len(whole) - 1))])
    try:
        report = report_of(lasting)
    finally:
        path.write_bytes(whole)
    assert codes(report) == ["file.bytes", "file.gzip", "file.sha256"]


@given(st.data())
@settings(deadline=None)
def test_any_removed_line_is_found(lasting: list[Export], data: st.DataObject) -> None:
    """Whichever line is lost, however much of the file's entry was made anew to hide it."""
    e, index = pick_file(data, lasting)
    forged = data.draw(st.lists(st.sampled_from(FORGED), unique=True))
    lines = e.lines[index]
    lost = data.draw(st.integers(0, len(lines) - 1))
    try:
        e.pack(lines[:lost] + lines[lost + 1 :], index, forged)
        report = report_of(lasting)
    finally:
        e.pack(lines, index)
    assert not report.ok
    assert "export.totals" in codes(report) or "file.rows" in codes(report)
    assert not report.chains[0].complete


@given(st.data())
@settings(deadline=None)
def test_only_a_stretch_of_a_chain_is_complete(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    """Of a chain's exports in any order, those that are kept pass when and only when none between them is missing."""
    sizes = data.draw(st.lists(st.integers(0, 3), min_size=1, max_size=7))
    exports = chain(tmp_path_factory.mktemp("chain"), sizes, data.draw(st.sampled_from([0, 4])))
    kept = data.draw(st.lists(st.integers(0, len(sizes) - 1), min_size=1, unique=True))
    report = report_of([exports[number] for number in kept])
    assert report.ok == (max(kept) - min(kept) + 1 == len(kept))
    assert codes(report) == ([] if report.ok else ["chain.gap"])
    assert report.chains[0].exports == tuple(f"exp_s{number}" for number in sorted(kept))


# How it is shown


def shown(report: Report) -> Iterator[str]:
    """The report in the two ways that people read."""
    console = Console(file=StringIO(), record=True, width=200)
    console.print(as_table(report))
    yield console.export_text()
    yield "\n".join(as_lines(report))


def test_a_good_report_is_shown(good: list[Export], tmp_path: Path) -> None:
    """Table and lines name every export, the chain and the verdict."""
    for text in shown(verify([tmp_path])):
        assert all(e.manifest["export"] in text for e in good)
        assert "chain of app_waves: complete from the beginning through 2026-04-16" in text
        assert "3 exports, 15 rows, every id compared" in text
        assert "ok: 3 exports, 15 rows" in text


def test_a_bad_report_is_shown(good: list[Export], tmp_path: Path) -> None:
    """Table and lines hold every finding whole, with what to do next; names cannot steer the terminal."""
    good[1].manifest["export"] = "exp_[red]\x1b[2J"
    good[1].save()
    flip(good[1])
    report = verify([tmp_path])
    for text in shown(report):
        assert "\x1b" not in text
        assert "exp_[red]\N{REPLACEMENT CHARACTER}[2J" in text
        assert all(part in text for f in report.findings for part in (f.code, f.expected, f.found, f.advice))
        assert "NOT COMPLETE" in text
        assert "NOT OK: 2 findings" in text


def test_a_report_is_json(good: list[Export], tmp_path: Path) -> None:
    """Programs get the verdict and all of the report, through any JSON writer."""
    good[1].file().unlink()
    told = json.loads(json.dumps(as_json(verify([tmp_path]))))
    assert (told["ok"], len(told["exports"]), told["chains"][0]["complete"]) == (False, 3, False)
    assert told["findings"][0]["code"] == "file"
    assert told["findings"][0]["where"] == str(good[1].file())


# Sessions


def session_lines(*sizes: int) -> list[bytes]:
    """Sessions with so many events."""
    numbers = iter(range(100))
    rows = [
        {"session_id": f"s{n}", "events": [json.loads(line(next(numbers))) for _ in range(s)]}
        for n, s in enumerate(sizes)
    ]
    return [json.dumps(row).encode() + b"\n" for row in rows]


@pytest.mark.parametrize(
    ("sizes", "events", "fragments", "found"),
    [
        ((2, 3), 5, 2, []),
        ((2, 2), 5, 2, ["export.totals"]),
        ((2,), 5, 2, ["export.totals"]),
        ((2, 1, 2), 5, 2, []),  # one was too large for a row
        ((2, 1, 3), 5, 2, ["export.totals"]),
    ],
)
def test_sessions_are_counted_with_their_events(
    tmp_path: Path, sizes: Sequence[int], events: int, fragments: int, found: list[str]
) -> None:
    """Rows are the fragments that the app got; where one had to be cut, its events prove it whole."""
    e = export(tmp_path, "e", [session_lines(*sizes)], Ends(None, "c", 0, events), shape="sessions")
    e.manifest["totals_after"]["fragments"] = fragments
    e.save()
    report = verify([tmp_path])
    assert codes(report) == found
    assert (report.exports[0].rows, report.chains[0].events) == (len(sizes), sum(sizes))
