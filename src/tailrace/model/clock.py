"""Time, passed in. Instants are integer milliseconds since the Unix epoch, UTC."""

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR


class Clock(Protocol):
    """Where the present comes from."""

    def now(self) -> int:
        """The present, in milliseconds UTC."""

    def offset(self) -> int:
        """Milliseconds to add to any other real clock (a database's) to agree with this one."""


class SystemClock:
    """The machine's clock."""

    def now(self) -> int:
        """The present, in milliseconds UTC."""
        return time.time_ns() // 1_000_000

    def offset(self) -> int:
        """Always 0: the machine's clock is real."""
        return 0


class ShiftedClock:
    """The machine's clock moved by the milliseconds that a file holds.

    For tests only: the file reaches real server processes, so a 24-hour life can be run in seconds.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def now(self) -> int:
        """The shifted present, in milliseconds UTC."""
        return time.time_ns() // 1_000_000 + self.offset()

    def offset(self) -> int:
        """The file's number, read anew at each call; 0 while there is no file."""
        try:
            return int(self._path.read_text())
        except (FileNotFoundError, ValueError):
            return 0


def iso(ms: int) -> str:
    """Milliseconds as ISO 8601 text in UTC, such as ``2026-01-02T03:04:05.678Z``."""
    moment = datetime.fromtimestamp(ms // 1000, UTC).replace(tzinfo=None)
    return f"{moment.isoformat()}.{ms % 1000:03d}Z"


def parse_iso(text: str) -> int:
    """Milliseconds of an ISO 8601 instant that names its offset from UTC.

    Raises:
        ValueError: the text is not an instant, does not say its offset, or lies outside the years 1 to 9999 in UTC.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no offset from UTC; end it with Z or an offset such as +02:00")
    try:
        delta = moment.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    except OverflowError:
        raise ValueError(f"{text!r} is not between the years 1 and 9999 in UTC") from None
    return delta.days * DAY + delta.seconds * SECOND + delta.microseconds // 1000


def day_of(ms: int) -> int:
    """Number of the UTC day that holds an instant: 0 is 1970-01-01."""
    return ms // DAY


def day_name(day: int) -> str:
    """A UTC day number as ``YYYY-MM-DD``."""
    return iso(day * DAY)[:10]
