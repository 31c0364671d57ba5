"""Whole sessions against a naive oracle, over fragments in any segments that the store could have put them in."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any
from unittest.mock import patch

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tailrace.model.segment import Location, Segment, Statistics
from tailrace.store import merge
from tailrace.store.batches import EventBatch
from tailrace.store.merge import whole_sessions

Row = dict[str, Any]
SEGMENTS = 3
NEWEST = ("session_end", "session_duration_ms", "session_user_id")
FRAGMENT = pa.schema(
    [
        ("session_number", pa.int64()),
        ("fragment", pa.int64()),
        *((name, pa.int64()) for name in NEWEST[:2]),
        ("session_user_id", pa.string()),
        ("country", pa.string()),
    ]
)
EVENT = pa.schema([("id", pa.string()), ("time", pa.int64())])


@dataclass
class Fragment:
    """A stored fragment: its columns, and how many events of it are left by the filters."""

    row: Row
    events: list[Row]
    late: bool = field(init=False)

    def __post_init__(self) -> None:
        self.late = self.row["fragment"] > 0


@dataclass(frozen=True)
class Stored:
    """Segments, each with its row groups."""

    groups: Sequence[Sequence[Sequence[Fragment]]]

    @property
    def segments(self) -> list[Segment]:
        """As the catalogue has them."""
        return [segment(place, [one for group in groups for one in group]) for place, groups in enumerate(self.groups)]

    @property
    def fragments(self) -> list[Fragment]:
        """All that have an event left."""
        return [one for groups in self.groups for group in groups for one in group if one.events]

    def scan(self, wanted: Segment) -> Iterator[EventBatch]:
        """As the store's scan: a batch per row group in which something is left, with all its fragments."""
        return (batch(group) for group in self.groups[wanted.number] if any(one.events for one in group))


def segment(number: int, fragments: Sequence[Fragment]) -> Segment:
    """A segment of which just the number and the count of late fragments matter."""
    known = Statistics(1, 1, sum(one.late for one in fragments), 0, 0, 0, 0)
    return Segment(number, 1, 0, "", Location("o", 0, 0), 1, 0, 0, known)


def batch(fragments: Sequence[Fragment]) -> EventBatch:
    """Fragments as the scan gives them."""
    parents = [place for place, one in enumerate(fragments) for _ in one.events]
    events = [event for one in fragments for event in one.events]
    return EventBatch(
        pa.Table.from_pylist([one.row for one in fragments], FRAGMENT),
        pa.array(parents, pa.int32()),
        pa.Table.from_pylist(events, EVENT),
    )


@st.composite
def stores(draw: st.DrawFn) -> Stored:
    """Sessions numbered in the order of their first fragments; later ones come in the same segment or a later one."""
    rows: list[list[Fragment]] = [[] for _ in range(SEGMENTS)]
    begun = sorted(draw(st.lists(st.integers(0, SEGMENTS - 1), min_size=1, max_size=6)))
    for number, first in enumerate(begun):
        places = [first, *sorted(draw(st.lists(st.integers(first, SEGMENTS - 1), max_size=3)))]
        for count, place in enumerate(places):
            rows[place].append(draw(fragments(number, count)))
    for one in rows:  # in a segment a late fragment may stand anywhere
        one.sort(key=lambda f: (f.late, f.row["session_number"]) if draw(st.booleans()) else (False, 0))
        firsts = iter(sorted((f for f in one if not f.late), key=lambda f: int(f.row["session_number"])))
        one[:] = [f if f.late else next(firsts) for f in one]
    width = draw(st.integers(1, 4))
    return Stored([[one[at : at + width] for at in range(0, len(one), width)] for one in rows])


@st.composite
def fragments(draw: st.DrawFn, number: int, count: int) -> Fragment:
    """One fragment, of which the filters leave some events or none."""
    row = {
        "session_number": number,
        "fragment": count,
        "session_end": draw(st.integers(0, 9)),
        "session_duration_ms": draw(st.integers(0, 9)),
        "session_user_id": draw(st.sampled_from([None, "u1", "u2"])),
        "country": draw(st.sampled_from([None, "DE", "FR"])),
    }
    return Fragment(row, [{"id": f"{number}.{count}.{n}", "time": n} for n in range(draw(st.integers(0, 2)))])


def merged(stored: Stored) -> list[tuple[Row, list[Row]]]:
    """What comes out: rows with their events."""
    found: list[tuple[Row, list[Row]]] = []
    for one in whole_sessions(stored.scan, stored.segments):
        events: list[list[Row]] = [[] for _ in range(one.fragments.num_rows)]
        for parent, event in zip(one.parent.to_pylist(), one.events.to_pylist(), strict=True):
            events[parent].append(event)
        found += zip(one.fragments.to_pylist(), events, strict=True)
    return found


def expected(stored: Stored) -> list[tuple[Row, list[Row]]]:
    """The naive meaning: fragments by session, in their order."""
    sessions: dict[int, list[Fragment]] = {}
    for one in sorted(stored.fragments, key=lambda f: (f.row["session_number"], f.row["fragment"])):
        sessions.setdefault(one.row["session_number"], []).append(one)
    return [(columns([f.row for f in them]), [e for f in them for e in f.events]) for them in sessions.values()]


def columns(rows: Sequence[Row]) -> Row:
    """The first value that is known, of some columns the last."""
    return {name: next((r[name] for r in ordered(rows, name) if r[name] is not None), None) for name in rows[0]}


def ordered(rows: Sequence[Row], name: str) -> Sequence[Row]:
    """The rows in the order in which they are asked for a column."""
    return rows[::-1] if name in NEWEST else rows


@settings(deadline=None, max_examples=300)
@given(stores())
def test_a_session_is_one_row(stored: Stored) -> None:
    """Each session once, in order of number, with all events that are left, in order of fragment.

    Its end, duration and user are those that its newest fragment knows, all else what the first knows that knows any.
    """
    assert merged(stored) == expected(stored)


@settings(deadline=None, max_examples=300)
@given(stores(), st.integers(1, 60))
def test_a_bound_on_what_waits_loses_nothing(stored: Stored, most: int) -> None:
    """However little may wait, each event comes once and in order; only a session larger than that is cut."""
    with patch.object(merge, "LATE_BYTES", most):
        found = merged(stored)
    numbers = [row["session_number"] for row, _ in found]
    assert numbers == sorted(numbers)
    whole = expected(stored)
    assert [event for _, events in found for event in events] == [event for _, events in whole for event in events]
    rows = Counter(numbers)
    for row, _ in whole:
        assert rows[row["session_number"]] == 1 or late_bytes(stored, row["session_number"]) > most
    if max(rows.values(), default=0) <= 1:
        assert found == whole


def late_bytes(stored: Stored, number: int) -> int:
    """Bytes of text in the late fragments of a session."""
    late = [one for one in stored.fragments if one.late and one.row["session_number"] == number]
    texts = [row[name] for one in late for row in (one.row, *one.events) for name in row]
    return sum(len(text) for text in texts if isinstance(text, str))


def test_a_bound_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """No more late fragments are put together at a time than fit, but for one session."""
    monkeypatch.setattr(merge, "LATE_BYTES", 30)
    late = [Fragment(row(number, 1), [{"id": f"{number:010}", "time": 0}]) for number in range(20)]
    stored = Stored([[late]])
    sizes = [one.events.num_rows for one in whole_sessions(stored.scan, stored.segments)]
    assert sum(sizes) == 20
    assert max(sizes) == 3
    assert [pair for pair in pairwise(numbers_of(merged(stored))) if pair[0] >= pair[1]] == []


def row(number: int, fragment: int) -> Row:
    """A fragment that says nothing."""
    return dict.fromkeys(FRAGMENT.names) | {"session_number": number, "fragment": fragment}


def numbers_of(found: Sequence[tuple[Row, list[Row]]]) -> list[int]:
    """Session numbers of rows."""
    return [one["session_number"] for one, _ in found]


def test_late_fragments_are_looked_at_once_when_they_fit() -> None:
    """A segment with late fragments is read twice: for them, and in its turn. One without is read once."""
    stored = Stored(
        [[[Fragment(row(0, 0), [{"id": "a", "time": 0}])]], [[Fragment(row(0, 1), [{"id": "b", "time": 1}])]]]
    )
    seen: list[int] = []

    def scan(one: Segment) -> Iterator[EventBatch]:
        seen.append(one.number)
        return stored.scan(one)

    assert sum(one.events.num_rows for one in whole_sessions(scan, stored.segments)) == 2
    assert seen == [1, 0, 1]


def test_nothing_left_is_nothing() -> None:
    """Without segments, and with late ones of which nothing is left, no batch comes."""
    assert list(whole_sessions(Stored([]).scan, [])) == []
    nothing = Stored([[[Fragment(row(0, 1), [])]], [[Fragment(row(1, 0), [])]]])
    assert list(whole_sessions(nothing.scan, nothing.segments)) == []
    assert replace(nothing.segments[0]).statistics.late_fragments == 1
