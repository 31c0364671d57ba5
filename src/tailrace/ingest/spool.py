"""Texts that must be kept for a while: some in memory, many in a file that nobody else sees."""

from tempfile import SpooledTemporaryFile
from typing import Self

from msgspec import Struct

IN_MEMORY = 32 << 20


class Kept(Struct, frozen=True):
    """Where a text is kept."""

    offset: int
    length: int


class Spool:
    """Keeps texts until it is closed."""

    def __init__(self, in_memory: int = IN_MEMORY) -> None:
        self._file = SpooledTemporaryFile(max_size=in_memory)  # noqa: SIM115 - closed below
        self._end = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def keep(self, text: str) -> Kept:
        """Keep a text."""
        data = text.encode()
        kept = Kept(self._end, len(data))
        self._file.seek(self._end)
        self._file.write(data)
        self._end += len(data)
        return kept

    def read(self, kept: Kept) -> str:
        """A kept text."""
        self._file.seek(kept.offset)
        return self._file.read(kept.length).decode()
