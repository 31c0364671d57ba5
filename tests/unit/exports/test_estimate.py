"""Estimates against what really comes out."""

from typing import Any

import pytest

from tailrace.exports import plan as plan_module
from tailrace.exports.estimate import Estimate, by_slice, estimate
from tailrace.exports.plan import Plan, make_plan
from tailrace.model.clock import DAY, HOUR
from tailrace.model.segment import Segment
from tailrace.store import segments as segments_module
from tests.sending import T0, event
from tests.unit.exports.histories import NAMES, Store, Told


def planned(store: Store, **asked: Any) -> tuple[Plan, list[Segment], Estimate]:
    """The plan of a request, its segments and the estimate of the whole."""
    request = store.everything(**asked)
    segments = store.segments()
    plan = make_plan(request, segments, dict.fromkeys(range(99), 0), None)
    matching = {segment.number for piece in plan.slices for segment in piece.segments}
    return plan, segments, estimate(request, [one for one in segments if one.number in matching])


@pytest.mark.parametrize("asked", [{}, {"events": NAMES[:1]}, {"events": NAMES[1:]}, {"events": ["never"]}])
def test_names_are_counted(told: Told, asked: dict[str, Any]) -> None:
    """Over all time the estimate is the count itself, by name too, and slices add up to it."""
    store = told()
    plan, segments, whole = planned(store, **asked)
    rows = len(store.rows(**asked))
    assert (whole.events, whole.at_most) == (rows, rows)
    request = store.everything(**asked)
    assert sum(one.events for one in by_slice(request, plan, segments)) == rows


def test_time_is_taken_to_be_even(store: Store) -> None:
    """A part of the time gives about that part of the events, never more than at most; beyond everything none."""
    store.wave([event("e", T0 + n * 60_000, session="s") for n in range(600)])
    for start, end in ((0, 10), (2, 3), (0, 5), (9, 20)):
        asked = {"start": T0 + start * HOUR, "end": T0 + end * HOUR}
        rows, (_, _, whole) = len(store.rows(**asked)), planned(store, **asked)
        assert abs(whole.events - rows) <= 2
        assert rows <= whole.at_most == 600
    assert planned(store, start=T0 + DAY, end=T0 + 2 * DAY)[2] == Estimate(0, 0, 0)


def test_shares_of_a_segment_add_up(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Slices that share a segment count its events once together."""
    monkeypatch.setattr(segments_module, "ROW_GROUP_EVENTS", 10)
    monkeypatch.setattr(plan_module, "SLICE_EVENTS", 20)
    store.wave([event("e", T0 + n, session=f"s{n % 7}") for n in range(200)])
    plan, segments, whole = planned(store)
    slices = by_slice(store.everything(), plan, segments)
    assert len(slices) == len(plan.slices) > 5
    assert sum(one.events for one in slices) == whole.events == plan.events == 200


@pytest.mark.parametrize(
    ("form", "within"),
    [
        ({}, 4),
        ({"format": "csv"}, 4),
        ({"format": "xml"}, 4),
        ({"format": "parquet", "packing": "none"}, 4),
        ({"packing": "none"}, 4),
    ],
)
def test_bytes_are_of_the_right_size(told: Told, form: dict[str, Any], within: float) -> None:
    """Bytes are a guess, but of the right order of magnitude, for rows of a dozen columns."""
    store = told(size=2000)
    columns = ("id", "event", "time", "received_at", "session_id", "user_id", "device_id", "params", "value", "country")
    asked = form | {"columns": columns, "shape": "events"}
    _, _, whole = planned(store, **asked)
    real = store.export(**asked)[0]["bytes"]
    assert real / within < whole.bytes < real * within
