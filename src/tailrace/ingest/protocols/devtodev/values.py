"""Values as members of events have them, read leniently. None: it cannot be read so."""

from collections.abc import Mapping
from typing import Any

from tailrace.ingest.rows import fitting
from tailrace.model.clock import iso

YEARS = range(-62_135_596_800_000, 253_402_300_800_000)  # 1 to 9999, in ms


def none(_value: Any) -> None:
    """Nothing."""


def same(value: Any) -> Any:
    """Anything, as it is."""
    return value


def text(value: Any) -> str | None:
    """A text, a number or a flag as text."""
    if isinstance(value, str):  # nearly all are: the rest is for those that are not
        return value
    return None if isinstance(value, dict | list) else fitting(value, str)


def number(value: Any) -> float | None:
    """A number, or a text that is one."""
    return None if isinstance(value, bool) else fitting(value, float)


def whole(value: Any) -> int | None:
    """A whole number of at most 64 bits, or a text that is one."""
    return None if isinstance(value, bool) else fitting(value, int)


def flag(value: Any) -> bool | None:
    """A flag, also as 1 and 0 or as text."""
    if isinstance(value, bool):
        return value
    found: bool | None = fitting(value, bool)
    return found


def milliseconds(seconds: Any) -> int | None:
    """Seconds, which may have a fraction, as ms."""
    found = number(seconds)
    return None if found is None else whole(float(round(found * 1000)))


def word_of(words: Mapping[int, str], value: Any) -> str | None:
    """The word that a number stands for; a word stays itself."""
    return value if isinstance(value, str) else words.get(value) if isinstance(value, int) else None


def instant_text(ms: Any) -> str | None:
    """An instant in ms as ISO 8601."""
    found = whole(ms)
    return None if found is None or found not in YEARS else iso(found)


def instant(ms: Any) -> int | None:
    """An instant in ms, as far as one is given.

    Raises:
        ValueError: it is none.
    """
    if ms is None:
        return None
    found = whole(ms)
    if found is None:
        raise ValueError("timestamp: must be milliseconds since 1970")
    return found


def id_text(value: Any) -> str | None:
    """An id as text; None where there is none. Anything but a text or a whole number is none."""
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) and value != "" else None
