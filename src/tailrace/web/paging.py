"""Pages of lists: newest first, as many as wanted, and an opaque text that tells where the next one begins."""

import base64
from collections.abc import Sequence
from typing import Annotated, Protocol, TypeVar

import msgspec

from tailrace.model.errors import Invalid

MOST, USUAL = 1000, 100


class PageQuery(msgspec.Struct, forbid_unknown_fields=True):
    """What every list takes: how many, and ``next`` of the page before."""

    limit: Annotated[int, msgspec.Meta(ge=1, le=MOST)] = USUAL
    after: str | None = None


class Numbered(Protocol):
    """What stands in a list by its number."""

    @property
    def number(self) -> int:
        """Lower than that of anything newer."""


Item = TypeVar("Item", bound=Numbered)


def before(what: str, query: PageQuery) -> int | None:
    """The number that a page begins below; None for the first page.

    Raises:
        Invalid: `after` is not the ``next`` of such a list.
    """
    if query.after is None:
        return None
    try:
        name, _, number = base64.urlsafe_b64decode(query.after.encode()).decode().partition(":")
    except ValueError:
        name, number = "", ""
    if name != what or not (number.isascii() and number.isdigit()) or len(number) > 18:
        raise Invalid("after", "must be `next` of the page before, unchanged")
    return int(number)


def cut(what: str, found: Sequence[Item], query: PageQuery) -> tuple[Sequence[Item], str | None]:
    """A page and its ``next``, of a list that was asked for one item more than the page has."""
    page = found[: query.limit]
    if len(found) <= query.limit:
        return page, None
    return page, base64.urlsafe_b64encode(f"{what}:{page[-1].number}".encode()).decode()
