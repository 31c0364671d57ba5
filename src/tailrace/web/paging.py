"""Pages of lists: newest first, as many as wanted, and an opaque text that tells where the next one begins."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from typing import Annotated, Protocol, TypeVar

import msgspec

from tailrace.model.errors import Invalid

Limit = Annotated[int, msgspec.Meta(ge=1, le=1000)]
USUAL = 100


class PageQuery(msgspec.Struct, forbid_unknown_fields=True):
    """What every list takes: how many, and ``next`` of the page before."""

    limit: Limit = USUAL
    after: str | None = None


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
        raise _unreadable()
    return place


class Numbered(Protocol):
    """What stands in a list by its number."""

    @property
    def number(self) -> int:
        """Lower than that of anything newer."""


Item = TypeVar("Item", bound=Numbered)


def before(what: str, query: PageQuery) -> int | None:
    """The number that a page of a list begins below; None for the first page.

    Raises:
        Invalid: `after` is not the ``next`` of such a list.
    """
    place = read_after(query.after)
    if place is None:
        return None
    name, _, number = place.partition(":")
    if name != what or not (number.isascii() and number.isdigit()) or len(number) > 18:
        raise _unreadable()
    return int(number)


def cut(what: str, found: Sequence[Item], query: PageQuery) -> tuple[Sequence[Item], str | None]:
    """A page and its ``next``, of a list that was asked for one item more than the page has."""
    page = found[: query.limit]
    more = len(found) > query.limit
    return page, write_after(f"{what}:{page[-1].number}") if more else None


def _unreadable() -> Invalid:
    return Invalid("after", "must be the `next` of the page before, unchanged")
