"""Windows: half-open time ranges ``[start, end)`` on one axis."""

from typing import Literal

from msgspec import Struct

Axis = Literal["event_time", "session_start", "available"]
AXES: tuple[Axis, ...] = ("event_time", "session_start", "available")


class Window(Struct, frozen=True):
    """``[start, end)`` in milliseconds UTC; None is open on that side."""

    axis: Axis
    start: int | None
    end: int | None

    def touches(self, low: int, high: int) -> bool:
        """Whether any instant of ``low..high`` (both included) can lie in the window."""
        return (self.end is None or low < self.end) and (self.start is None or high >= self.start)

    def covers(self, low: int, high: int) -> bool:
        """Whether every instant of ``low..high`` (both included) lies in the window."""
        return (self.start is None or low >= self.start) and (self.end is None or high < self.end)
