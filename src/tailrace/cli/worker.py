"""`worker`: the process that seals and exports for servers that do not."""

import signal
import threading
from contextlib import AbstractContextManager, nullcontext
from typing import Annotated

import typer

from tailrace.cli.observing import observe
from tailrace.cli.options import Data, LogsAsJson, Workers
from tailrace.jobs.bell import Bell
from tailrace.logs import configure_logs, log
from tailrace.wiring import House, open_house
from tailrace.worker import Worker

_LOOK_S = 1  # a signal may reach another thread first; this one then hears of it when it next wakes up


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("worker")(worker)


def worker(
    data: Data,
    workers: Workers = None,
    metrics_port: Annotated[
        int | None, typer.Option(help="Answer probes and /metrics on this port.", min=1, max=65535)
    ] = None,
    metrics_host: Annotated[str, typer.Option(help="Address for that.")] = "127.0.0.1",
    as_json: LogsAsJson = False,
) -> None:
    """Seal and export without serving HTTP, until SIGTERM or Ctrl-C, which gives exports back at their next slice."""
    configure_logs(as_json=as_json)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with open_house(data) as house, Worker(house, Bell(), workers or house.settings.exports.running) as running:
        observe(house, "tailrace-worker")
        log.info("worker.ready", data=str(data))
        with _probed(house, running, metrics_host, metrics_port):
            while not stop.wait(_LOOK_S):
                pass
    log.info("worker.stopped")


def _probed(house: House, running: Worker, host: str, port: int | None) -> AbstractContextManager[None]:
    """Answer probes while the block runs, if they are wanted."""
    if port is None:
        return nullcontext()
    from tailrace.app import create_probes  # a fourth of what a worker loads, and few have a port
    from tailrace.cli.serving import serving

    return serving(create_probes(house, [running]), host, port)
