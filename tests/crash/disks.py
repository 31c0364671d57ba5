"""Disks that are full or read-only. A mount of its own where this user may mount, else a limit on the processes."""

import os
import resource
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

_BYTES = 48 << 20
_FILLER = "filler"


class Disk:
    """A small file system that lies over a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def fill(self) -> None:
        """Leave no room at all."""
        with (self.folder / _FILLER).open("ab", buffering=0) as file:
            for size in (1 << 20, 4096, 1):
                while _written(file.fileno(), size):
                    pass

    def free(self) -> None:
        """Make room again."""
        (self.folder / _FILLER).unlink()

    def protect(self, *, on: bool) -> bool:
        """Let nobody write; False if somebody just does, so that it must be tried again."""
        return _mount("-o", f"remount,{'ro' if on else 'rw'}", str(self.folder))


@contextmanager
def small_disk(folder: Path) -> Iterator[Disk]:
    """A disk of its own for a folder, with what is there. Afterwards the folder holds what it did."""
    kept = folder.with_name(f"{folder.name}.kept")
    if folder.exists():
        folder.rename(kept)
    folder.mkdir()
    if not _mount("-t", "tmpfs", "-o", f"size={_BYTES}", "tailrace", str(folder)):
        folder.rmdir()
        if kept.exists():
            kept.rename(folder)
        pytest.skip("this user may not mount")
    try:
        if kept.exists():
            shutil.copytree(kept, folder, dirs_exist_ok=True)
            shutil.rmtree(kept)
        yield Disk(folder)
    finally:
        shutil.copytree(folder, kept, ignore=shutil.ignore_patterns(_FILLER))
        subprocess.run(["umount", "-l", folder], check=True)
        folder.rmdir()
        kept.rename(folder)


def limit_files(processes: Sequence[int], size: int | None) -> None:
    """Let files of some processes become no longer than so many bytes; None: as long as they like."""
    for process in processes:
        _, most = resource.prlimit(process, resource.RLIMIT_FSIZE)
        resource.prlimit(process, resource.RLIMIT_FSIZE, (most if size is None else size, most))


def _mount(*arguments: str) -> bool:
    return subprocess.run(["mount", *arguments], capture_output=True, check=False).returncode == 0


def _written(descriptor: int, size: int) -> bool:
    try:
        return os.write(descriptor, b"x" * size) > 0
    except OSError:
        return False
