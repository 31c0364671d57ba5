"""The backlog: what waits on disk to be sealed. It is bounded, so that seals that stand still do not fill the disk."""

import time
from collections.abc import Callable

from tailrace.db.engine import Database
from tailrace.logs import log
from tailrace.model.errors import Unavailable
from tailrace.store.inbox import backlog_bytes

LOOK_S = 2.0  # how often it is measured
_WAIT_S = 30  # what senders are asked to wait


class Backlog:
    """Whether there is room for more. `most` is a size on disk, bytes; 0 for no bound.

    One thread looks; any may ask, and asking waits for nobody.
    """

    def __init__(self, database: Database, most: int, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._most = most
        self._monotonic = monotonic
        self._next = 0.0
        self.full = False

    def look(self) -> None:
        """Measure, if it is time."""
        if not self._most or self._monotonic() < self._next:
            return
        self._next = self._monotonic() + LOOK_S
        size = backlog_bytes(self._database)
        full, before = size >= self._most, self.full
        self.full = full
        if full and not before:
            log.error("inbox.full", bytes=size, most=self._most)
        elif before and not full:
            log.info("inbox.room", bytes=size, most=self._most)

    def check(self) -> None:
        """Refuse what there is no room for.

        Raises:
            Unavailable: seals must catch up first.
        """
        if self.full:
            raise Unavailable("the inbox is full: seals do not keep up, or no worker runs", _WAIT_S)
