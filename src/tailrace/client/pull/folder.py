"""The directory that files are pulled into. One pull works on it at a time, and its manifest says that it is whole."""

import fcntl
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tailrace.client.pull.listing import MANIFEST, Item, Listing, read_listing
from tailrace.client.pull.parts import digest_of, sync_directory
from tailrace.model.errors import Invalid, Unavailable

_WORK = ".tailrace-pull"


class Folder:
    """A directory of downloads."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.work = path / _WORK

    @contextmanager
    def held(self) -> Iterator[None]:
        """Make the directory and keep other pulls out of it; a process that dies lets go.

        Raises:
            Unavailable: another pull is at work.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise Unavailable(f"another pull is at work in {self.path}", 10) from None
            except OSError:
                pass  # a file system that knows no locks, such as some that are mounted over a network
            yield
        finally:
            os.close(descriptor)

    def manifest(self) -> Listing | None:
        """What is here already; None if there is no manifest. Raises Invalid if it cannot be read."""
        path = self.path / MANIFEST
        try:
            return read_listing(path.read_bytes())
        except FileNotFoundError:
            return None
        except Invalid as error:
            raise Invalid("--out", f"{path} cannot be read ({error.why}); choose another directory") from None

    def has(self, item: Item, *, read: bool) -> bool:
        """Whether a file is here: by its size, or by its bytes."""
        path = self.path / item.name
        if path.is_symlink() or not path.is_file() or path.stat().st_size != item.bytes:
            return False
        return not read or digest_of(path) == item.sha256

    def complete(self, listing: Listing) -> None:
        """Write the manifest, now that all files are here, and clear up."""
        unfinished = self.path / f".{MANIFEST}.{secrets.token_hex(4)}"
        with unfinished.open("wb") as file:
            file.write(listing.saved())
            file.flush()
            os.fsync(file.fileno())
        shutil.rmtree(self.work, ignore_errors=True)
        unfinished.replace(self.path / MANIFEST)
        sync_directory(self.path)
