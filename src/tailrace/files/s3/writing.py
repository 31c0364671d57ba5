"""Writing an object: one request if it is small, else parts that are sent while the next one fills."""

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import Any, Protocol

from tailrace.files.s3.uploads import Upload, part_size
from tailrace.model.errors import TailraceError

# Parts on their way; with the one that fills, a writer holds three.
_ON_THE_WAY = 2


class Requests(Protocol):
    """What a writer asks of S3. Each method raises Unavailable when it is in vain."""

    def put(self, key: str, data: bytearray) -> None:
        """Make a whole object."""

    def begin(self, key: str) -> Upload:
        """Begin an upload in parts."""

    def send(self, upload: Upload, number: int, data: bytearray) -> dict[str, Any]:
        """Send part `number`, from 1; what `complete` wants to know of it."""

    def complete(self, upload: Upload, parts: list[dict[str, Any]], size: int) -> None:
        """Make an object of `size` bytes of its parts."""

    def abort(self, upload: Upload) -> None:
        """Let go of an upload and its parts."""


class ObjectWriter:
    """A new object; looks enough like a file for libraries that write to one. `key` is one of the bucket."""

    closed = False

    def __init__(self, requests: Requests, key: str) -> None:
        self._requests = requests
        self._key = key
        self._filling = bytearray()
        self._handed_on = 0
        self._upload: Upload | None = None
        self._threads: ThreadPoolExecutor | None = None
        self._sending: deque[Future[dict[str, Any]]] = deque()
        self._sent: list[dict[str, Any]] = []

    def write(self, data: bytes | memoryview) -> int:
        """Append bytes. Raises Unavailable, also for bytes that were taken before."""
        rest = memoryview(data).cast("B")
        size = len(rest)
        while rest:
            wanted = part_size(self._handed_on)
            room = wanted - len(self._filling)
            self._filling += rest[:room]
            rest = rest[room:]
            if len(self._filling) == wanted:
                self._hand_on()
        return size

    def flush(self) -> None:
        """Nothing is sent before its time."""

    def tell(self) -> int:
        """How many bytes were written."""
        return self._handed_on + len(self._filling)

    def finish(self) -> None:
        """Make the object visible, whole."""
        self.closed = True
        if self._upload is None:
            self._requests.put(self._key, self._filling)
            return
        if self._filling:
            self._hand_on()
        self._settle(0)
        self._requests.complete(self._upload, self._sent, self._handed_on)
        self._end_threads()

    def abort(self) -> None:
        """Leave nothing behind as far as the server lets us; the sweeper finds the rest."""
        self.closed = True
        self._filling = bytearray()
        self._end_threads()  # a part that came after the abort would stay
        if self._upload is not None:
            with suppress(TailraceError, OSError):
                self._requests.abort(self._upload)

    def _hand_on(self) -> None:
        if self._upload is None or self._threads is None:
            self._upload = self._requests.begin(self._key)
            self._threads = ThreadPoolExecutor(_ON_THE_WAY, thread_name_prefix="upload")
        self._settle(_ON_THE_WAY - 1)
        number = len(self._sent) + len(self._sending) + 1
        self._sending.append(self._threads.submit(self._requests.send, self._upload, number, self._filling))
        self._handed_on += len(self._filling)
        self._filling = bytearray()

    def _settle(self, most: int) -> None:
        """Wait until at most so many parts are on their way."""
        while len(self._sending) > most:
            self._sent.append(self._sending.popleft().result())

    def _end_threads(self) -> None:
        if self._threads is not None:
            self._threads.shutdown(wait=True, cancel_futures=True)
