"""How to pull, and what came of it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from msgspec import Struct, field

from tailrace.client.retrying import Retries
from tailrace.model.errors import Invalid

PIECE_BYTES = 16 << 20
_LEAST = 1 << 16

Progress = Callable[[int, int], None]  # bytes that are there, bytes in all


class Options(Struct, frozen=True):
    """Requests at a time, bytes that each brings, whether files that are there are read, and when to ask again."""

    parallel: int = 4
    piece_bytes: int = PIECE_BYTES
    verify: bool = False
    retries: Retries = field(default_factory=lambda: Retries(most=8))

    def __post_init__(self) -> None:
        if not 1 <= self.parallel <= 64:
            raise Invalid("parallel", "must be from 1 to 64")
        if self.piece_bytes < _LEAST:
            raise Invalid("piece_bytes", f"must be {_LEAST} or more")


class Pulled(Struct, frozen=True):
    """A directory that holds a whole export; `loaded` bytes of its `bytes` were downloaded by this run."""

    folder: Path
    export: str
    files: int
    bytes: int
    loaded: int

    def document(self) -> dict[str, Any]:
        """The same as JSON values, without the directory."""
        return {"export": self.export, "files": self.files, "bytes": self.bytes, "loaded": self.loaded}
