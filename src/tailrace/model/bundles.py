"""Bundles: exports made ahead of time, one for each interval of a series. The rule that says what is in which; pure.

The bundles of a series are contiguous, aligned to UTC and half-open. Bundle k is closed some time after its end, which
fixes the commit S_k that it knows of. An event belongs to the later of two bundles: the one whose interval holds its
time, and the first one whose S_k is not before the event's commit. So what came in time is where it happened, what came
late is where it arrived, and every event is in one bundle.
"""

from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct

from tailrace.model.rows import RowShape


class Arrivals(Struct, frozen=True):
    """Which of the rows before the end of a window are a bundle's: those that came with commit `upto` or before; of
    events before `since` (ms) only those that came after commit `after`.
    """

    since: int
    after: int
    upto: int

    def hold(self, times: Any, seqs: Any) -> Any:
        """Whether they hold an event of a time (ms) and a commit; of columns of both: which ones."""
        return (seqs <= self.upto) & ((times >= self.since) | (seqs > self.after))


class Recipe(Struct, frozen=True):
    """What a bundle is made of: events of `[start, stop)` (ms), after the one that was closed at commit `after`; itself
    it was closed at commit `upto`.
    """

    start: int
    stop: int
    after: int
    upto: int

    @property
    def arrivals(self) -> Arrivals:
        """The same for an export whose window ends at `stop`."""
        return Arrivals(self.start, self.after, self.upto)

    def holds(self, time: int, seq: int) -> bool:
        """Whether an event of a time (ms) and a commit is in it."""
        return bool(time < self.stop and self.arrivals.hold(time, seq))


class Terms(Struct, frozen=True):
    """How a dialect wants its bundles, by the limits that hold now; times in ms.

    A bundle is closed `settle_ms` after its end, its file kept for `life_ms`. A series begins no longer than
    `history_ms` before it was begun: what is older is in its first bundle.
    """

    width_ms: int
    settle_ms: int
    history_ms: int
    life_ms: int
    rows: RowShape


class Schedule(Struct, frozen=True):
    """What makes bundles: the name of a dialect's series, and its terms by the limits."""

    series: str
    terms: Callable[[Mapping[str, int]], Terms]


def beginning(earliest: int, now: int, terms: Terms) -> int:
    """Where a series begins whose earliest event is of that time (ms), if it is begun now."""
    first = max(min(earliest, now), now - terms.history_ms)
    return first - first % terms.width_ms


def end_of(start: int, width_ms: int) -> int:
    """Where a bundle ends that begins at an instant: on the next border of that width, so a changed one is aligned."""
    return (start // width_ms + 1) * width_ms
