"""What every object storage does. A visible object is a whole, durable object."""

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from typing import Protocol

import pyarrow as pa
from msgspec import Struct

from tailrace.model.segment import CLEAR, Location

Buffer = bytes | memoryview


class Sink(Protocol):
    """Where the bytes of a new object go."""

    def write(self, data: bytes | memoryview) -> object:
        """Append bytes."""


class Listed(Struct, frozen=True):
    """An object as a listing shows it; when it was written is told by the storage's own clock, in ms UTC."""

    key: str
    bytes: int
    modified_ms: int


class Unfinished(Struct, frozen=True):
    """What a writer of `key` has written so far, or left behind when it was killed. It never shows as an object.

    `handle` is the storage's own name for it, `begun_ms` the storage's time at which it was begun or last written to.
    """

    key: str
    handle: str
    begun_ms: int


class RangeReader(Protocol):
    """Any bytes of one object, for many readers who must not wait for one another.

    `step` is how many bytes are best read at a time. If the object is deleted meanwhile, what is read is still right,
    or FileNotFoundError.
    """

    step: int

    def at_once(self, start: int, stop: int) -> Buffer | None:
        """Bytes that are there without waiting for a disk or a network, else None."""

    def descriptor(self, start: int, stop: int) -> int | None:
        """An open file at whose offsets the kernel finds bytes without waiting for a disk, if there is one."""

    def read(self, start: int, stop: int) -> Buffer:
        """Bytes, however long that takes. Raises FileNotFoundError, and OSError if the object ends before them."""

    def close(self) -> None:
        """Let go of the object."""


class Shown(Struct, frozen=True):
    """How a download is to look: its name and type as the client sees them."""

    name: str
    media_type: str


class Readable(Protocol):
    """What objects can be read from."""

    def ranges(self, key: str, key_ref: str = CLEAR) -> RangeReader:
        """Any bytes of an object. Raises FileNotFoundError, now or at the first read."""


class Files(Protocol):
    """Objects by key. Keys are never reused, so an object never changes.

    `key_ref` names what an object's content is sealed with; LookupError if this storage has no such key.
    """

    def create(self, key: str, key_ref: str = CLEAR, *, durable: bool = True) -> AbstractContextManager[Sink]:
        """A new object: durable and visible when the block ends well, absent when it raises.

        What can be made again need not be `durable`: after a power cut such an object may be torn or gone. It is
        scratch, and may be written over, by the one who wrote it.
        """

    def reader(self, location: Location) -> pa.NativeFile:
        """Random access to some bytes of an object. Raises FileNotFoundError."""

    def chunks(self, key: str, size: int = 1 << 20, key_ref: str = CLEAR) -> Iterable[bytes]:
        """All bytes of an object in order, `size` at a time. Raises FileNotFoundError."""

    def ranges(self, key: str, key_ref: str = CLEAR) -> RangeReader:
        """Any bytes of an object. Raises FileNotFoundError, now or at the first read."""

    def size(self, key: str) -> int:
        """Length in bytes. Raises FileNotFoundError."""

    def link(self, key: str, seconds: int, shown: Shown, key_ref: str = CLEAR) -> str | None:
        """A link that the storage itself answers for so many seconds, without credentials; None if it has none."""

    def delete(self, key: str) -> None:
        """Remove an object; an absent one is fine."""

    def list(self, prefix: str) -> Iterator[Listed]:
        """Objects below a folder of keys such as ``acme/app_waves/exports``, in no order; "" lists all.

        It holds no more than a page at a time. Objects that come or go meanwhile may show or not, and a storage may
        be late with others: a listing finds candidates, it is never the truth. A writer that is not done shows in
        `unfinished` only, except that one of an object that is not durable may show here before it is whole.
        """

    def unfinished(self, prefix: str) -> Iterator[Unfinished]:
        """What writers of objects below a folder of keys have begun, and killed ones have left behind."""

    def abort(self, unfinished: Unfinished) -> None:
        """Remove what was begun; what is gone is fine. A writer that still lives fails: its object never shows."""
