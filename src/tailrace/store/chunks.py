"""Chunks: as many items as one statement may ask for."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

CHUNK = 400  # with two parameters an item below every database's limit of parameters in one statement
Item = TypeVar("Item")


def chunks(items: Iterable[Item], size: int = CHUNK) -> Iterator[list[Item]]:
    """Items, some at a time."""
    rest = iter(items)
    while chunk := list(islice(rest, size)):
        yield chunk
