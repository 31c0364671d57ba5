"""A file while it is loaded: sparse bytes, and beside them a byte per piece that is there.

Both outlive a kill at any point: a piece is marked after it was written, and marking is one write of one byte. After
a power cut marks may tell of bytes that are not there; the SHA-256 of the whole tells, and the file is loaded anew.
"""

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct

from tailrace.client.pull.listing import Item

_HERE = b"\x01"


class Span(Struct, frozen=True):
    """Some bytes of a file, half-open; `number` counts pieces."""

    number: int
    start: int
    stop: int


def spans(size: int, piece: int) -> Sequence[Span]:
    """The pieces of a file; an empty one has one of no bytes."""
    starts = range(0, size, piece) or range(1)
    return [Span(number, start, min(start + piece, size)) for number, start in enumerate(starts)]


class Part:
    """What is there of one file. Threads may write different pieces at a time.

    `etag` is how the server calls this version of the file, if it does: bytes of two versions never meet.
    """

    def __init__(self, folder: Path, item: Item, piece: int, etag: str = "") -> None:
        mark = f"{item.name}\0{item.sha256}\0{item.bytes}\0{piece}\0{etag}"
        key = hashlib.sha256(mark.encode()).hexdigest()[:32]
        self.item = item
        self.path = folder / f"{key}.part"
        self._marks = folder / f"{key}.pieces"
        self._piece = piece

    def missing(self) -> Sequence[Span]:
        """The pieces that are not there yet."""
        every = spans(self.item.bytes, self._piece)
        marks = self._marks.read_bytes() if self._marks.exists() and self.path.exists() else b""
        return [span for span in every if marks[span.number : span.number + 1] != _HERE]

    def write(self, offset: int, data: bytes) -> None:
        """Some bytes at their place."""
        _write(self.path, offset, data)

    def mark(self, span: Span) -> None:
        """A piece is there."""
        _write(self._marks, span.number, _HERE)

    def restart(self) -> None:
        """Begin at the first byte again."""
        self._marks.unlink(missing_ok=True)

    def sha256(self) -> str:
        """Of all that is there."""
        return digest_of(self.path)

    def finish(self, place: Path) -> None:
        """Make it durable, then give it its name."""
        with self.path.open("rb") as file:
            os.fsync(file.fileno())
        self.path.replace(place)
        self._marks.unlink(missing_ok=True)
        sync_directory(place.parent)


def digest_of(path: Path) -> str:
    """The SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sync_directory(path: Path) -> None:
    """Make names in a directory durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write(path: Path, offset: int, data: bytes) -> None:
    """Through no link: a file of this name that is one is not ours."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
    try:
        view = memoryview(data)
        while view:
            done = os.pwrite(descriptor, view, offset)
            view, offset = view[done:], offset + done
    finally:
        os.close(descriptor)
