"""Real server processes, and a client that remembers what was acknowledged."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import httpx

READY_S = 30


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Server:
    """`tailrace serve` as a process of its own. Leaving the block ends it with SIGTERM.

    What it prints is in its log, or in the file `out`.
    """

    def __init__(
        self,
        data: Path,
        *,
        environment: dict[str, str] | None = None,
        options: Sequence[str] = (),
        out: Path | None = None,
    ) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = data / f"server-{self.port}.log"
        command = [sys.executable, "-m", "tailrace", "serve", "--data", str(data), "--port", str(self.port), *options]
        self.log.write_bytes(b"")
        with self.log.open("ab") as log, (self.log if out is None else out).open("ab") as shown:
            self.process = subprocess.Popen(command, env=os.environ | (environment or {}), stdout=shown, stderr=log)

    def __enter__(self) -> "Server":
        deadline = time.monotonic() + READY_S
        while time.monotonic() < deadline:
            try:
                if httpx.get(f"{self.url}/healthz").status_code == 200:
                    return self
            except httpx.TransportError:
                time.sleep(0.05)
            if self.process.poll() is not None:
                break
        self.process.kill()  # else it would outlive the test
        self.process.wait(READY_S)
        raise AssertionError(f"the server did not start:\n{self.log.read_text()}")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.process.terminate()
        self.process.wait(READY_S)

    def wait_until_killed(self) -> None:
        """Wait for the process to die of SIGKILL, which it does to itself at the point that a test armed."""
        assert self.process.wait(READY_S) == -9, self.log.read_text()


class Client:
    """Sends events and asks for exports over HTTP; `acknowledged` holds the ids that the server said it has."""

    def __init__(
        self, url: str, *, write_key: str = "wk_waves", token: str = "tok_ana", app: str = "app_waves"
    ) -> None:
        self.http = httpx.Client(base_url=url, timeout=60)
        self.app = app
        self.acknowledged: list[str] = []
        self._write = {"authorization": f"Bearer {write_key}"}
        self.read = {"authorization": f"Bearer {token}"}

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()

    def send(self, records: Sequence[dict[str, Any]]) -> httpx.Response:
        """Send a batch; its ids count as acknowledged when the answer is 200 and rejects none."""
        answer = self.http.post("/v1/events", json={"batch": list(records)}, headers=self._write)
        if answer.status_code == 200:
            assert answer.json()["rejected"] == []
            self.acknowledged += [record["id"] for record in records]
        return answer

    def export(self, window: dict[str, Any], **more: Any) -> dict[str, Any]:
        """Ask for an export, wait for its end, and return its manifest."""
        asked = self.http.post("/v1/exports", json={"app": self.app, "window": window} | more, headers=self.read)
        assert asked.status_code == 202, asked.text
        return self.finished(asked.headers["location"])

    def finished(self, place: str) -> dict[str, Any]:
        """Wait for the end of the export at a URL, and return its manifest."""
        status = self.http.get(place, headers=self.read).json()
        while status["state"] in ("queued", "running"):
            time.sleep(0.02)
            status = self.http.get(place, headers=self.read).json()
        assert status["state"] == "succeeded", status
        manifest: dict[str, Any] = self.http.get(f"{place}/manifest", headers=self.read).json()
        return manifest

    def download(self, manifest: dict[str, Any], folder: Path) -> Path:
        """Save the files of an export and its manifest below a folder, as `tailrace verify` wants them."""
        place: Path = folder / manifest["export"]
        place.mkdir(parents=True)
        for file in (*manifest["files"], manifest["schema"]):
            (place / file["name"]).write_bytes(self.http.get(file["url"], headers=self.read).raise_for_status().content)
        (place / "manifest.json").write_text(json.dumps(manifest))
        return place


def run(*arguments: str | Path, environment: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run a `tailrace` command as a user does."""
    command = [sys.executable, "-m", "tailrace", *map(str, arguments)]
    return subprocess.run(command, env=os.environ | (environment or {}), capture_output=True, text=True, check=False)
