"""Requests to S3 that end well, or with an error in our words. Keys are keys of the bucket."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime
from threading import Lock
from typing import Any, TypeVar

import obstore

from tailrace.files.s3.clients import Clients
from tailrace.files.s3.faults import Garbled, told
from tailrace.files.s3.place import Place
from tailrace.files.s3.uploads import Upload, Uploads
from tailrace.model.errors import Unavailable

_PAGE = 1000
_TRIES = 4  # of bytes that came to harm on their way; the clients themselves retry everything else

_T = TypeVar("_T")


class Requests:
    """What is asked of one place. Any number of threads may ask; no connection is opened before the first does.

    Each method raises Unavailable when the storage is away, refuses us or stays overloaded after all retries, and
    Invalid when there is no such bucket.
    """

    def __init__(self, place: Place) -> None:
        self._place = place
        self._lock = Lock()
        self._clients = Clients(place)

    def put(self, key: str, data: bytearray) -> None:
        """Make a whole object by one request. One whose answer is lost is sent again, and makes the same object."""
        self._again(key, lambda clients: obstore.put(clients.store, key, memoryview(data), use_multipart=False))

    def size(self, key: str) -> int:
        """Length of an object in bytes. Raises FileNotFoundError."""
        return int(self._ask(key, lambda clients: obstore.head(clients.store, key))["size"])

    def stretch(self, key: str, start: int, stop: int) -> memoryview:
        """Bytes of an object. Raises FileNotFoundError, and OSError if it is shorter than that."""
        if start == stop:
            self.size(key)
            return memoryview(b"")
        data = self._ask(key, lambda clients: obstore.get_range(clients.store, key, start=start, end=stop))
        if len(data) != stop - start:
            raise OSError(f"{key} ends before byte {stop}")
        return memoryview(data)

    def link(self, key: str, seconds: int, name: str, media_type: str) -> str:
        """A presigned URL of an object. The answer's headers are part of what is signed."""
        wanted = {
            "Bucket": self._place.bucket,
            "Key": key,
            "ResponseContentType": media_type,
            "ResponseContentDisposition": f'attachment; filename="{name}"',
        }

        def made(clients: Clients) -> str:
            return str(clients.api.generate_presigned_url("get_object", Params=wanted, ExpiresIn=seconds))

        return self._ask(key, made)

    def delete(self, key: str) -> None:
        """Remove an object. Raises FileNotFoundError where the server tells."""
        try:
            self._ask(key, lambda clients: obstore.delete(clients.store, key))
        except Unavailable:  # obstore asks for all else again, but does not know that deleting may happen twice
            self._ask(key, lambda clients: obstore.delete(clients.store, key))

    def pages(self, folder: str) -> Iterator[list[tuple[str, int, datetime]]]:
        """Objects below a folder: key, length in bytes and time of writing."""
        pages = self._ask(folder, lambda clients: obstore.list(clients.store, folder or None, chunk_size=_PAGE))
        while page := self._ask(folder, lambda _: next(pages, None)):
            yield [(found["path"], found["size"], found["last_modified"]) for found in page]

    def begin(self, key: str) -> Upload:
        """Begin an upload in parts."""
        return self._ask(key, lambda clients: self._uploads(clients).begin(key))

    def send(self, upload: Upload, number: int, data: bytearray) -> dict[str, Any]:
        """Send part `number`, from 1; what `complete` wants to know of it."""
        try:
            return self._again(upload.key, lambda clients: self._uploads(clients).send(upload, number, data))
        except FileNotFoundError:
            raise _aborted() from None

    def complete(self, upload: Upload, parts: list[dict[str, Any]], size: int) -> None:
        """Make an object of `size` bytes of its parts.

        If the answer is lost, the request is sent again and finds no upload. Keys are never reused: an object of this
        key and length is what it made.
        """
        try:
            self._ask(upload.key, lambda clients: self._uploads(clients).complete(upload, parts))
        except FileNotFoundError:
            if self._size_or_none(upload.key) != size:
                raise _aborted() from None

    def abort(self, upload: Upload) -> None:
        """Let go of an upload and its parts; what is gone is fine."""
        with suppress(FileNotFoundError):
            self._ask(upload.key, lambda clients: self._uploads(clients).abort(upload))

    def begun(self, prefix: str) -> Iterator[list[tuple[Upload, datetime]]]:
        """Uploads for keys with a prefix, and when they began."""
        pages = self._ask(prefix, lambda clients: self._uploads(clients).pages(prefix))
        while (page := self._ask(prefix, lambda _: next(pages, None))) is not None:
            yield page

    def _uploads(self, clients: Clients) -> Uploads:
        return Uploads(self._place, clients)

    def _size_or_none(self, key: str) -> int | None:
        try:
            return self.size(key)
        except FileNotFoundError:
            return None

    def _ask(self, key: str, request: Callable[[Clients], _T]) -> _T:
        """One request. After a failure the next one begins anew: with new connections and credentials."""
        clients = self._clients
        try:
            return told(key, lambda: request(clients))
        except Unavailable:
            with self._lock:
                if self._clients is clients:
                    self._clients = Clients(self._place)
            raise

    def _again(self, key: str, request: Callable[[Clients], _T]) -> _T:
        """One request whose bytes are sent until they arrive as they are."""
        for _ in range(_TRIES):
            try:
                return self._ask(key, request)
            except Garbled:
                continue
        raise Unavailable("what is sent to the object storage arrives changed; look at the network", 60)


def _aborted() -> Unavailable:
    return Unavailable("an upload was aborted before its end; what it wrote can be made anew", 0)
