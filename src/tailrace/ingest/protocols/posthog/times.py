"""Times as senders write them."""

from typing import Any

from tailrace.ingest.protocols.instants import moment


def time_of(value: Any) -> int | None:
    """A time as ms, also of a number that is written as text; None where there is none.

    Raises:
        ValueError: it is no time.
    """
    return moment(int(value) if isinstance(value, str) and value.isdecimal() else value)


def lenient_time(value: Any) -> int | None:
    """The same; None for what is no time."""
    try:
        return time_of(value)
    except ValueError:
        return None
