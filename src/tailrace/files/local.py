"""Objects as files below one directory."""

import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa

from tailrace.files.base import Listed, Shown, Sink, Unfinished
from tailrace.files.writing import DurableFile
from tailrace.model.segment import CLEAR, Location

_BUFFER = 1 << 20
_READ_AHEAD = 128 << 10  # what the kernel reads at a time at least
_UNFINISHED = re.compile(r"\.[0-9a-f]{8}\.tmp$")


class LocalFiles:
    """A directory of objects; a key is a relative path."""

    def __init__(self, root: Path) -> None:
        self._root = root

    @contextmanager
    def create(self, key: str, key_ref: str = CLEAR, *, durable: bool = True) -> Iterator[Sink]:
        """A new object: written beside its name, synced if it is to last, renamed, and its directories synced."""
        _check_key(key_ref)
        path = self.path(key)
        self._make_directory(path.parent)
        # What need not last is looked at by nobody before it is whole, so it needs no second name.
        unfinished = path.with_name(f"{path.name}.{secrets.token_hex(4)}.tmp") if durable else path
        try:
            with DurableFile(unfinished) if durable else _over(unfinished) as file:
                yield file
            if durable:
                unfinished.rename(path)
                _sync_directory(path.parent)
        except BaseException:
            unfinished.unlink(missing_ok=True)
            raise

    def reader(self, location: Location) -> pa.NativeFile:
        """Random access through a memory map. Raises FileNotFoundError."""
        _check_key(location.key_ref)
        mapped = pa.memory_map(str(self.path(location.object)))
        if location.offset == 0 and location.length == mapped.size():
            return mapped
        return pa.BufferReader(mapped.read_buffer().slice(location.offset, location.length))

    def chunks(self, key: str, size: int = 1 << 20, key_ref: str = CLEAR) -> Iterator[bytes]:
        """All bytes of an object in order. Raises FileNotFoundError."""
        _check_key(key_ref)
        with self.path(key).open("rb", buffering=0) as file:
            while chunk := file.read(size):
                yield chunk

    def ranges(self, key: str, key_ref: str = CLEAR) -> "LocalRanges":
        """Any bytes of an object, which stays readable when it is deleted. Raises FileNotFoundError."""
        _check_key(key_ref)
        return LocalRanges(self._place(key))

    def size(self, key: str) -> int:
        """Length in bytes. Raises FileNotFoundError."""
        return self.path(key).stat().st_size

    def link(self, key: str, seconds: int, shown: Shown, key_ref: str = CLEAR) -> str | None:  # noqa: ARG002
        """None: nobody but us answers for files of this machine."""
        return None

    def delete(self, key: str) -> None:
        """Remove an object; an absent one is fine."""
        self.path(key).unlink(missing_ok=True)

    def list(self, prefix: str) -> Iterator[Listed]:
        """Objects below a folder of keys, in no order."""
        for path, status in self._walk(prefix):
            if not _UNFINISHED.search(path.name):
                yield Listed(self._key(path), status.st_size, status.st_mtime_ns // 1_000_000)

    def unfinished(self, prefix: str) -> Iterator[Unfinished]:
        """Files that have not got their name yet, and when they were last written to."""
        for path, status in self._walk(prefix):
            if ending := _UNFINISHED.search(path.name):
                key = self._key(path)
                yield Unfinished(key.removesuffix(ending[0]), ending[0], status.st_mtime_ns // 1_000_000)

    def abort(self, unfinished: Unfinished) -> None:
        """Remove a file that has not got its name yet; one that has, or is gone, is fine."""
        self.path(unfinished.key + unfinished.handle).unlink(missing_ok=True)

    def path(self, key: str) -> Path:
        """Where an object lies."""
        return Path(self._place(key))

    def _place(self, key: str) -> str:
        if key.startswith("/") or ".." in key.split("/"):
            raise ValueError(f"not an object key: {key!r}")
        return f"{self._root}/{key}"  # a Path takes longer to make than its file to open

    def _walk(self, prefix: str) -> Iterator[tuple[Path, os.stat_result]]:
        """Files below a folder of keys; one that goes meanwhile does not show."""
        folders = [self.path(prefix)]
        while folders:
            for entry in _entries(folders.pop()):
                if entry.is_dir(follow_symlinks=False):
                    folders.append(Path(entry.path))
                    continue
                with suppress(FileNotFoundError):
                    yield Path(entry.path), entry.stat(follow_symlinks=False)

    def _key(self, path: Path) -> str:
        return path.relative_to(self._root).as_posix()

    def _make_directory(self, path: Path) -> None:
        """Make a directory and sync each new entry, so that a crash cannot lose the way to a durable file."""
        if path.is_dir():
            return
        self._make_directory(path.parent)
        path.mkdir(exist_ok=True)
        _sync_directory(path.parent)


class LocalRanges:
    """Any bytes of an open file."""

    step = 1 << 20

    def __init__(self, path: str) -> None:
        self._file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self._look = bytearray(1)

    def at_once(self, start: int, stop: int) -> memoryview | None:
        """Bytes that the kernel has in memory; None as well where its file system cannot tell."""
        buffer = memoryview(pa.allocate_buffer(stop - start))
        try:
            read = os.preadv(self._file, [buffer], start, os.RWF_NOWAIT)
        except OSError:  # they are not there, or not this way; whoever reads them next is told what is wrong
            return None
        return buffer if read == len(buffer) else None

    def descriptor(self, start: int, stop: int) -> int | None:
        """The file itself if its bytes are in memory, as far as a look at some of them tells."""
        look, now = [self._look], os.RWF_NOWAIT
        try:
            for at in (*range(start, stop, _READ_AHEAD), stop - 1):
                if os.preadv(self._file, look, at, now) != 1:
                    return None
        except OSError:
            return None
        return self._file

    def read(self, start: int, stop: int) -> bytes:
        """Bytes, from the disk if need be. Raises OSError if the file ends before them."""
        data = os.pread(self._file, stop - start, start)
        if len(data) != stop - start:
            raise OSError(f"a file ends before byte {stop}")
        return data

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)


def _check_key(key_ref: str) -> None:
    if key_ref != CLEAR:
        raise LookupError(f"local files have no key named {key_ref}")


def _entries(folder: Path) -> Iterator[os.DirEntry[str]]:
    """What a folder holds; nothing if it is none."""
    try:
        found = os.scandir(folder)
    except (FileNotFoundError, NotADirectoryError):
        return
    with found:
        yield from found


@contextmanager
def _over(path: Path) -> Iterator[BinaryIO]:
    """A scratch file, written over what is there: its pages are much cheaper than fresh ones."""
    path.touch()
    with path.open("r+b", _BUFFER) as file:
        yield file
        file.truncate()


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
