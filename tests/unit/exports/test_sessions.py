"""The shape `sessions` holds just the rows of the shape `events`, grouped by session."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest

from tailrace.model.clock import DAY, HOUR, MINUTE
from tailrace.model.export import Filters
from tailrace.model.predicates import parse_predicates
from tailrace.store import batches as batches_module
from tailrace.store import merge as merge_module
from tailrace.store import segments as segments_module
from tests.effort import seeds
from tests.sending import T0, Row, event, export, request
from tests.unit.exports.histories import Store, Told, history

OWN = (
    *("session_number", "session_id", "fragment", "device_id", "session_start", "session_end", "session_duration_ms"),
    *("session_user_id", "country", "app_version", "user_name", "user_number"),
)
INNER = ("id", "event", "time", "params", "user_id", "value", "session_offset_ms", "number")
NEWEST = ("session_end", "session_duration_ms", "session_user_id")
COLUMNS = (*OWN, *INNER)
ASKED: list[dict[str, Any]] = [
    {},
    {"events": ["go"]},
    {"versions": ["1.1"]},
    {"axis": "session_start", "start": T0, "end": T0 + DAY},
    {"axis": "event_time", "start": T0 + HOUR, "end": T0 + 30 * HOUR},
    {"filters": Filters(where=parse_predicates([{"param": "n", "op": "gte", "value": 4}]))},
    {"filters": Filters(where=parse_predicates([{"field": "fragment", "op": "gt", "value": 0}]))},
    {"filters": Filters(where=parse_predicates([{"field": "session_offset_ms", "op": "lt", "value": 0}]))},
]


def flat(sessions: Sequence[Row]) -> Counter[str]:
    """Events of sessions, each with the number of its session."""
    return Counter(repr((row["session_number"], sorted(one.items()))) for row in sessions for one in row["events"])


def inner(events: Sequence[Row]) -> Counter[str]:
    """The same of rows of events."""
    picked = [(row["session_number"], {name: row[name] for name in INNER if name in row}) for row in events]
    return Counter(repr((number, sorted(one.items()))) for number, one in picked)


def grouped(events: Sequence[Row]) -> list[Row]:
    """What each session must say of itself: its fragments in order, each as its events state it."""
    known: dict[int, dict[int, Row]] = {}
    for row in events:
        known.setdefault(row["session_number"], {})[row["fragment"]] = {n: row[n] for n in OWN if n in row}
    return [merged([parts[at] for at in sorted(parts)]) for _, parts in sorted(known.items())]


def merged(parts: Sequence[Row]) -> Row:
    """The first value that is known, of some columns the last."""
    firsts = {name: value for part in reversed(parts) for name, value in part.items()}
    lasts = {name: value for part in parts for name, value in part.items() if name in NEWEST}
    return firsts | lasts


def headed(sessions: Sequence[Row]) -> list[Row]:
    """What sessions say of themselves, in order of number."""
    rows = [{name: value for name, value in row.items() if name != "events"} for row in sessions]
    return sorted(rows, key=lambda row: int(row["session_number"]))


@pytest.mark.parametrize("seed", seeds(4))
def test_sessions_are_the_events_by_session(told: Told, seed: int) -> None:
    """In a window, under any filters: each session once, with just the events of `events`, in order of fragment."""
    store = told(seed)
    for asked in ASKED:
        events, sessions = (store.rows(**asked, shape=shape, columns=COLUMNS) for shape in ("events", "sessions"))
        assert flat(sessions) == inner(events), asked
        assert headed(sessions) == grouped(events), asked
        order = {row["number"]: row["fragment"] for row in events}
        for row in sessions:
            places = [(order[one["number"]], one["number"]) for one in row["events"]]
            assert places == sorted(places)


def test_a_history_has_what_makes_merging_hard(told: Told) -> None:
    """Several late fragments of a session, in other commits; events before its start; fragments filtered out."""
    store = told()
    events = store.rows(columns=COLUMNS)
    fragments = {(row["session_number"], row["fragment"]) for row in events}
    assert max(Counter(number for number, _ in fragments).values()) >= 3
    assert any(row["session_offset_ms"] < 0 for row in events)
    only = {(row["session_number"], row["fragment"]) for row in events if row["event"] == "go"}
    assert any(fragment > 0 and (number, 0) not in only for number, fragment in only)
    assert len({segment.bucket for segment in store.segments()}) == 4


def test_small_bounds_change_nothing(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tiny row groups and batches: the same rows in the same order. Little room for late fragments: no event lost."""
    store = told(5)
    before = store.rows(shape="sessions", columns=COLUMNS)
    monkeypatch.setattr(batches_module, "BATCH_EVENTS", 2)
    assert store.rows(shape="sessions", columns=COLUMNS) == before
    for most in (1, 500, 3000):
        monkeypatch.setattr(merge_module, "LATE_BYTES", most)
        assert flat(store.rows(shape="sessions", columns=COLUMNS)) == flat(before)


def test_small_row_groups_change_nothing(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sessions whose fragments lie in many row groups and segments come together too."""
    monkeypatch.setattr(segments_module, "ROW_GROUP_EVENTS", 3)
    history(store, 6)
    events, sessions = (store.rows(shape=shape, columns=COLUMNS) for shape in ("events", "sessions"))
    assert (flat(sessions), headed(sessions)) == (inner(events), grouped(events))


def test_increments_hold_fragments(store: Store) -> None:
    """A chain of sessions: a row is a fragment, and each event comes once, in the increment that `events` has it in."""
    cursors: dict[str, str | None] = {"events": None, "sessions": None}
    seen: list[tuple[int, int]] = []
    for seed in range(3):
        history(store, seed, size=10)
        found = {}
        for shape, after in cursors.items():
            asked = request(store.scope, shape=shape, columns=COLUMNS, after=after)
            manifest, found[shape] = export(store.house, store.scope, asked)
            cursors[shape] = manifest["cursor"]
        assert flat(found["sessions"]) == inner(found["events"])
        places = [(row["session_number"], row["fragment"]) for row in found["sessions"]]
        assert sorted(places) == sorted({(row["session_number"], row["fragment"]) for row in found["events"]})
        seen += places
    assert len(seen) == len(set(seen))
    assert any(fragment for _, fragment in seen)


def test_columns_of_sessions(store: Store) -> None:
    """Session columns in the order asked for, events last with theirs; without event columns there are no events."""
    store.wave([event("e", T0, session="s1"), event("f", T0 + MINUTE, session="s1")])
    (row,) = store.rows(shape="sessions", columns=("time", "device_id", "event", "session_id"))
    assert list(row.items())[:2] == [("device_id", "d1"), ("session_id", "s1")]
    assert [list(one) for one in row["events"]] == [["time", "event"]] * 2
    assert store.rows(shape="sessions", columns=("session_id",)) == [{"session_id": "s1"}]
    (whole,) = store.rows(shape="sessions")
    assert [one["event"] for one in whole["events"]] == ["e", "f"]
    assert "session_id" in whole
    assert "session_id" not in whole["events"][0]
