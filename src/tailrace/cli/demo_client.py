"""The demo as a client: plain HTTP, as any pipeline would speak it."""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tailrace.model.errors import ExportFailed

_POLL_S = 0.05


@dataclass(frozen=True, slots=True)
class Downloaded:
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


class DemoClient:
    """A connection to the demo's server."""

    def __init__(self, url: str, token: str) -> None:
        self._http = httpx.Client(base_url=url, timeout=60)
        self._read = {"authorization": f"Bearer {token}"}

    def __enter__(self) -> "DemoClient":
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def healthy(self) -> bool:
        """Whether the server answers."""
        try:
            return self._http.get("/healthz").status_code == 200
        except httpx.TransportError:
            return False

    def send(self, write_key: str, batch: Sequence[dict[str, Any]]) -> int:
        """Send a batch; how many events the server has taken durably."""
        headers = {"authorization": f"Bearer {write_key}"}
        answer = self._http.post("/v1/events", json={"batch": list(batch)}, headers=headers).raise_for_status()
        return int(answer.json()["accepted"])

    def export(self, app: str, folder: Path, progress: Callable[[int], None]) -> Downloaded:
        """Request, poll, download: everything so far, with its manifest."""
        begin = time.monotonic()
        body = {"app": app, "window": {"axis": "available", "from": None, "to": None}}
        asked = self._http.post("/v1/exports", json=body, headers=self._read).raise_for_status()
        location = asked.headers["location"]
        self._wait(location, progress)
        manifest: dict[str, Any] = self._http.get(f"{location}/manifest", headers=self._read).raise_for_status().json()
        folder.mkdir(parents=True)
        for file in (*manifest["files"], manifest["schema"]):
            self._save(file["url"], folder / file["name"])
        (folder / "manifest.json").write_text(json.dumps(manifest, indent=2))
        return Downloaded(folder, manifest, time.monotonic() - begin)

    def _wait(self, location: str, progress: Callable[[int], None]) -> None:
        while True:
            status = self._http.get(location, headers=self._read).raise_for_status().json()
            progress(status["progress"]["percent"])
            if status["state"] == "succeeded":
                return
            if status["state"] not in ("queued", "running"):
                raise ExportFailed(status["error"] or status["state"])
            time.sleep(_POLL_S)

    def _save(self, url: str, path: Path) -> None:
        with self._http.stream("GET", url, headers=self._read) as answer, path.open("wb") as file:
            for chunk in answer.raise_for_status().iter_raw():
                file.write(chunk)
