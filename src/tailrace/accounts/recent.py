"""A short memory of what was done when, bounded however many things there are."""

from collections import OrderedDict
from threading import Lock


class Recent:
    """The last things and the instants (ms) at which they were done."""

    def __init__(self, most: int = 10_000) -> None:
        self._most = most
        self._lock = Lock()
        self._done: OrderedDict[bytes, int] = OrderedDict()

    def first(self, thing: bytes, now: int, pause: int) -> bool:
        """Whether a thing was not done for `pause` ms; then it counts as done now."""
        with self._lock:
            before = self._done.pop(thing, None)
            due = before is None or not before <= now < before + pause
            self._done[thing] = now if due or before is None else before
            if len(self._done) > self._most:
                self._done.popitem(last=False)
        return due
