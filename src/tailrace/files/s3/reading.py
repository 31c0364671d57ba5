"""Random access to an object by ranged reads that are worth their request."""

import io
from collections.abc import Callable

BLOCK = 4 << 20
_KEPT = 4

Fetch = Callable[[int, int], memoryview]  # from, to -> bytes


class RangedFile(io.RawIOBase):
    """Bytes ``0..size`` of a location, fetched by blocks; the last few blocks are kept.

    Blocks are counted from the end: the footer of a Parquet file comes with the first of them, which is fetched at
    once. What is larger than a block comes by itself, so reading a row group costs about one request per 4 MiB of
    small columns and one per column that is larger.
    """

    def __init__(self, fetch: Fetch, size: int) -> None:
        self._fetch = fetch
        self._size = size
        self._position = 0
        self._blocks: dict[int, memoryview] = {}
        self._block(0)

    def read(self, size: int | None = -1) -> bytes:
        """Up to `size` bytes from the position on."""
        left = self._size - self._position
        stop = self._position + (left if size is None or size < 0 else min(size, left))
        data = self._between(self._position, stop) if stop > self._position else b""
        self._position = max(stop, self._position)
        return data

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move the position."""
        self._position = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        return self._position

    def tell(self) -> int:
        """The position."""
        return self._position

    def size(self) -> int:
        """Length in bytes."""
        return self._size

    def readable(self) -> bool:
        """Yes."""
        return True

    def seekable(self) -> bool:
        """Yes."""
        return True

    def close(self) -> None:
        """Let go of what is kept."""
        self._blocks.clear()
        super().close()

    def _between(self, start: int, stop: int) -> bytes:
        if stop - start > BLOCK:
            return bytes(self._fetch(start, stop))
        pieces = []
        for number in range((self._size - 1 - start) // BLOCK, (self._size - stop) // BLOCK - 1, -1):
            begin = self._begin(number)
            pieces.append(self._block(number)[max(start - begin, 0) : stop - begin])
        return b"".join(pieces)

    def _block(self, number: int) -> memoryview:
        """A block, counted from the end."""
        block = self._blocks.pop(number, None)
        if block is None:
            block = self._fetch(self._begin(number), self._size - number * BLOCK)
        self._blocks[number] = block  # the last one used is the last one dropped
        if len(self._blocks) > _KEPT:
            del self._blocks[next(iter(self._blocks))]
        return block

    def _begin(self, number: int) -> int:
        return max(self._size - (number + 1) * BLOCK, 0)
