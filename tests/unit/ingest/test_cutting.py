"""Large sessions become several fragments: every bound holds, and nothing else about the session changes."""

import random
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tailrace.columns.sizes import stretches, text_bytes
from tailrace.ingest.cutting import BOUNDS, Bounds
from tailrace.ingest.seal import Sealed, Sealer
from tailrace.ingest.sealing import seal_due, seal_everything
from tailrace.model.access import Scope
from tailrace.model.clock import HOUR, SECOND
from tailrace.model.policy import LIMITS
from tailrace.model.segment import Segment
from tailrace.store.ledger import ledger
from tailrace.store.segments import open_segment
from tailrace.store.snapshots import visible
from tailrace.wiring import House
from tests.conftest import TestClock, at
from tests.sending import T0, Row, event, export, request, seal, send

sqlite = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)  # one test tries both databases
SMALL = Bounds(fragment_events=500, fragment_bytes=64 << 10, segment_events=2_000, segment_bytes=256 << 10)
COLUMNS = (
    *("id", "number", "session_number", "session_id", "session_start", "session_end", "session_duration_ms"),
    *("fragment", "app_version", "session_properties", "user_number"),
)


def sealer_of(house: House, bounds: Bounds = SMALL, **settings: Any) -> Sealer:
    """A sealer with other bounds and seal settings."""
    sealer = house.sealer()
    return replace(sealer, bounds=bounds, settings=sealer.settings.model_copy(update=settings))


def seal_all(house: House, scope: Scope, bounds: Bounds = SMALL, **settings: Any) -> list[Sealed]:
    """Seal everything with other bounds."""
    every = seal_everything(sealer_of(house, bounds, **settings), [scope], "test", close_all=True)
    return [step.sealed for step in every]


def segments_of(house: House, scope: Scope) -> list[Segment]:
    """All segments of an app, in output order."""
    with house.database.read() as connection:
        return visible(connection, scope, 10**6)


def stored(house: House, scope: Scope) -> list[Row]:
    """All stored fragments: each row of each segment with the count and text of its events and of all of it."""
    found: list[Row] = []
    for segment in segments_of(house, scope):
        with open_segment(house.files, segment) as file:
            for group in range(file.num_row_groups):
                table = file.read_row_group(group)
                about = text_bytes(table.drop_columns("events")).tolist()
                for row, own in zip(table.to_pylist(), about, strict=True):
                    text = sum(len(v) for e in row["events"] for v in e.values() if isinstance(v, str))
                    found.append(row | {"count": len(row["events"]), "text": text, "about": own, "in": segment.number})
    return found


def exported(house: House, scope: Scope) -> list[Row]:
    """All events as an export shows them."""
    return export(house, scope, request(scope, columns=COLUMNS))[1]


def lengthy(count: int, text: int, **more: Any) -> list[Row]:
    """Events of one session, each with so much text."""
    filler = "x" * text
    return [event("e", T0 + n * 10, id=f"i{n}", params={"n": n, "t": filler}, **more) for n in range(count)]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.integers(0, 30), max_size=30), st.integers(1, 6), st.integers(1, 40))
def test_stretches_are_as_full_as_they_can_be(sizes: Sequence[int], rows: int, size: int) -> None:
    """Each row is in one stretch; each stretch is within both bounds or one row; none could take the next row too."""
    found = list(stretches(np.array(sizes, dtype=np.int64), rows, size))
    assert [row for start, stop in found for row in range(start, stop)] == list(range(len(sizes)))
    for start, stop in found:
        assert stop - start == 1 or (stop - start <= rows and sum(sizes[start:stop]) <= size)
    for (start, stop), _ in pairwise(found):
        assert stop - start == rows or sum(sizes[start : stop + 1]) > size


def test_the_largest_record_fits_a_fragment() -> None:
    """A fragment of one record is no larger than the bound: the door lets nothing larger in."""
    assert LIMITS["ingest.max_record_bytes"].default * 2 < BOUNDS.fragment_bytes < BOUNDS.segment_bytes
    assert BOUNDS.fragment_events < BOUNDS.segment_events


@pytest.mark.parametrize(("backend", "session"), [("postgresql", "s1"), ("sqlite", None)], indirect=["backend"])
def test_a_session_of_any_size_is_stored_in_bounded_fragments(house: House, scope: Scope, session: str | None) -> None:
    """One session of 40 000 events and 64 MB, in four seals: bounded fragments, and every promise is kept.

    With resends and another session between. Bounds are 1/8 of the real ones. Whether the session has a name is the
    same to either database.
    """
    bounds = Bounds(fragment_events=7_500, fragment_bytes=2 << 20, segment_events=30_000, segment_bytes=8 << 20)
    sent = lengthy(40_000, 1_700, session=session)
    for start in range(0, len(sent), 4_000):
        send(house, scope, sent[start : start + 4_000] + sent[start : start + 20])
        send(house, scope, [event("other", T0 + start, device="d2", session="s2", id=f"o{start}")])
    assert len(seal_all(house, scope, bounds, max_records=16_000)) == 4
    fragments = stored(house, scope)
    assert all(f["count"] <= bounds.fragment_events and f["text"] <= bounds.fragment_bytes for f in fragments)
    assert sum(f["text"] for f in fragments) > 64 << 20
    rows = exported(house, scope)
    check_sessions(sent, [row for row in rows if row["id"].startswith("i")])
    assert sorted(row["number"] for row in rows) == list(range(40_010))
    assert len({row["session_number"] for row in rows}) == 2
    late = sum(segment.statistics.late_fragments for segment in segments_of(house, scope))
    assert late == len(fragments) - 2 >= 32
    found = ledger(house.database, scope)
    assert (found.sealed, found.duplicates, found.open, found.holds) == (40_010, 200, 0, True)


def check_sessions(sent: Sequence[Row], rows: Sequence[Row]) -> None:
    """Each event once; one session with one start, known to the end of its seal, and fragments 0, 1, 2 … in time."""
    assert Counter(row["id"] for row in rows) == Counter(record["id"] for record in sent)
    assert len({(row["session_number"], row["session_id"], row["session_start"]) for row in rows}) == 1
    assert {row["user_number"] for row in rows} == {1}
    places = {record["id"]: place for place, record in enumerate(sent)}
    ordered = [row["fragment"] for row in sorted(rows, key=lambda row: places[row["id"]])]
    assert ordered == sorted(ordered)
    assert set(ordered) == set(range(max(ordered) + 1))
    last = max(rows, key=lambda row: places[row["id"]])
    assert last["session_duration_ms"] == (len(sent) - 1) * 10
    assert all(row["session_duration_ms"] >= places[row["id"]] * 10 for row in rows)


@sqlite
def test_many_sessions_keep_their_numbers(house: House, scope: Scope) -> None:
    """Large and small sessions of two days in one seal, cut over many segments: a number is its first fragment's."""
    sent = []
    for number, count in enumerate([1, 1_700, 3, 501, 500, 2, 2_600, 1]):
        start = T0 + number * 7 * HOUR
        sent += [event("e", start + n, session=f"s{number}", id=f"{number}/{n}") for n in range(count)]
    random.Random(5).shuffle(sent)  # noqa: S311
    send(house, scope, sent)
    seal_all(house, scope)
    segments = segments_of(house, scope)
    assert len(segments) > len({segment.day for segment in segments}) >= 2
    assert all(segment.statistics.events <= SMALL.segment_events for segment in segments)
    fragments = stored(house, scope)
    assert Counter(f["session_id"] for f in fragments) == Counter(s1=4, s3=2, s6=6, s0=1, s2=1, s4=1, s5=1, s7=1)
    firsts = {f["session_id"]: place for place, f in enumerate(fragments) if f["fragment"] == 0}
    rows = exported(house, scope)
    assert Counter(row["id"] for row in rows) == Counter(record["id"] for record in sent)
    assert {row["session_id"]: row["session_number"] for row in rows} == firsts
    assert all(row["id"].split("/")[0] == row["session_id"][1:] for row in rows)


def test_late_events_join_after_all_fragments_of_a_seal(house: House, scope: Scope) -> None:
    """What comes later continues the count, itself in several fragments, and inherits what the first one says."""
    version = {"session": {"app_version": "1.2"}}
    waves = [[event("e", T0 + wave + n * 3, id=f"{wave}/{n}") for n in range(1_100)] for wave in range(3)]
    for wave in waves:
        send(house, scope, [record | version for record in wave] if wave is waves[0] else wave)
        seal_all(house, scope)
    rows = exported(house, scope)
    assert Counter(row["id"] for row in rows) == Counter(record["id"] for wave in waves for record in wave)
    assert {(row["session_number"], row["app_version"]) for row in rows} == {(0, "1.2")}
    for number in range(3):
        mine = {row["fragment"] for row in rows if row["id"].startswith(f"{number}/")}
        assert mine == set(range(3 * number, 3 * number + 3))


@sqlite
def test_later_fragments_inherit_within_a_seal(house: House, scope: Scope) -> None:
    """What only the first events say of a session holds for all its fragments; what is long stays with the first."""
    sent = lengthy(1_200, 10)
    sent[3] |= {"session": {"app_version": "1.2", "properties": {"long": "y" * 20_000}, "city": "Kyiv"}}
    sent[-1] |= {"session": {"app_version": "1.3"}}
    send(house, scope, sent)
    seal_all(house, scope)
    fragments = sorted(stored(house, scope), key=lambda f: f["fragment"])
    assert [f["app_version"] for f in fragments] == ["1.2", "1.2", "1.3"]
    assert [f["city"] for f in fragments] == ["Kyiv"] * 3
    assert [f["session_properties"] is None for f in fragments] == [False, True, True]


@sqlite
def test_what_many_late_fragments_inherit_is_bounded(house: House, scope: Scope) -> None:
    """Long descriptions that many fragments inherit at once make more segments, not larger ones."""
    described = {"session": {"properties": {"long": "y" * 16_000}}}
    for late in range(2):
        records = [event("e", T0 + late, session=f"s{n}", id=f"{late}/{n}") for n in range(64)]
        send(house, scope, [record | described for record in records] if late == 0 else records)
        seal_all(house, scope)
    fragments = stored(house, scope)
    assert all(f["session_properties"] for f in fragments)
    sizes = Counter[int]()
    for f in fragments:
        sizes[f["in"]] += f["about"]
    assert len(sizes) > 4
    assert all(size <= SMALL.segment_bytes * 1.1 for size in sizes.values())


@sqlite
def test_a_session_that_fills_a_fragment_is_not_kept_open(house: House, scope: Scope) -> None:
    """It is sealed as far as it came, so that open records stay few; a smaller one waits for its end."""
    clock = TestClock(T0 + HOUR)
    shifted = at(house, clock)
    sealed = []
    for wave in range(4):
        large = [event("e", T0 + wave * SECOND + n, id=f"{wave}/{n}") for n in range(400)]
        small = [event("e", T0 + wave, session="s2", id=f"small{wave}")]
        send(shifted, scope, large + small)
        sealed += [step.sealed for step in seal_due(sealer_of(shifted), [scope], "test")]
    assert [(s.events, s.fragments, s.open) for s in sealed] == [(0, 0, 401), (800, 2, 2), (0, 0, 403), (800, 2, 4)]
    seal(shifted, scope)
    rows = exported(house, scope)
    assert Counter(row["session_id"] for row in rows) == {"s1": 1_600, "s2": 4}
    assert {row["fragment"] for row in rows if row["session_id"] == "s1"} == {0, 1, 2, 3}


@sqlite
def test_a_record_larger_than_a_fragment_is_one(house: House, scope: Scope) -> None:
    """A bound below the largest record loses nothing: such a record is a fragment of its own."""
    send(house, scope, [*lengthy(3, 100), event("big", T0 + 40, id="big", params={"t": "z" * 100_000})])
    seal_all(house, scope)
    assert [(f["fragment"], f["count"]) for f in stored(house, scope)] == [(0, 3), (1, 1)]
    assert {row["id"] for row in exported(house, scope)} == {"i0", "i1", "i2", "big"}
