"""Writing large files that must last: past the page cache, and beside the work that makes their bytes.

What is synced at its end gains nothing from the page cache but costs a copy and fresh pages on the way; on many
machines that is the larger part of an uncompressed export. A file smaller than a buffer is written the usual way.
"""

import errno
import fcntl
import mmap
import os
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Self

BUFFER = 8 << 20  # a multiple of every block size; a file holds two of them


class DurableFile:
    """A new file, synced when its block ends well."""

    closed = False

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
        self._buffers: list[mmap.mmap] = []
        self._waiting: list[bytes] = []  # until a buffer is worth its memory
        self._filled = 0
        self._size = 0
        self._thread: ThreadPoolExecutor | None = None
        self._writing: Future[None] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None:
                self._finish()
        finally:
            self._close()

    def write(self, data: bytes | memoryview) -> int:
        """Append bytes. Raises OSError, also for bytes that were taken before."""
        self._size += len(data)
        if not self._buffers and self._filled + len(data) < BUFFER:
            self._waiting.append(bytes(data))
            self._filled += len(data)
        else:
            self._begin()
            self._put(memoryview(data))
        return len(data)

    def flush(self) -> None:
        """Nothing is handed on before its time."""

    def tell(self) -> int:
        """How many bytes were written."""
        return self._size

    def _begin(self) -> None:
        """From here on by buffers."""
        if not self._buffers:
            self._buffers = [mmap.mmap(-1, BUFFER), mmap.mmap(-1, BUFFER)]
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="file")
            _bypass_cache(self._descriptor, on=True)
            self._filled, waiting, self._waiting = 0, self._waiting, []
            for data in waiting:
                self._put(memoryview(data))

    def _put(self, data: memoryview) -> None:
        while data:
            room = min(BUFFER - self._filled, len(data))
            self._buffers[0][self._filled : self._filled + room] = data[:room]
            self._filled += room
            data = data[room:]
            if self._filled == BUFFER:
                self._hand_on()

    def _hand_on(self) -> None:
        """Let the full buffer be written, and go on with the other one once that is."""
        self._settle()
        if self._thread is not None:
            self._writing = self._thread.submit(_write_all, self._descriptor, memoryview(self._buffers[0]))
        self._buffers.reverse()
        self._filled = 0

    def _settle(self) -> None:
        writing, self._writing = self._writing, None
        if writing is not None:
            writing.result()

    def _finish(self) -> None:
        self._settle()
        _bypass_cache(self._descriptor, on=False)  # the end of a file is seldom a whole block
        rest = self._buffers[0][: self._filled] if self._buffers else b"".join(self._waiting)
        _write_all(self._descriptor, memoryview(rest))
        os.fsync(self._descriptor)

    def _close(self) -> None:
        if self._thread is not None:
            self._thread.shutdown(wait=True)
        os.close(self._descriptor)
        self.closed = True


def _bypass_cache(descriptor: int, *, on: bool) -> None:
    """Ask for writes past the page cache; file systems that have none of that say so, and nothing changes."""
    flags = fcntl.fcntl(descriptor, fcntl.F_GETFL)
    wanted = flags | os.O_DIRECT if on else flags & ~os.O_DIRECT
    try:
        fcntl.fcntl(descriptor, fcntl.F_SETFL, wanted)
    except OSError:
        if not on:
            raise


def _write_all(descriptor: int, data: memoryview) -> None:
    while data:
        try:
            written = os.write(descriptor, data)
        except OSError as error:
            if error.errno != errno.EINVAL or not fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_DIRECT:
                raise
            _bypass_cache(descriptor, on=False)  # the file system took the flag, but not the bytes
            continue
        data = data[written:]
