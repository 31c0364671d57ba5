"""The wake-up: work starts when someone rings, and at the latest when the fallback time is over."""

import threading


class Bell:
    """Rung by whoever makes work in this process; heard by its workers."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._rings = 0

    def ring(self) -> None:
        """Wake every worker of this process."""
        with self._condition:
            self._rings += 1
            self._condition.notify_all()

    def wait(self, heard: int, seconds: float) -> int:
        """Return when it was rung more than `heard` times or the time is over; give back the rings so far."""
        with self._condition:
            self._condition.wait_for(lambda: self._rings > heard, timeout=seconds)
            return self._rings
