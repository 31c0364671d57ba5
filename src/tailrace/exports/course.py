"""The course of an attempt: whether it goes on, and if not, why. Looked at between slices and, by its flag, in them."""

import threading
import time
from typing import Literal

from tailrace.compute.stops import Stop

# cancel: its asker does not want it any more; lost: another worker has it; way: another space's turn has come;
# shutdown: this process is asked to end.
Reason = Literal["cancel", "lost", "way", "shutdown"]


class Interrupted(Exception):
    """The attempt ends here, for the reason that its course tells."""


class Course:
    """One attempt's. `closing` is set when the process is to end; `lease_ms` is how long it keeps the job unheard."""

    def __init__(self, stop: Stop, closing: threading.Event, lease_ms: int) -> None:
        self.reason: Reason | None = None
        self.stop = stop.number
        self.closing = closing
        self._stop = stop
        self._lease_s = lease_ms / 1000
        self.heard(time.monotonic())

    def end(self, reason: Reason) -> None:
        """End the attempt soon. Who has lost the job has no other choice any more."""
        if self.reason is None or reason == "lost":
            self.reason = reason
        self._stop.set()

    def check(self) -> None:
        """Go on, or not.

        Raises:
            Interrupted: not.
        """
        if self.reason is None and self.closing.is_set():
            self.end("shutdown")
        if self.reason is not None:
            raise Interrupted

    def heard(self, at: float) -> None:
        """The database has renewed the lease, asked for at this time of the monotonic clock."""
        self._until = at + self._lease_s

    @property
    def over(self) -> bool:
        """Whether the lease must have lapsed by now: another worker may have the job."""
        return time.monotonic() >= self._until
