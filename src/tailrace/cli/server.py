"""`serve` and `worker`: the processes that run for ever."""

import signal
import threading
from contextlib import AbstractContextManager, nullcontext
from typing import Annotated

import typer

from tailrace.accounts.setup import new_setup
from tailrace.app import create_app, create_probes
from tailrace.cli.options import Data, LogsAsJson
from tailrace.cli.output import Output
from tailrace.cli.serving import Server, serving
from tailrace.cli.setup import base_of, setup_link, show_setup
from tailrace.jobs.bell import Bell
from tailrace.logs import configure_logs, forward_libraries, log
from tailrace.traces import start_traces
from tailrace.wiring import House, initialise, open_house
from tailrace.worker import Worker

Workers = Annotated[
    int | None,
    typer.Option(
        help="Exports that this process runs at a time; the setting `exports.running` if not given.", min=1, max=64
    ),
]

_LOOK_S = 1  # a signal may reach another thread first; this one then hears of it when it next wakes up


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("serve")(serve)
    app.command("worker")(worker)


def serve(
    data: Data,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.", min=1, max=65535)] = 8080,
    public_url: Annotated[str, typer.Option(help="Base of every link handed out, such as https://x.example.")] = "",
    workers: Workers = None,
    no_worker: Annotated[
        bool, typer.Option("--no-worker", help="Leave sealing and exports to `tailrace worker`.")
    ] = False,
    as_json: LogsAsJson = False,
) -> None:
    """Serve HTTP, seal and export. A directory without a store becomes one."""
    configure_logs(as_json=as_json)
    made = initialise(data) is not None
    with open_house(data) as house:
        _observe(house, "tailrace")
        if public_url:
            house.settings.public_url = public_url
        _offer_setup(house, host, port, Output(as_json=as_json), made=made)
        _listen(house, host, port, 0 if no_worker else workers or house.settings.exports.running)


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
        _observe(house, "tailrace-worker")
        log.info("worker.ready", data=str(data))
        with _probed(house, running, metrics_host, metrics_port):
            while not stop.wait(_LOOK_S):
                pass
    log.info("worker.stopped")


def _probed(house: House, running: Worker, host: str, port: int | None) -> AbstractContextManager[None]:
    """Answer probes while the block runs, if they are wanted."""
    return nullcontext() if port is None else serving(create_probes(house, [running]), host, port)


def _observe(house: House, service: str) -> None:
    """Begin to log as the settings say, and to trace as the environment does."""
    configure_logs(level=house.settings.log.level)
    forward_libraries()
    start_traces(service)


def _offer_setup(house: House, host: str, port: int, output: Output, *, made: bool) -> None:
    """Print a new set-up link while there is no admin; it goes to stdout, never to the log."""
    token = new_setup(house.database, house.identity)
    if token is not None:
        base = house.settings.public_url or base_of(host, port)
        show_setup(output, house.data, setup_link(base, token), made=made)


def _listen(house: House, host: str, port: int, workers: int) -> None:
    bell = Bell()
    app = create_app(house, bell, [Worker(house, bell, workers)] if workers else [])
    server = Server(app, host, port, house.settings.stop.drain_ms, house.settings.trusted_proxies)
    # From now on, and when uvicorn has stopped in order and raises the signal once more: the process ends with 0.
    signal.signal(signal.SIGTERM, server.handle_exit)
    log.info("server.starting", url=f"http://{host}:{port}", data=str(house.data), workers=workers)
    server.run()
    log.info("server.stopped")
