"""Streams of a file's bytes: a sink that hashes, and pieces of parts read and checked."""

from collections.abc import Iterable, Iterator
from hashlib import sha256
from typing import NamedTuple

from xxhash import xxh3_64_intdigest

from tailrace.files.base import Files, Sink
from tailrace.model.export import Part, Piece
from tailrace.model.segment import Location


class PartDamaged(Exception):
    """A part is not what was written: it was not durable, and the machine went down. It must be made again."""

    @property
    def object(self) -> str:
        """The part."""
        return str(self.args[0])


class Placed(NamedTuple):
    """A piece and the object that holds it."""

    object: str
    piece: Piece


class HashingSink:
    """Counts and hashes what goes through; looks enough like a file for libraries that write to one."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._digest = sha256()
        self.size = 0
        self.closed = False

    def write(self, data: bytes | memoryview) -> int:
        """Append bytes."""
        self._sink.write(data)
        self._digest.update(data)
        self.size += len(data)
        return len(data)

    def tell(self) -> int:
        """How many bytes went through."""
        return self.size

    def flush(self) -> None:
        """Nothing waits here."""

    @property
    def sha256(self) -> str:
        """Digest of all bytes, as hex digits."""
        return self._digest.hexdigest()


def placed(parts: Iterable[Part]) -> Iterator[Placed]:
    """All pieces of parts, in order."""
    return (Placed(part.object, piece) for part in parts for piece in part.pieces)


def read_piece(files: Files, where: Placed) -> bytes:
    """The packed bytes of a piece.

    Raises:
        PartDamaged: they are not what was written.
    """
    piece = where.piece
    try:
        with files.reader(Location(where.object, piece.offset, piece.packed)) as source:
            data: bytes = source.read()
    except (OSError, ValueError, IndexError) as error:  # the last if it is too short
        raise PartDamaged(where.object) from error
    if len(data) != piece.packed or xxh3_64_intdigest(data) != piece.check:
        raise PartDamaged(where.object)
    return data
