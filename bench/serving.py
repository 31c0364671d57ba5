"""How quickly files of exports go out, against nginx with sendfile: same files, same client, in turn, on loopback.

    python -m bench.serving [--rounds N] [--root DIR]

Ours is a real `tailrace serve` asked by signed links, with everything that a download costs: the look-up, the
signature, the line in the log. The client is a process of its own that looks at lengths only.
"""

import argparse
import json
import os
import secrets
import selectors
import shutil
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple
from urllib.parse import urlsplit

from sqlalchemy import update

from bench.process import Failed
from bench.servers import TOKEN, free_port, make_store, running, served, wanted
from tailrace.accounts.lookup import principal_of_token, scope_of_app
from tailrace.db.tables import exports
from tailrace.exports.records import StoredFile, insert_files
from tailrace.exports.submit import submit
from tailrace.model.export import ExportRequest
from tailrace.model.window import Window
from tailrace.surfaces.native.links import new_links
from tailrace.wiring import House, open_house

APP = "app_serving"
TARGET = 0.65
ROUND_BYTES = 2 << 30  # of one measurement
BUFFER = 256 << 10


class Case(NamedTuple):
    """A file of some MiB, and how many connections ask for it all the time."""

    mib: int
    connections: int


CASES = (Case(64, 4), Case(1, 16))


def report(rounds: int, root: Path) -> Iterator[str]:
    """A table, line by line."""
    nginx = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if nginx is None:
        raise Failed("nginx is needed: apt-get install nginx-light")
    yield "| file | connections | nginx `sendfile` GB/s | ours GB/s | ratio | at least | |"
    yield "|---|---|---|---|---|---|---|"
    with TemporaryDirectory(dir=root.absolute()) as name, ExitStack() as servers:
        folder = Path(name)
        links = _store(folder)
        theirs = servers.enter_context(_nginx(nginx, folder))
        ours = servers.enter_context(served(folder / "data", "--no-worker"))[0]
        for case in CASES:
            file = f"{case.mib}mib.bin"
            pairs = [(_speed(f"{theirs}/{file}", case), _speed(ours + links[file], case)) for _ in range(rounds)]
            yield _row(case, pairs)


def _row(case: Case, pairs: Sequence[tuple[float, float]]) -> str:
    theirs, ours = (statistics.median(pair[side] for pair in pairs) for side in (0, 1))
    ratio = statistics.median(our / their for their, our in pairs)
    verdict = "met" if ratio >= TARGET else "**missed**"
    figures = f"{theirs / 1e9:.2f} | {ours / 1e9:.2f} | {ratio:.2f}x | {TARGET}x | {verdict}"
    return f"| {case.mib} MiB | {case.connections} | {figures} |"


def _store(folder: Path) -> dict[str, str]:
    """A store with an export of the files, and what follows the address in their links."""
    data = folder / "data"
    make_store(data, wanted(APP))
    with open_house(data) as house:
        return _export(house, folder)


def _export(house: House, folder: Path) -> dict[str, str]:
    """An export that has succeeded, its files of random bytes; nginx serves the same ones."""
    scope = scope_of_app(house.database, APP)
    principal = principal_of_token(house.database, house.identity.secret, TOKEN)
    export = submit(house.submitter(), principal, scope, ExportRequest(APP, Window("available", None, None)))
    stored = []
    for case in CASES:
        name = f"{case.mib}mib.bin"
        key = f"{scope.prefix}/exports/{export.id}/{name}"
        with house.files.create(key) as sink:
            for _ in range(case.mib):
                sink.write(secrets.token_bytes(1 << 20))
        (folder / name).hardlink_to(folder / "data" / "files" / key)
        stored.append(StoredFile(name, key, case.mib << 20, "0" * 64, "application/octet-stream"))
    with house.database.write() as connection:
        insert_files(connection, export, stored)
        connection.execute(update(exports).values(state="succeeded"))
    links = new_links(house.database, house.identity.secret, "")
    return {file.name: links.of(export, file.name) for file in stored}


@contextmanager
def _nginx(program: str, folder: Path) -> Iterator[str]:
    port = free_port()
    temporary = "".join(
        f"{kind}_temp_path {folder}/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    conf = folder / "nginx.conf"
    conf.write_text(
        f"{'user root;' if os.geteuid() == 0 else ''}\n"
        f"daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/nginx.log;\n"
        "events { worker_connections 256; }\n"
        f"http {{ {temporary} access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000;\n"
        f"server {{ listen 127.0.0.1:{port}; root {folder}; }} }}\n"
    )
    with running([program, "-p", str(folder), "-c", str(conf)], folder / "nginx.out", port):
        yield f"http://127.0.0.1:{port}"


def _speed(url: str, case: Case) -> float:
    """Bytes per second, measured by a client in a process of its own."""
    command = [sys.executable, "-m", "bench.serving", "--client", url, str(case.mib), str(case.connections)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Failed(done.stderr[-500:])
    return float(json.loads(done.stdout))


class _Connection:
    """One keep-alive connection that always waits for an answer."""

    def __init__(self, host: str, port: int, request: bytes) -> None:
        self.socket = socket.create_connection((host, port))
        self._request = request
        self.ask()

    def ask(self) -> None:
        """Ask once more."""
        self._head, self._left = b"", 0
        self.socket.sendall(self._request)

    def receive(self, buffer: memoryview) -> bool:
        """Take what has come; whether the answer is whole now."""
        if not self._left:
            return self._receive_head()
        got = self.socket.recv_into(buffer, min(len(buffer), self._left))
        if not got:
            raise SystemExit("a download was cut")
        self._left -= got
        return not self._left

    def _receive_head(self) -> bool:
        self._head += self.socket.recv(4096)
        head, end, body = self._head.partition(b"\r\n\r\n")
        if end:
            lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
            if not head.startswith(b"HTTP/1.1 200 ") or not lengths:
                raise SystemExit(f"not a download: {head!r}")
            self._left = int(lengths[0].partition(b":")[2]) - len(body)
        return False  # files of the bench are longer than what comes with the head


def client(url: str, mib: int, connections: int) -> float:
    """Ask by some connections at a time until enough has come; bytes per second."""
    parts = urlsplit(url)
    path = f"{parts.path}?{parts.query}" if parts.query else parts.path
    request = f"GET {path} HTTP/1.1\r\nHost: {parts.netloc}\r\n\r\n".encode()
    buffer, wanted, done = memoryview(bytearray(BUFFER)), ROUND_BYTES // (mib << 20), 0
    with selectors.DefaultSelector() as selector:
        began = time.perf_counter()
        for _ in range(connections):
            made = _Connection(parts.hostname or "", parts.port or 80, request)
            selector.register(made.socket, selectors.EVENT_READ, made)
        while done < wanted:
            for key, _ in selector.select():
                if key.data.receive(buffer):
                    done += 1
                    key.data.ask()
        return wanted * (mib << 20) / (time.perf_counter() - began)


def main() -> None:
    """Measure and print, or be the client."""
    if sys.argv[1:2] == ["--client"]:
        print(json.dumps(client(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))))
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--root", type=Path, default=Path(".build/bench"))
    asked = parser.parse_args()
    asked.root.mkdir(parents=True, exist_ok=True)
    try:
        for line in report(asked.rounds, asked.root):
            print(line, flush=True)
    except Failed as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
