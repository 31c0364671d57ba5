"""The demo's exports: asked for and pulled by the client, as any pipeline would."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from msgspec import Struct

from tailrace.client import Client, Export, ExportRequest, Window
from tailrace.model.errors import ExportFailed

_HOLD_S = 1  # progress is shown that often at least


class Downloaded(Struct, frozen=True):
    """A finished export in a folder, and how long it took from its request to the last byte on disk (s)."""

    folder: Path
    manifest: dict[str, Any]
    seconds: float

    def rows(self) -> list[tuple[str, int, int, str, str]]:
        """A row per file: name, rows, bytes, SHA-256, seconds."""
        return [
            (file["name"], file["rows"], file["bytes"], file["sha256"], f"{self.seconds:.2f}")
            for file in self.manifest["files"]
        ]

    def document(self) -> dict[str, Any]:
        """The same for programs."""
        return {"folder": str(self.folder), "seconds": self.seconds, "files": self.manifest["files"]}


def download(client: Client, app: str, folder: Path, progress: Callable[[int], None]) -> Downloaded:
    """Ask for everything so far of an app, wait, and pull it into a folder; `progress` hears of percents.

    Raises:
        ExportFailed: it ended without files.
        ProblemError, ConnectionLost, Mismatch: as the client says.
    """
    begin = time.monotonic()

    def changed(export: Export) -> None:
        progress(export.progress.percent)

    asked = client.exports.create(ExportRequest(app=app, window=Window(axis="available")))
    ended = client.exports.wait(asked.id, hold=_HOLD_S, changed=changed)
    if not ended.succeeded:
        raise ExportFailed(ended.error or ended.state)
    client.pull(ended.id, folder)
    manifest: dict[str, Any] = json.loads((folder / "manifest.json").read_bytes())
    return Downloaded(folder, manifest, time.monotonic() - begin)
