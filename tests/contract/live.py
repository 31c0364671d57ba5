"""The real application behind a real socket in this process, so that a test holds both its ends: HTTP and the store."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import uvicorn
from starlette.applications import Starlette

from tailrace.app import create_app
from tailrace.cli.serving import Server
from tailrace.jobs.bell import Bell
from tailrace.wiring import House
from tailrace.worker import Worker

READY_S = 20

# The rights of tests/conftest.py's provisioning file.
WRITE = {"authorization": "Bearer wk_waves"}
READ = {"authorization": "Bearer tok_ana"}


@contextmanager
def live(house: House, *, exporters: int = 0, lines: bool = False) -> Iterator[httpx.Client]:
    """Serve a house on a free port; with `exporters` a worker seals and exports beside it, with `lines` requests are
    in the log.
    """
    house.settings.log.access = lines
    house.settings.ingest.remember_ms = 0  # tests change limits and keys, and go on at once
    bell = Bell()
    beside = [Worker(house, bell, exporters)] if exporters else []
    with served(create_app(house, bell, beside)) as client:
        yield client


@contextmanager
def served(app: Starlette) -> Iterator[httpx.Client]:
    """Serve an application on a free port. When the block ends all that it was asked is answered."""
    server = Server(app, "127.0.0.1", 0)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{_port(server)}", timeout=60) as client:
            yield client
    finally:
        server.should_exit = True
        thread.join(READY_S)


def _port(server: uvicorn.Server) -> int:
    deadline = time.monotonic() + READY_S
    while not server.started:
        assert time.monotonic() < deadline, "the server did not start"
        time.sleep(0.005)
    port: int = server.servers[0].sockets[0].getsockname()[1]
    return port
