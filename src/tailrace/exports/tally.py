"""What is counted of the rows of a file."""

from collections.abc import Callable

from msgspec import Struct

from tailrace.formats.digest import content_sha256
from tailrace.model.export import Piece


class Tally(Struct):
    """Rows, their digest, and the bounds (ms) of their events' times."""

    rows: int = 0
    digest: int = 0
    min_time: int | None = None
    max_time: int | None = None

    def add(self, piece: Piece) -> None:
        """Count the rows of a piece."""
        self.rows += piece.rows
        self.digest += piece.digest
        self.min_time = _of_both(min, self.min_time, piece.min_time)
        self.max_time = _of_both(max, self.max_time, piece.max_time)

    def merge(self, other: "Tally") -> None:
        """Count the rows of another file."""
        self.rows += other.rows
        self.digest += other.digest
        self.min_time = _of_both(min, self.min_time, other.min_time)
        self.max_time = _of_both(max, self.max_time, other.max_time)

    @property
    def content_sha256(self) -> str:
        """Digest of the rows, whatever their order."""
        return content_sha256(self.rows, self.digest)


def _of_both(choose: Callable[[int, int], int], one: int | None, other: int | None) -> int | None:
    if one is None or other is None:
        return other if one is None else one
    return choose(one, other)
