"""A demo with a file of ours, as `scripts/demo --data` runs it, for clients that were written from documents alone."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from tailrace.model.clock import iso
from tests.servers import free_port

APP, API_KEY, EXPORT_KEY, TOKEN = "demo_data", "DEMODATA000000000000", "ek_demo_data", "tok_demo"
HOUR = 3_600_000
READY_S = 60


def visits(first: int, count: int) -> list[dict[str, Any]]:
    """Native records: a session each two hours from an instant (ms), of 1 to 4 events, with versions in turn."""
    return [
        {
            "id": f"{visit}/{place}",
            "event": ("open", "buy", 'say "hi", you', "close")[place],
            "time": iso(first + visit * 2 * HOUR + place * 1500),
            "device_id": f"d{visit % 7}",
            "session_id": f"s{visit}",
            "params": {"n": 10 * visit + place, "text": f"é {visit}"},
            "session": {"app_version": f"1.{visit % 3}"},
        }
        for visit in range(count)
        for place in range(1 + visit % 4)
    ]


@contextmanager
def demo(folder: Path, records: Sequence[dict[str, Any]], settings: Mapping[str, str]) -> Iterator[str]:
    """The URL of a demo that has loaded, exported and verified records, and whose server stays up for the block.

    `settings` are variables of the environment.
    """
    file = folder / "records.ndjson"
    file.write_text("".join(f"{json.dumps(record)}\n" for record in records), "utf-8")
    port = free_port()
    command = [sys.executable, "-m", "tailrace", "demo", "--data", str(file), "--dir", str(folder / "demo")]
    said = folder / "said"
    command += ["--port", str(port)]
    environment = {**os.environ, **settings}
    with said.open("wb") as out, subprocess.Popen(command, env=environment, stdout=out, stderr=out) as process:
        try:
            _wait(process, said)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
    assert process.returncode == 0, said.read_text("utf-8")
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)), "the demo left its server behind"


def new_token(url: str) -> str:
    """A token that sees the app with the records alone."""
    asked = {"name": "bundles", "scopes": ["exports.read", "exports.create"], "apps": [APP]}
    answer = httpx.post(f"{url}/v1/tokens", json=asked, headers={"authorization": f"Bearer {TOKEN}"})
    assert answer.status_code == 201, answer.text
    token: str = answer.json()["token"]
    return token


def _wait(process: "subprocess.Popen[bytes]", said: Path) -> None:
    """Until it says that the server stays."""
    until = time.monotonic() + READY_S
    while "until Ctrl-C" not in said.read_text("utf-8"):
        assert process.poll() is None, said.read_text("utf-8")
        assert time.monotonic() < until, said.read_text("utf-8")
        time.sleep(0.05)
