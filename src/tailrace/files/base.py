"""What every object storage does. A visible object is a whole, durable object."""

from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import Protocol

import pyarrow as pa

from tailrace.model.segment import CLEAR, Location


class Sink(Protocol):
    """Where the bytes of a new object go."""

    def write(self, data: bytes | memoryview) -> object:
        """Append bytes."""


class Files(Protocol):
    """Objects by key. Keys are never reused, so an object never changes.

    `key_ref` names what an object's content is sealed with; LookupError if this storage has no such key.
    """

    def create(self, key: str, key_ref: str = CLEAR, *, durable: bool = True) -> AbstractContextManager[Sink]:
        """A new object: durable and visible when the block ends well, absent when it raises.

        What can be made again need not be `durable`: after a power cut such an object may be torn or gone.
        """

    def reader(self, location: Location) -> pa.NativeFile:
        """Random access to some bytes of an object. Raises FileNotFoundError."""

    def chunks(self, key: str, size: int = 1 << 20, key_ref: str = CLEAR) -> Iterable[bytes]:
        """All bytes of an object in order, `size` at a time. Raises FileNotFoundError."""

    def size(self, key: str) -> int:
        """Length in bytes. Raises FileNotFoundError."""

    def delete(self, key: str) -> None:
        """Remove an object; an absent one is fine."""
