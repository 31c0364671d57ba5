"""A manifest in an S3 bucket, its files beside it, by the standard AWS environment."""

from collections.abc import Iterator
from contextlib import contextmanager

from tailrace.client.problems import ConnectionLost
from tailrace.client.pull.listing import Item
from tailrace.client.pull.parts import Span
from tailrace.client.pull.sources import Seen, Unsteady
from tailrace.config import S3Settings
from tailrace.files.s3.place import place_of
from tailrace.files.s3.storage import S3Files
from tailrace.model.errors import Invalid, Unavailable
from tailrace.model.segment import Location

_CHUNK = 4 << 20


class S3Source:
    """A folder of a bucket. Requests that fail for the moment are repeated below."""

    export: str | None = None

    def __init__(self, url: str) -> None:
        folder, _, self._name = url.rpartition("/")
        if not folder.removeprefix("s3:").strip("/") or not self._name:
            raise Invalid(url, "should be s3://bucket/prefix/manifest.json")
        self._files = S3Files(place_of(folder, S3Settings()))

    def manifest(self) -> bytes:
        """The manifest. Raises FileNotFoundError, Unavailable, Invalid."""
        return b"".join(self._files.chunks(self._name))

    def look(self, item: Item) -> Seen:
        """Any piece of an object can be had."""
        return Seen(pieces=self._files.size(item.name) == item.bytes)

    @contextmanager
    def read(self, item: Item, span: Span | None, seen: Seen) -> Iterator[Iterator[bytes]]:  # noqa: ARG002
        """Some bytes of an object."""
        try:
            yield self._chunks(item, *((0, item.bytes) if span is None else (span.start, span.stop)))
        except Unavailable as error:
            raise Unsteady(ConnectionLost(error.why)) from None

    def _chunks(self, item: Item, start: int, stop: int) -> Iterator[bytes]:
        for at in range(start, stop, _CHUNK):
            length = min(_CHUNK, stop - at)
            with self._files.reader(Location(item.name, at, length)) as reader:
                yield bytes(reader.read(length))

    def renew(self, item: Item) -> None:
        """Nothing: credentials are read anew below."""
