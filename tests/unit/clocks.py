"""A clock that a test can move, on both databases."""

import time

from msgspec.structs import replace

from tailrace.db.engine import Database
from tailrace.wiring import House


class MovedClock:
    """The machine's clock and so many milliseconds. A database's own clock is moved with it."""

    def __init__(self) -> None:
        self.shift = 0

    def now(self) -> int:
        """The moved present, ms UTC."""
        return time.time_ns() // 1_000_000 + self.shift

    def offset(self) -> int:
        """How far it is moved."""
        return self.shift


def moved(house: House, clock: MovedClock) -> House:
    """The same store by another clock, its database too."""
    return replace(house, clock=clock, database=Database(house.database.meta, house.database.inbox, clock))
