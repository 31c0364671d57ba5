"""Segment files, of this release and of every one before."""

import json
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tailrace.files.local import LocalFiles
from tailrace.model.export import Filters
from tailrace.model.fields import FIELDS, SCHEMA_VERSION
from tailrace.model.segment import Location, Segment, Statistics
from tailrace.model.window import Window
from tailrace.store import segments
from tailrace.store.scan import Selection, scan
from tailrace.store.schema import SEGMENT_SCHEMA, STORED_EVENT_FIELDS, STORED_SESSION_FIELDS
from tailrace.store.segments import open_segment, read_row_group, write_segment

Row = dict[str, Any]

FIXTURES = Path(__file__).parents[2] / "fixtures" / "segments"
VERSIONS = sorted(int(path.stem[1:]) for path in FIXTURES.glob("v*.parquet"))
ALL_OF_SESSION = [f.name for f in SEGMENT_SCHEMA if f.name != "events"]
ALL_OF_EVENTS = [f.name for f in STORED_EVENT_FIELDS]


def segment(location: Location) -> Segment:
    """A catalogue entry that hands on numbers 100, 10 and seq 7."""
    return Segment(1, 7, 0, "all", location, SCHEMA_VERSION, 100, 10, Statistics(0, 0, 0, 0, 0, 0, 0))


def fragment(session: str, times: Sequence[int], **more: Any) -> Row:
    """A fragment whose events have these times."""
    events = [{"id": f"{session}/{time}", "event": "e", "time": time} for time in times]
    return {"session_id": session, "session_start": min(times), "fragment": 0, "events": events} | more


def table(rows: Sequence[Row]) -> pa.Table:
    """Fragments as a seal makes them."""
    return pa.Table.from_pylist(rows, schema=SEGMENT_SCHEMA)


def scan_all(files: LocalFiles, location: Location, columns: Sequence[str]) -> list[Row]:
    """All events of a segment as rows."""
    selection = Selection(Window("available", None, None), Filters(), columns)
    rows: list[Row] = []
    stored = segment(location)
    for batch in scan(files, stored, {seq: 90 + seq for seq in range(10)}, selection):
        of_fragments = batch.fragments.to_pylist()
        rows += [of_fragments[p] | e for p, e in zip(batch.parent.to_pylist(), batch.events.to_pylist(), strict=True)]
    return rows


times = st.lists(st.integers(-(2**40), 2**60), min_size=1, max_size=9)


@settings(max_examples=25, deadline=None)
@given(st.lists(times, min_size=1, max_size=8), st.integers(1, 12))
def test_row_groups_are_bounded_and_lose_nothing(lengths: list[list[int]], most: int) -> None:
    """Group by group a segment is what was written; no group has more events than the bound but a lone fragment."""
    rows = [fragment(f"s{number}", found) for number, found in enumerate(lengths)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(segments, "ROW_GROUP_EVENTS", most)
        groups = written_groups(table(rows))
    assert [row for group in groups for row in group] == table(rows).to_pylist()
    for group in groups:
        assert len(group) == 1 or sum(len(row["events"]) for row in group) <= most
    pairs = pairwise(groups)
    assert all(sum(len(row["events"]) for row in [*one, other[0]]) > most for one, other in pairs)


def test_row_groups_are_bounded_in_all_their_text(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever holds the text, parameters, names or what is said of the session: no group has more than the bound."""
    monkeypatch.setattr(segments, "ROW_GROUP_BYTES", 1_000)
    rows = [fragment(f"s{number}", [1, 2]) for number in range(9)]
    for row, (name, inner) in zip(rows, [("params", True), ("event", True), ("city", False)] * 3, strict=True):
        for holder in row["events"] if inner else [row]:
            holder[name] = "x" * (200 if inner else 400)
    groups = written_groups(table(rows))
    assert [len(group) for group in groups] == [2, 2, 2, 2, 1]


def written_groups(fragments: pa.Table) -> list[list[Row]]:
    """A segment written and read back, by row group."""
    with TemporaryDirectory() as directory:
        files = LocalFiles(Path(directory))
        location = write_segment(files, "a.parquet", fragments)
        assert location == Location("a.parquet", 0, (Path(directory) / "a.parquet").stat().st_size)
        with open_segment(files, segment(location)) as file:
            count = file.num_row_groups
            found = [read_row_group(file, index, ALL_OF_SESSION, ALL_OF_EVENTS) for index in range(count)]
    return [group.select(SEGMENT_SCHEMA.names).to_pylist() for group in found]


def test_the_footer_names_the_schema_version(tmp_path: Path) -> None:
    """A segment says by itself which version wrote it."""
    write_segment(LocalFiles(tmp_path), "a.parquet", table([fragment("s", [1])]))
    metadata = pq.read_schema(tmp_path / "a.parquet").metadata
    assert metadata[b"tailrace.schema_version"] == str(SCHEMA_VERSION).encode()


def test_a_segment_inside_an_object_is_read_where_it_lies(tmp_path: Path) -> None:
    """A location has an offset: a segment packed between others is read, and they are not."""
    files = LocalFiles(tmp_path)
    parts = []
    for name in ("a", "b", "c"):
        write_segment(files, name, table([fragment(name, [1, 2])]))
        parts.append((tmp_path / name).read_bytes())
    (tmp_path / "pack").write_bytes(b"".join(parts))
    location = Location("pack", len(parts[0]), len(parts[1]))
    assert [row["id"] for row in scan_all(files, location, ["id", "session_id"])] == ["b/1", "b/2"]


def test_columns_that_a_file_is_too_old_for_are_null(tmp_path: Path) -> None:
    """A file without newer session and event columns, as an older release wrote it, reads with nulls in their place."""
    old_events = pa.list_(pa.struct([("id", pa.string()), ("event", pa.string()), ("time", pa.int64())]))
    names = ("session_id", "session_start", "fragment", "row_session_number", "row_seq", "row_first_event")
    fields = [SEGMENT_SCHEMA.field(name) for name in names]
    old = pa.schema([*fields, pa.field("app_version", pa.string()), pa.field("events", old_events)])
    rows = [fragment("a", [5, 9], app_version="1"), fragment("b", [7])]
    pq.write_table(pa.Table.from_pylist(rows, schema=old), tmp_path / "old")
    location = Location("old", 0, (tmp_path / "old").stat().st_size)
    columns = ["value", "id", "country", "session_id", "params", "app_version", "is_paying", "birth_year"]
    found = scan_all(LocalFiles(tmp_path), location, columns)
    nothing = dict.fromkeys(("value", "country", "params", "is_paying", "birth_year"))
    assert found == [
        nothing | {"id": id_, "session_id": id_[0], "app_version": version}
        for id_, version in (("a/5", "1"), ("a/9", "1"), ("b/7", None))
    ]


def test_every_version_has_a_fixture() -> None:
    """A new schema version comes with a segment of it: see tests/fixtures/segments/make.py."""
    assert list(range(1, SCHEMA_VERSION + 1)) == VERSIONS


@pytest.mark.parametrize("version", VERSIONS)
def test_segments_of_every_release_are_read(version: int) -> None:
    """The scan reads a segment of each released version with the values that were put into it, newer columns null."""
    expected = []
    stored = [f.name for f in (*STORED_SESSION_FIELDS, *STORED_EVENT_FIELDS)]
    for row in json.loads((FIXTURES / f"v{version}.json").read_text("utf-8")):
        expected += [{name: event.get(name, row.get(name)) for name in stored} for event in row["events"]]
    path = FIXTURES / f"v{version}.parquet"
    found = scan_all(LocalFiles(FIXTURES), Location(path.name, 0, path.stat().st_size), stored)
    assert found == expected


@pytest.mark.parametrize("version", VERSIONS)
def test_what_old_segments_inherit_is_the_same(version: int) -> None:
    """Numbers go on from the catalogue's; a rewritten fragment keeps its own; offsets count from the start."""
    path = FIXTURES / f"v{version}.parquet"
    columns = ["id", "number", "session_number", "available_at", "session_offset_ms"]
    found = scan_all(LocalFiles(FIXTURES), Location(path.name, 0, path.stat().st_size), columns)
    assert [tuple(row[name] for name in columns) for row in found] == [
        ("full0", 100, 10, 97, 0),
        ("full1", 101, 10, 97, 1),
        ("full2", 102, 10, 97, 2),
        ("bare", 5, 3, 94, -1),
    ]


def test_a_fixture_has_every_field_of_its_version() -> None:
    """The newest fixture has a value in every stored field, so that a retyped column is noticed."""
    rows = json.loads((FIXTURES / f"v{SCHEMA_VERSION}.json").read_text("utf-8"))
    shown = {name for row in rows for name, value in (row | row["events"][0]).items() if value is not None}
    assert {name for name, field in FIELDS.items() if not field.derived} <= shown
