"""Servers of benches: a store with one app, and processes that answer on loopback while a block runs."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from bench.process import Failed

TOKEN, WRITE_KEY = "token", "write"


def wanted(app: str, **keys: str) -> str:
    """A provisioning file: a space, the app with further keys of it, and an admin with `TOKEN`."""
    further = "".join(f'{name} = "{value}"\n' for name, value in keys.items())
    return f"""
[[spaces]]
id = "bench"
[[spaces.apps]]
id = "{app}"
{further}[[spaces.users]]
email = "bench@example.com"
role = "admin"
[[spaces.tokens]]
value = "{TOKEN}"
user = "bench@example.com"
"""


def make_store(data: Path, provisioning: str) -> None:
    """A new store in a directory, provisioned."""
    data.mkdir(exist_ok=True)
    subprocess.run(command(["init"], data), check=True, stdout=subprocess.DEVNULL)
    provision(data, provisioning)


def provision(data: Path, provisioning: str) -> None:
    """Make what a provisioning file names, and what is not there yet."""
    file = data.parent / "bench.toml"
    file.write_text(provisioning)
    subprocess.run(command(["apply", str(file)], data), check=True, stdout=subprocess.DEVNULL)


def command(arguments: Sequence[str], data: Path) -> list[str]:
    """A command of ours on a store."""
    return [sys.executable, "-m", "tailrace", *arguments, "--data", str(data)]


@contextmanager
def served(data: Path, *options: str) -> Iterator[tuple[str, int]]:
    """`tailrace serve` over a store: its URL, and the number of its process."""
    port = free_port()
    serve = [*command(["serve"], data), "--port", str(port), *options]
    with running(serve, data.parent / "serve.log", port) as process:
        yield f"http://127.0.0.1:{port}", process


@contextmanager
def running(arguments: Sequence[str], log: Path, port: int | None = None) -> Iterator[int]:
    """The number of a process while the block runs, which begins once it listens on its port, if it has one.

    Raises:
        Failed: it has ended instead; its last words are the message.
    """
    with log.open("wb") as out, subprocess.Popen(arguments, stdout=out, stderr=out) as process:
        try:
            while port is not None and not _listens(port):
                if process.poll() is not None:
                    raise Failed(log.read_text()[-500:])
                time.sleep(0.05)
            yield process.pid
        finally:
            process.terminate()


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
