"""What statistics of segments tell without a look at their rows."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tailrace.model.segment import Segment, Statistics
from tailrace.reports.asked import Group, Measure, Report, Unit
from tailrace.reports.names import Names

# By unit the measure that statistics tell, and the dimensions that they tell it by.
_TOLD: Mapping[Unit, tuple[Measure, frozenset[str]]] = {
    "session": ("sessions", frozenset()),
    "event": ("units", frozenset(("event",))),
    "param": ("units", frozenset(("event", "key"))),
}


def known_measure(report: Report) -> Measure | None:
    """The one measure of a report that statistics can tell; None if it asks for more than that."""
    measure, dimensions = _TOLD[report.unit]
    return measure if report.measures == {measure} and report.looks_at <= dimensions else None


def known(report: Report, names: Names, segments: Sequence[Segment]) -> Mapping[Group, int] | None:
    """The numbers of a slice; None if a segment of it reaches over a bound of a period.

    A session counts in the segment of its first fragment, so either all segments of a slice are told or none.
    """
    period = _period(report, segments)
    if period is None:
        return None
    found: Counter[Group] = Counter()
    for segment in segments:
        found.update(_told(report, names, segment.statistics, period))
    return found


def _period(report: Report, segments: Sequence[Segment]) -> int | None:
    """The one period in which all sessions start."""
    low = min(segment.statistics.min_start for segment in segments)
    high = max(segment.statistics.max_start for segment in segments)
    first, last = (int(place) - 1 for place in np.searchsorted(report.bounds, [low, high], side="right"))
    return first if first == last and 0 <= first < len(report.bounds) - 1 else None


def _told(report: Report, names: Names, told: Statistics, period: int) -> Counter[Group]:
    if report.unit == "session":
        return Counter({(period, ()): told.fragments - told.late_fragments})
    found: Counter[Group] = Counter()
    for name, event in told.names.items():
        if not names.holds(report, "event", name):
            continue
        if report.unit == "event":
            found[period, _values(report, {"event": name})] += event.count
            continue
        for key, types in event.params.items():
            if names.holds(report, "key", key):
                found[period, _values(report, {"event": name, "key": key})] += sum(types.values())
    return found


def _values(report: Report, values: Mapping[str, Any]) -> tuple[str | None, ...]:
    return tuple(values[dimension] for dimension in report.dimensions)
