"""Instants as SDKs write them."""

from datetime import UTC, datetime
from typing import Any

from tailrace.ingest.problems import EARLIEST, LATEST
from tailrace.model.clock import SECOND, parse_iso

_MILLISECONDS = 100_000_000_000  # a larger number than this, in seconds, would be after the year 5000


def instant(text: str | None) -> int | None:
    """An ISO 8601 time as ms; None where there is none.

    Raises:
        ValueError: it is no time.
    """
    return None if text is None else parse_iso(text)


def moment(value: Any) -> int | None:
    """A time as ms, read leniently: ISO 8601, in UTC where it names no offset, or seconds or milliseconds since 1970;
    None where there is none.

    Raises:
        ValueError: it is no time.
    """
    if value is None or value == "":
        return None
    if isinstance(value, str):
        return parse_iso(_with_offset(value))
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("a time must be ISO 8601, or a number of seconds or milliseconds since 1970")
    ms = int(value if abs(value) >= _MILLISECONDS else value * SECOND)
    if not EARLIEST <= ms <= LATEST:
        raise ValueError("a time must be between the years 1 and 9999")
    return ms


def _with_offset(text: str) -> str:
    read = datetime.fromisoformat(text)
    return text if read.tzinfo else read.replace(tzinfo=UTC).isoformat()
