"""The remote entry of a slice: what processes that run slices load, which is a third of what a server does."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from tailrace.config import Settings, load
from tailrace.exports.slices import SliceSpec, run_slice
from tailrace.files.base import Files
from tailrace.files.local import LocalFiles
from tailrace.model.export import Part

FILES_DIRECTORY = "files"
_S3 = "tailrace.files.s3.storage"


def run_slice_here(data: str, spec: SliceSpec) -> Part:
    """Run one slice with this machine's own settings; what an executor runs, in whatever process."""
    return run_slice(_storage_here(data), spec)


def storage_of(data: Path, settings: Settings) -> Files:
    """Where objects lie, for a data directory and its settings."""
    if not settings.files:
        return LocalFiles(data / FILES_DIRECTORY)
    from tailrace.files.s3 import place, storage

    return storage.S3Files(place.place_of(settings.files, settings.s3))


def modules_of(settings: Settings) -> Sequence[str]:
    """What a process should hold before it is copied for each slice that runs at a time."""
    return [__name__, _S3] if settings.files else [__name__]


@lru_cache(maxsize=8)
def _storage_here(data: str) -> Files:
    """The storage, by the settings of this process."""
    return storage_of(Path(data), load(Path(data)))
