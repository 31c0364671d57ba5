"""Pages of lists: how many at most, and where the page before ended, which clients hand back as they got it."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Annotated

import msgspec

from tailrace.model.errors import Invalid

Limit = Annotated[int, msgspec.Meta(ge=1, le=1000)]
DEFAULT_LIMIT = 100


def write_after(place: str | None) -> str | None:
    """A place in a list as the opaque ``next`` of a page; None at the end."""
    return None if place is None else urlsafe_b64encode(place.encode()).decode().rstrip("=")


def read_after(text: str | None) -> str | None:
    """The place that a client's ``after`` stands for; None is the beginning.

    Raises:
        Invalid: it is no ``next`` of ours.
    """
    if text is None:
        return None
    try:
        place = urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
    except ValueError:  # not ASCII, not Base64, or not UTF-8 inside
        place = ""
    if write_after(place) != text:
        raise Invalid("after", "must be the `next` of the page before, unchanged")
    return place
