"""Times as senders write them."""

from datetime import datetime
from typing import Any

from tailrace.ingest.protocols.instants import instant
from tailrace.ingest.rows import fitting


def time_of(value: Any) -> int | None:
    """Milliseconds, or ISO 8601; without an offset from UTC it is UTC.

    Raises:
        ValueError: it is neither.
    """
    number: int | None = fitting(value, int)
    if number is not None:
        return number
    if not isinstance(value, str):
        raise ValueError("timestamp: must be ISO 8601")
    return instant(value if datetime.fromisoformat(value).tzinfo else f"{value}+00:00")


def lenient_time(value: Any) -> int | None:
    """The same; None for what is no time."""
    try:
        return None if value is None else time_of(value)
    except ValueError:
        return None
