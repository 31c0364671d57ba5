"""`serve` and `worker`: the processes that run for ever."""

import signal
import threading
from typing import Annotated

import typer
import uvicorn

from tailrace.app import create_app
from tailrace.cli.options import Data, LogsAsJson
from tailrace.cli.output import Output
from tailrace.cli.setup import show_login
from tailrace.jobs.bell import Bell
from tailrace.logs import configure_logs, log
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
    if as_json:
        configure_logs(as_json=True)
    login = initialise(data)
    if login is not None:
        show_login(Output(as_json=as_json), data, login)
    with open_house(data) as house:
        if public_url:
            house.settings.public_url = public_url
        _listen(house, host, port, 0 if no_worker else workers or house.settings.exports.running)


def worker(
    data: Data,
    workers: Workers = None,
    as_json: LogsAsJson = False,
) -> None:
    """Seal and export without serving HTTP, until SIGTERM or Ctrl-C, which gives exports back at their next slice."""
    if as_json:
        configure_logs(as_json=True)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with open_house(data) as house, Worker(house, Bell(), workers or house.settings.exports.running):
        log.info("worker.ready", data=str(data))
        while not stop.wait(_LOOK_S):
            pass
    log.info("worker.stopped")


def _listen(house: House, host: str, port: int, workers: int) -> None:
    bell = Bell()
    config = uvicorn.Config(
        create_app(house, bell, [Worker(house, bell, workers)] if workers else []),
        host=host,
        port=port,
        loop="uvloop",  # by name: without these two, downloads would be several times slower, and nobody would be told
        http="httptools",
        forwarded_allow_ips=house.settings.trusted_proxies,
        log_config=None,
        access_log=False,  # the access log never holds a query string; it comes with the audit
        server_header=False,
        timeout_graceful_shutdown=30,
    )
    # uvicorn stops in order at SIGTERM and then raises it once more; this one ends the process with 0, not by a signal.
    signal.signal(signal.SIGTERM, lambda *_: None)
    log.info("server.starting", url=f"http://{host}:{port}", data=str(house.data), workers=workers)
    uvicorn.Server(config).run()
    log.info("server.stopped")
