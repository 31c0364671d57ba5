"""Downloaded bytes: chunks of a file, and what one gzip member, Zstandard frame or deflate stream holds.

Nothing here is shared with what wrote them. Memory does not grow with the file: chunks, and what is unpacked from them,
are handed on in pieces of about `CHUNK` bytes.
"""

import zlib
from collections.abc import Callable, Iterable, Iterator
from hashlib import sha256
from io import RawIOBase
from pathlib import Path
from typing import Any

import zstandard

CHUNK = 1 << 20
# A Zstandard block is four bytes at least and 128 KiB at most when it is unpacked: this much gives 64 MiB at most.
_ZSTD_SLICE = 2 << 10

Pieces = Iterator[bytes]
Tick = Callable[[int], None]


class Damaged(Exception):
    """A file cannot be read any further. `code` says what it breaks: a packing or a format."""

    def __init__(self, code: str, why: str) -> None:
        super().__init__(why)
        self.code = code


def chunks(path: Path, start: int = 0, size: int | None = None) -> Pieces:
    """The bytes of a file, or of a stretch of it."""
    with path.open("rb") as file:
        file.seek(start)
        left = size
        while chunk := file.read(CHUNK if left is None else min(CHUNK, left)):
            left = None if left is None else left - len(chunk)
            yield chunk


class Hashed:
    """A file's chunks, hashed and counted on their way."""

    def __init__(self, path: Path, tick: Tick) -> None:
        self._chunks = chunks(path)
        self._tick = tick
        self._digest = sha256()
        self.bytes = 0

    def __iter__(self) -> Pieces:
        for chunk in self._chunks:
            self._digest.update(chunk)
            self.bytes += len(chunk)
            self._tick(len(chunk))
            yield chunk

    @property
    def sha256(self) -> str:
        """Digest of all chunks so far, as hex digits."""
        return self._digest.hexdigest()


class Window(RawIOBase):
    """A stretch of a file as a file of its own."""

    def __init__(self, path: Path, start: int, size: int) -> None:
        self._file = path.open("rb")
        self._start, self._size, self._at = start, size, 0

    def seekable(self) -> bool:
        """Any place can be read."""
        return True

    def readable(self) -> bool:
        """It is there to be read."""
        return True

    def tell(self) -> int:
        """The place that is read next."""
        return self._at

    def seek(self, offset: int, whence: int = 0) -> int:
        """Go to a place: from the beginning, from here or from the end."""
        self._at = offset + (0, self._at, self._size)[whence]
        return self._at

    def readinto(self, target: Any) -> int:
        """Read into a buffer, never beyond the stretch."""
        room = memoryview(target)[: max(0, self._size - self._at)]
        self._file.seek(self._start + self._at)
        count = self._file.readinto(room)
        self._at += count
        return count

    def close(self) -> None:
        """Close the file as well."""
        self._file.close()
        super().close()


def gunzip(packed: Iterable[bytes]) -> Pieces:
    """What one gzip member holds. The plain library reads it, as most of our readers will.

    Raises:
        Damaged: it is no gzip, it is cut, or something follows its first member.
    """
    return _inflated(packed, 31, "gzip", "member")


def inflate(packed: Iterable[bytes]) -> Pieces:
    """What a deflate stream inside an archive holds.

    Raises:
        Damaged: it is no deflate stream, it is cut, or something follows it.
    """
    return _inflated(packed, -15, "zip", "deflate stream")


def _inflated(packed: Iterable[bytes], wbits: int, code: str, what: str) -> Pieces:
    stream = zlib.decompressobj(wbits=wbits)
    for chunk in packed:
        _refuse_more(stream.eof, code, what)
        yield from _bounded(stream, chunk, code)
        _refuse_more(bool(stream.unused_data), code, what)
    _require_end(stream.eof, code, what)


def _bounded(stream: "zlib._Decompress", chunk: bytes, code: str) -> Pieces:
    while True:
        try:
            piece = stream.decompress(chunk, CHUNK)
        except zlib.error as error:
            raise Damaged(code, str(error)) from None
        if piece:
            yield piece
        chunk = stream.unconsumed_tail
        # A full piece may leave output inside the decompressor even when no input is left.
        if stream.eof or (not chunk and len(piece) < CHUNK):
            return


def unzstd(packed: Iterable[bytes]) -> Pieces:
    """What one Zstandard frame holds.

    Raises:
        Damaged: it is no frame, it is cut, or something follows it.
    """
    frame = zstandard.ZstdDecompressor().decompressobj()
    for chunk in packed:
        for at in range(0, len(chunk), _ZSTD_SLICE):
            _refuse_more(frame.eof, "zstd", "frame")
            try:
                piece = frame.decompress(chunk[at : at + _ZSTD_SLICE])
            except zstandard.ZstdError as error:
                raise Damaged("zstd", str(error)) from None
            if piece:
                yield piece
            _refuse_more(bool(frame.unused_data), "zstd", "frame")
    _require_end(frame.eof, "zstd", "frame")


def _refuse_more(there: bool, code: str, what: str) -> None:
    if there:
        raise Damaged(code, f"more bytes after the end of its first {what}")


def _require_end(there: bool, code: str, what: str) -> None:
    if not there:
        raise Damaged(code, f"it ends in the middle of its {what}")


UNPACK: dict[str, Callable[[Iterable[bytes]], Pieces]] = {"none": iter, "gzip": gunzip, "zstd": unzstd}
