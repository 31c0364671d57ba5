"""Instants as SDKs write them."""

from tailrace.model.clock import parse_iso


def instant(text: str | None) -> int | None:
    """An ISO 8601 time as ms; None where there is none.

    Raises:
        ValueError: it is no time.
    """
    return None if text is None else parse_iso(text)
