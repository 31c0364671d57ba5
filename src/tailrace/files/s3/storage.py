"""Objects of an S3 bucket."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime

import pyarrow as pa

from tailrace.files.base import Listed, Shown, Sink, Unfinished
from tailrace.files.s3.place import Place
from tailrace.files.s3.reading import BLOCK, RangedFile
from tailrace.files.s3.requests import Requests
from tailrace.files.s3.uploads import Upload
from tailrace.files.s3.writing import ObjectWriter
from tailrace.model.segment import CLEAR, Location

_STRETCH = 8 << 20  # bytes that one request of a download brings


class S3Files:
    """A folder of a bucket.

    Everything here raises Unavailable when the storage is away, refuses us or stays overloaded after all retries, and
    Invalid when there is no such bucket.
    """

    def __init__(self, place: Place) -> None:
        self._place = place
        self._requests = Requests(place)

    @contextmanager
    def create(self, key: str, key_ref: str = CLEAR, *, durable: bool = True) -> Iterator[Sink]:  # noqa: ARG002
        """A new object, sent in parts as it grows and visible after the last; all that S3 has taken is durable."""
        _check_key(key_ref)
        writer = ObjectWriter(self._requests, self._place.key(key))
        try:
            yield writer
            writer.finish()
        except BaseException:
            writer.abort()
            raise

    def reader(self, location: Location) -> pa.NativeFile:
        """Random access by ranged reads; a small location is read at once. Raises FileNotFoundError.

        If an object is deleted while a reader of a large location is open, what was not fetched yet is lost to it.
        """
        _check_key(location.key_ref)
        key, offset = self._place.key(location.object), location.offset

        def fetch(start: int, stop: int) -> memoryview:
            return self._requests.stretch(key, offset + start, offset + stop)

        if location.length <= 2 * BLOCK:
            return pa.BufferReader(pa.py_buffer(fetch(0, location.length)))
        return pa.PythonFile(RangedFile(fetch, location.length), mode="r")

    def chunks(self, key: str, size: int = 1 << 20, key_ref: str = CLEAR) -> Iterator[bytes]:
        """All bytes of an object in order. Raises FileNotFoundError.

        Each request is for a stretch, so that no connection waits for a slow client and every fault is retried.
        """
        _check_key(key_ref)
        whole = self._place.key(key)
        length = self._requests.size(whole)
        for start in range(0, length, _STRETCH):
            stretch = self._requests.stretch(whole, start, min(start + _STRETCH, length))
            yield from (bytes(stretch[at : at + size]) for at in range(0, len(stretch), size))

    def ranges(self, key: str, key_ref: str = CLEAR) -> "S3Ranges":
        """Any bytes of an object. The first read raises FileNotFoundError if there is none."""
        _check_key(key_ref)
        return S3Ranges(self._requests, self._place.key(key))

    def size(self, key: str) -> int:
        """Length in bytes. Raises FileNotFoundError."""
        return self._requests.size(self._place.key(key))

    def link(self, key: str, seconds: int, shown: Shown, key_ref: str = CLEAR) -> str:
        """A link that S3 answers for so many seconds. Nothing is asked of it now."""
        _check_key(key_ref)
        return self._requests.link(self._place.key(key), seconds, shown.name, shown.media_type)

    def delete(self, key: str) -> None:
        """Remove an object; an absent one is fine."""
        with suppress(FileNotFoundError):
            self._requests.delete(self._place.key(key))

    def list(self, prefix: str) -> Iterator[Listed]:
        """Objects below a folder of keys, by pages, in no order."""
        for page in self._requests.pages(self._place.folder(prefix)):
            for key, size, modified in page:
                yield Listed(self._place.ours(key), size, _ms(modified))

    def unfinished(self, prefix: str) -> Iterator[Unfinished]:
        """Uploads that were begun below a folder of keys, and when."""
        for page in self._requests.begun(self._place.folder(prefix)):
            for upload, begun in page:
                yield Unfinished(self._place.ours(upload.key), upload.handle, _ms(begun))

    def abort(self, unfinished: Unfinished) -> None:
        """Let go of an upload with its parts; what is gone is fine."""
        self._requests.abort(Upload(self._place.key(unfinished.key), unfinished.handle))


class S3Ranges:
    """Any bytes of an object, a request for each stretch."""

    step = _STRETCH

    def __init__(self, requests: Requests, key: str) -> None:
        self._requests = requests
        self._key = key

    def descriptor(self, start: int, stop: int) -> None:
        """None: nothing of it is in a file here."""

    def at_once(self, start: int, stop: int) -> None:  # noqa: ARG002 - as of every storage
        """Nothing is: all has to be fetched."""
        return

    def read(self, start: int, stop: int) -> memoryview:
        """Bytes. Raises FileNotFoundError if the object is gone, and OSError if it ends before them."""
        return self._requests.stretch(self._key, start, stop)

    def close(self) -> None:
        """Nothing is held."""


def _ms(time: datetime) -> int:
    return round(time.timestamp() * 1000)


def _check_key(key_ref: str) -> None:
    if key_ref != CLEAR:
        raise LookupError(f"this storage has no key named {key_ref}")
