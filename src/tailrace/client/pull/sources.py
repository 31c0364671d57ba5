"""Where files are pulled from."""

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol

from msgspec import Struct

from tailrace.client.problems import ClientError
from tailrace.client.pull.listing import Item
from tailrace.client.pull.parts import Span

_CHUNK = 1 << 20


class Seen(Struct, frozen=True):
    """What a source says of a file: whether it can be had in pieces, and how this version of it is called."""

    pieces: bool
    etag: str = ""


class Unsteady(Exception):
    """It did not work this time. `error` is what to say if it never does."""

    def __init__(self, error: ClientError) -> None:
        super().__init__(str(error))
        self.error = error


class LinkRefused(Exception):
    """A link is not taken (any more). `error` is what to say if a fresh one is not either."""

    def __init__(self, error: ClientError) -> None:
        super().__init__(str(error))
        self.error = error


class Changed(Exception):
    """The file is not the one that was being loaded."""


class Source(Protocol):
    """Where a manifest and its files are. Threads may ask at a time.

    `export` is the id of the export if it is known before its manifest is.
    """

    export: str | None

    def manifest(self) -> bytes:
        """The manifest as it stands there."""

    def look(self, item: Item) -> Seen:
        """Whether a file can be had in pieces. Raises Unsteady, LinkRefused."""

    def read(self, item: Item, span: Span | None, seen: Seen) -> AbstractContextManager[Iterator[bytes]]:
        """The bytes of a span, or of all. Raises Unsteady, LinkRefused, Changed; so does the iterator."""

    def renew(self, item: Item) -> None:
        """Get fresh links, because that of a file is refused."""


class FolderSource:
    """A directory that holds a manifest with its files beside it."""

    export: str | None = None

    def __init__(self, manifest: Path) -> None:
        self._manifest = manifest

    def manifest(self) -> bytes:
        """The manifest. Raises OSError."""
        return self._manifest.read_bytes()

    def look(self, item: Item) -> Seen:
        """Any piece of it can be read."""
        return Seen(pieces=self._manifest.with_name(item.name).is_file())

    @contextmanager
    def read(self, item: Item, span: Span | None, seen: Seen) -> Iterator[Iterator[bytes]]:  # noqa: ARG002
        """Some bytes. Raises OSError."""
        start, stop = (0, item.bytes) if span is None else (span.start, span.stop)
        descriptor = os.open(self._manifest.with_name(item.name), os.O_RDONLY | os.O_CLOEXEC)
        try:
            yield iter(os.pread(descriptor, min(_CHUNK, stop - at), at) for at in range(start, stop, _CHUNK))
        finally:
            os.close(descriptor)

    def renew(self, item: Item) -> None:
        """Nothing: files have no links."""
