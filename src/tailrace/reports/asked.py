"""What a report is asked for, as a value."""

from collections.abc import Mapping, Sequence
from typing import Literal, TypeAlias

from msgspec import Struct

from tailrace.model.window import Window
from tailrace.reports.conditions import Condition

# What rows are counted by. `key` and `value` are those of parameters of events.
Dimension = Literal["version", "event", "country", "key", "value"]
# What a row that is counted is: a session, an event, or one parameter of an event.
Unit = Literal["session", "event", "param"]
# `units` counts rows of the unit, `sessions` the sessions that hold any, `time_ms` how long these were, `actors` whose
# they are, and `new_actors` those of them who were first seen in the same period.
Measure = Literal["units", "sessions", "time_ms", "actors", "new_actors"]
# The period's place, and a value for each dimension; None where a session has none.
Group: TypeAlias = tuple[int, tuple[str | None, ...]]
Numbers: TypeAlias = Mapping[Measure, int]

NOBODY = "0"  # the id of what has no name: numbers of the catalogue begin at 1


class Report(Struct, frozen=True):
    """Measures by period and dimensions. Period i is ``[bounds[i], bounds[i + 1])`` (ms); a session is in the one in
    which it starts, its events with it.
    """

    unit: Unit
    bounds: Sequence[int]
    dimensions: tuple[Dimension, ...]
    measures: frozenset[Measure]
    conditions: tuple[Condition, ...] = ()

    @property
    def window(self) -> Window:
        """All of its time."""
        return Window("session_start", self.bounds[0], self.bounds[-1])

    @property
    def looks_at(self) -> frozenset[str]:
        """Dimensions that it needs, to count by or for a condition."""
        return frozenset((*self.dimensions, *(condition.dimension for condition in self.conditions)))
