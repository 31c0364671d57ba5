"""The plan: what will be read and written, as a value. Pure, so it can be printed and tested before anything runs."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

from msgspec import Struct
from msgspec.structs import replace

from tailrace.exports import named
from tailrace.exports.layout import Layout, columns_of, make_layout, merges
from tailrace.model.export import ExportRequest, Increment
from tailrace.model.segment import Segment
from tailrace.store.scan import Selection, can_match

SLICE_EVENTS = 65_536  # enough to be worth a part, few enough that workers finish together


class Slice(Struct, frozen=True):
    """The unit of work: segments of one day and bucket that can hold matching rows, or a share of one large segment.

    `available_at` gives the instants (ms) of the commits of their rows, by seq. A share (k, n) is the k-th of n equal
    stretches, counted from 0.
    """

    day: int
    bucket: str
    segments: tuple[Segment, ...]
    available_at: Mapping[int, int]
    share: tuple[int, int] = (0, 1)


class Plan(Struct, frozen=True):
    """What an export reads, slice by slice, in output order, and how it lays that out."""

    selection: Selection
    layout: Layout
    slices: tuple[Slice, ...]

    @property
    def events(self) -> int:
        """Events in the segments: no more than these can come out."""
        return sum(
            segment.statistics.events for piece in self.slices if piece.share[0] == 0 for segment in piece.segments
        )


def make_plan(
    request: ExportRequest,
    segments: Sequence[Segment],
    available_at: Mapping[int, int],
    increment: Increment | None,
    *,
    passing: bool = False,
) -> Plan:
    """Plan an export over segments in output order: by day, bucket, seq and number. `passing` is of its layout."""
    selection = Selection(
        window=request.window,
        filters=request.reading,
        columns=columns_of(request),
        increment=increment,
        arrivals=request.arrivals,
    )
    matching = _matching(request, segments, selection)
    known = [segment.statistics for segment in matching]
    layout = make_layout(request, known, increment=increment is not None, passing=passing)
    slices = tuple(
        _slice(day, bucket, segments, share, available_at)
        for (day, bucket), members in groupby(matching, key=lambda s: (s.day, s.bucket))
        for segments, share in _cut(tuple(members), whole=layout.merge)
    )
    return Plan(selection, layout, slices)


def _matching(request: ExportRequest, segments: Sequence[Segment], selection: Selection) -> list[Segment]:
    """The segments to read. Where rows of events tell of whole sessions, these are all that hold a part of one."""
    if request.row_shape is not None and request.row_shape.whole_sessions:
        reach = [segment for segment in segments if can_match(segment, selection.of_whole_sessions())]
        if merges(request, [segment.statistics for segment in reach], increment=selection.increment is not None):
            return reach
    return [s for s in segments if can_match(s, selection) and named.may_hold(request, s.statistics)]


def _cut(segments: tuple[Segment, ...], *, whole: bool) -> Iterator[tuple[tuple[Segment, ...], tuple[int, int]]]:
    """Segments of one day and bucket in stretches of about `SLICE_EVENTS`, unless they must stay together."""
    if whole:
        yield segments, (0, 1)
        return
    waiting: list[Segment] = []
    for segment in segments:
        if waiting and sum(s.statistics.events for s in (*waiting, segment)) > SLICE_EVENTS:
            yield tuple(waiting), (0, 1)
            waiting = []
        shares = round(segment.statistics.events / SLICE_EVENTS)
        if shares > 1:
            yield from (((segment,), (share, shares)) for share in range(shares))
        else:
            waiting.append(segment)
    if waiting:
        yield tuple(waiting), (0, 1)


def _slice(
    day: int, bucket: str, segments: tuple[Segment, ...], share: tuple[int, int], available_at: Mapping[int, int]
) -> Slice:
    # A slice travels to wherever it is run: it takes the bounds along, not the names and parameters of each segment.
    light = tuple(replace(s, statistics=replace(s.statistics, names={}, versions=(), currencies=())) for s in segments)
    return Slice(day, bucket, light, {s.added_seq: available_at[s.added_seq] for s in segments}, share)
