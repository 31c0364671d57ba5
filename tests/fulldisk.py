"""A standard error that lies on a full disk."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from unittest.mock import patch


@contextmanager
def full_disk() -> Iterator[None]:
    """Whatever this process writes to standard error in a block fails, as it does on a disk without room."""
    full = Path("/dev/full").open("w", buffering=1, encoding="utf-8")  # noqa: SIM115 - closing it fails, too
    try:
        with patch.object(sys, "stderr", full):
            yield
    finally:
        with suppress(OSError):
            full.close()
