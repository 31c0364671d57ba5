"""The plan is a value that leaves out only what cannot match."""

from hypothesis import given, settings
from msgspec.structs import replace

from tailrace.exports.plan import Plan, make_plan
from tailrace.model.export import ExportRequest
from tailrace.model.segment import Segment
from tailrace.store.scan import Selection
from tailrace.wiring import House
from tests.unit.store.history import History, scanned, wanted
from tests.unit.store.selections import selections
from tests.unit.store.test_scan import EVERYTHING


def plan_of(history: History, selection: Selection) -> Plan:
    """The plan of a request that selects this."""
    request = ExportRequest("app_waves", selection.window, filters=selection.filters, columns=tuple(selection.columns))
    return make_plan(request, history.segments, history.available, selection.increment)


def planned(plan: Plan, history: History) -> list[Segment]:
    """The segments of a plan, in its order. A slice takes a segment along without the names in its statistics."""
    by_number = {segment.number: segment for segment in history.segments}
    return [by_number[segment.number] for piece in plan.slices for segment in piece.segments]


def test_a_plan_leaves_out_only_what_cannot_match(house: House, history: History) -> None:
    """For any request: each segment with a row that a naive loop keeps is in the plan once, in output order.

    Slices are of one day and bucket, each with its own commits' instants; making the plan again gives an equal one.
    """
    held = {s.number: ids_in(house, history, s) for s in history.segments}

    @settings(max_examples=50, deadline=None)
    @given(selections(history))
    def check(selection: Selection) -> None:
        plan = plan_of(history, selection)
        assert plan == plan_of(history, selection)
        matching = {row["id"] for row in history.rows if wanted(row, selection)}
        there = planned(plan, history)
        assert matching <= {id_ for segment in there for id_ in held[segment.number]}
        assert there == [segment for segment in history.segments if segment in there]
        assert plan.events == sum(len(held[segment.number]) for segment in there)
        check_slices(plan, history)

    check()


def ids_in(house: House, history: History, segment: Segment) -> set[str]:
    """The events of one segment."""
    return {row["id"] for row in scanned(house, [segment], history.available, EVERYTHING)}


def check_slices(plan: Plan, history: History) -> None:
    """Each slice is one day and bucket, and knows when its segments became available."""
    places = [(piece.day, piece.bucket) for piece in plan.slices]
    assert places == sorted(set(places))
    for piece in plan.slices:
        assert {(segment.day, segment.bucket) for segment in piece.segments} == {(piece.day, piece.bucket)}
        seqs = {segment.added_seq for segment in piece.segments}
        assert piece.available_at == {seq: history.available[seq] for seq in seqs}


def test_a_plan_prunes(history: History) -> None:
    """Statistics do rule segments out: unknown names and versions, and instants before and after everything."""
    first = min(row["time"] for row in history.rows)
    assert planned(plan_of(history, EVERYTHING), history) == list(history.segments)
    nothing = [
        replace(EVERYTHING, filters=replace(EVERYTHING.filters, events=("never",))),
        replace(EVERYTHING, filters=replace(EVERYTHING.filters, versions=("9.9",))),
        replace(EVERYTHING, window=replace(EVERYTHING.window, axis="event_time", end=first)),
        replace(EVERYTHING, window=replace(EVERYTHING.window, axis="session_start", start=first + 10**12)),
    ]
    assert [plan_of(history, selection).slices for selection in nothing] == [()] * 4
