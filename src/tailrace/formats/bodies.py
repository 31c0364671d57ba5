"""Bodies: what a packing makes of the pieces of a file, as a stream."""

from collections.abc import Callable
from typing import Protocol

import zstandard

from tailrace.formats import gzip
from tailrace.model.export import Packing

ZSTD_LEVEL = 3
_ZSTD_JOBS = 2  # always, since the bytes must not depend on how many cores there are

Write = Callable[[bytes | memoryview], object]


class Body(Protocol):
    """The bytes of one file, written from front to end."""

    def text(self, data: bytes) -> None:
        """Add bytes that are not packed: a head, a tail, what stands between pieces."""

    def piece(self, data: bytes | memoryview, raw: int, crc: int) -> None:
        """Add a piece, deflated if this packing deflates; `raw` and `crc` are of the data before that."""

    def close(self) -> None:
        """Write what ends the file."""


class PlainBody:
    """The bytes as they are."""

    def __init__(self, write: Write) -> None:
        self._write = write

    def text(self, data: bytes) -> None:
        """Add bytes."""
        self._write(data)

    def piece(self, data: bytes | memoryview, raw: int, crc: int) -> None:  # noqa: ARG002 - as the protocol has it
        """Add a piece."""
        self._write(data)

    def close(self) -> None:
        """Nothing ends it."""


class ZstdBody:
    """One Zstandard frame: there are readers that stop after the first."""

    def __init__(self, write: Write) -> None:
        self._write = write
        self._frame = zstandard.ZstdCompressor(level=ZSTD_LEVEL, threads=_ZSTD_JOBS, write_checksum=True).compressobj()

    def text(self, data: bytes | memoryview) -> None:
        """Add bytes."""
        self._write(self._frame.compress(data))

    def piece(self, data: bytes | memoryview, raw: int, crc: int) -> None:  # noqa: ARG002
        """Add a piece."""
        self.text(data)

    def close(self) -> None:
        """End the frame."""
        self._write(self._frame.flush())


class DeflateBody:
    """A raw deflate stream, stitched from pieces; what it says of itself is known once it is closed."""

    def __init__(self, write: Write) -> None:
        self._write = write
        self.crc = 0
        self.raw = 0

    def text(self, data: bytes) -> None:
        """Add bytes."""
        if data:
            piece = gzip.pack(data)
            self.piece(piece.packed, piece.length, piece.crc)

    def piece(self, data: bytes | memoryview, raw: int, crc: int) -> None:
        """Add a piece."""
        self._write(data)
        self.crc = gzip.combine_crc(self.crc, crc, raw)
        self.raw += raw

    def close(self) -> None:
        """End the stream."""
        self._write(gzip.END)


class GzipBody(DeflateBody):
    """One gzip member."""

    def __init__(self, write: Write) -> None:
        super().__init__(write)
        write(gzip.HEAD)

    def close(self) -> None:
        """End the stream and the member."""
        super().close()
        self._write(gzip.trailer(self.crc, self.raw))


BODIES: dict[Packing, Callable[[Write], Body]] = {
    "none": PlainBody,
    "gzip": GzipBody,
    "zstd": ZstdBody,
    "zip": DeflateBody,
}
MEDIA_TYPES: dict[Packing, str] = {"gzip": "application/gzip", "zstd": "application/zstd", "zip": "application/zip"}
EXTENSIONS: dict[Packing, str] = {"none": "", "gzip": ".gz", "zstd": ".zst", "zip": ""}
