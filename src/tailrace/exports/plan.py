"""The plan: what will be read and written, as a value. Pure, so it can be printed and tested before anything runs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from tailrace.model.export import ExportRequest, Increment
from tailrace.model.fields import DEFAULT_EVENT_COLUMNS
from tailrace.model.segment import Segment
from tailrace.store.scan import Selection, can_match


@dataclass(frozen=True, slots=True)
class Slice:
    """The unit of work: the segments of one day and bucket that can hold matching rows.

    `available_at` gives the instants (ms) of the commits of their rows, by seq.
    """

    day: int
    bucket: str
    segments: tuple[Segment, ...]
    available_at: Mapping[int, int]


@dataclass(frozen=True, slots=True)
class Plan:
    """What an export reads, slice by slice, in output order."""

    selection: Selection
    slices: tuple[Slice, ...]

    @property
    def events(self) -> int:
        """Events in the segments: no more than these can come out."""
        return sum(segment.statistics.events for piece in self.slices for segment in piece.segments)


def make_plan(
    request: ExportRequest, segments: Sequence[Segment], available_at: Mapping[int, int], increment: Increment | None
) -> Plan:
    """Plan an export over segments in output order: by day, bucket, seq and number."""
    selection = Selection(
        window=request.window,
        filters=request.filters,
        columns=request.columns or DEFAULT_EVENT_COLUMNS,
        increment=increment,
    )
    matching = [segment for segment in segments if can_match(segment, selection)]
    slices = tuple(
        _slice(day, bucket, tuple(members), available_at)
        for (day, bucket), members in groupby(matching, key=lambda s: (s.day, s.bucket))
    )
    return Plan(selection, slices)


def _slice(day: int, bucket: str, segments: tuple[Segment, ...], available_at: Mapping[int, int]) -> Slice:
    # A slice travels to wherever it is run: it takes the bounds along, not the names and parameters of each segment.
    light = tuple(replace(s, statistics=replace(s.statistics, names={}, versions=(), currencies=())) for s in segments)
    return Slice(day, bucket, light, {s.added_seq: available_at[s.added_seq] for s in segments})
