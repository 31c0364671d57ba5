"""`serve`: the process that answers, and seals and exports unless others do."""

import signal
from typing import Annotated

import typer

from tailrace.accounts.setup import new_setup
from tailrace.app import create_app
from tailrace.cli.observing import observe
from tailrace.cli.options import Data, LogsAsJson, Workers
from tailrace.cli.output import Output
from tailrace.cli.serving import Server
from tailrace.cli.setup import base_of, setup_link, show_setup
from tailrace.jobs.bell import Bell
from tailrace.logs import configure_logs, log
from tailrace.wiring import House, initialise, open_house
from tailrace.worker import Worker


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("serve")(serve)


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
        observe(house, "tailrace")
        if public_url:
            house.settings.public_url = public_url
        _offer_setup(house, host, port, Output(as_json=as_json), made=made)
        _listen(house, host, port, 0 if no_worker else workers or house.settings.exports.running)


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
