"""`demo`: the main job from end to end, on this machine, with a real server process."""

import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import httpx
import typer
from msgspec import Struct

from tailrace.accounts.lookup import all_scopes, scope_of_app
from tailrace.accounts.provisioning import read_provisioning
from tailrace.cli.codes import FOUND_WRONG
from tailrace.cli.data import run_import
from tailrace.cli.demo_exports import Downloaded, download
from tailrace.cli.demo_store import DATA_APP, EMAIL, PASSWORD, TOKEN, apps_toml
from tailrace.cli.options import AsJson
from tailrace.cli.output import Output, table
from tailrace.cli.traffic import APPS, batches
from tailrace.cli.verify import show_report, verify_with_progress
from tailrace.client import Client
from tailrace.ingest.doors import door_of
from tailrace.ingest.files.choosing import choose_map
from tailrace.ingest.sealing import seal_everything
from tailrace.model.clock import SystemClock
from tailrace.model.errors import Invalid
from tailrace.wiring import initialise, open_house, provision

_MARKER = ".tailrace-demo"
_START_S = 30


class Place(Struct, frozen=True):
    """Where the demo keeps its things, and where its server listens."""

    folder: Path
    port: int

    @property
    def data(self) -> Path:
        """The data directory."""
        return self.folder / "data"

    @property
    def downloads(self) -> Path:
        """Downloaded exports, a folder each."""
        return self.folder / "downloads"

    @property
    def url(self) -> str:
        """The server."""
        return f"http://127.0.0.1:{self.port}"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("demo")(demo)


def demo(
    once: Annotated[bool, typer.Option("--once", help="Stop when everything was shown instead of at Ctrl-C.")] = False,
    data: Annotated[
        Path | None, typer.Option(metavar="PATH", help="Load this file instead of made-up traffic.")
    ] = None,
    map_file: Annotated[
        Path | None, typer.Option("--map", metavar="MAP", help="Where the file's fields come from.")
    ] = None,
    maps: Annotated[Path | None, typer.Option(metavar="DIR", help="Maps to choose from when --map is absent.")] = None,
    folder: Annotated[Path, typer.Option("--dir", metavar="DIR", help="Where the demo keeps its things.")] = Path(
        "demo"
    ),
    port: Annotated[int | None, typer.Option(help="Port of the server; without it 8080 or a free one.")] = None,
    as_json: AsJson = False,
) -> None:
    """Start a server, load data, export it over HTTP, verify it, and show what came out."""
    output = Output(as_json=as_json)
    if data is not None and not data.is_file():
        raise Invalid("--data", f"{data} is not a file")
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # else it would leave its server behind
    place = _prepare(folder, port or _free_port())
    with _server(place), Client(place.url, TOKEN) as client:
        loaded = _load_file(output, place, data, map_file, maps) if data else _load_traffic(output, client)
        _seal(output, place)
        downloads = [_download(output, client, place, app) for app in loaded]
        report = verify_with_progress(output, [d.folder for d in downloads])
        _show(output, place, downloads)
        show_report(output, report)
        output.document({"ok": report.ok, "url": place.url, "files": [d.document() for d in downloads]})
        if not once:
            output.say(f"The server stays up at {place.url} until Ctrl-C.")
            _wait_for_interrupt()
    if not report.ok:
        raise typer.Exit(FOUND_WRONG)


def _prepare(folder: Path, port: int) -> Place:
    """A new store with the demo's space in an empty folder. Only a folder that a demo made is emptied."""
    place = Place(folder.absolute(), port)
    if folder.exists() and any(folder.iterdir()) and not (folder / _MARKER).exists():
        raise Invalid("--dir", f"{folder} holds something else; name an empty or a new folder")
    shutil.rmtree(folder, ignore_errors=True)
    place.downloads.mkdir(parents=True)
    (folder / _MARKER).touch()
    wanted = place.folder / "provisioning.toml"
    wanted.write_text(apps_toml())
    initialise(place.data)
    with open_house(place.data) as house:
        provision(house, read_provisioning(wanted))
    return place


@contextmanager
def _server(place: Place) -> Iterator[None]:
    """`tailrace serve` as a process of its own, its log beside the data."""
    command = [sys.executable, "-m", "tailrace", "serve", "--data", str(place.data), "--port", str(place.port)]
    log = place.folder / "server.log"
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out)  # noqa: S603 - our own command
    try:
        _wait_until_ready(place, process, log)
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


def _wait_until_ready(place: Place, process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline and process.poll() is None:
        if _answers(place):
            return
        time.sleep(0.05)
    raise Invalid("demo", f"the server did not start; its log is {log}")


def _answers(place: Place) -> bool:
    try:
        return httpx.get(f"{place.url}/livez").is_success
    except httpx.TransportError:
        return False


def _load_traffic(output: Output, client: Client) -> list[str]:
    """Thirty days of made-up traffic of three apps, sent over HTTP as SDKs would."""
    now = SystemClock().now()
    for app in APPS:
        with output.progress(f"sending events of {app.name}", None) as advance:
            sent = 0
            for batch in batches(app, until_ms=now):
                sent += client.events.send(batch, key=app.write_key).accepted
                advance(sent, f"{sent:,} events")
    return [app.id for app in APPS]


def _load_file(output: Output, place: Place, file: Path, map_file: Path | None, maps: Path | None) -> list[str]:
    """A file of the user's own, by its map or by one that fits."""
    file_map = choose_map(file, map_file, maps)
    with open_house(place.data) as house:
        door = door_of(house.database, scope_of_app(house.database, DATA_APP), house.discretion)
        summary = run_import(output, house, door, file, file_map)
    output.say(f"{file.name}: {summary.accepted:,} rows accepted, {summary.rejected:,} rejected")
    if summary.rejected:
        output.say(f"see why with: tailrace dead-letters list --data {place.data} --app {DATA_APP}")
    return [DATA_APP]


def _seal(output: Output, place: Place) -> None:
    with open_house(place.data) as house, output.progress("sealing", None) as advance:
        events = 0
        for step in seal_everything(house.sealer(), all_scopes(house.database), house.holder, close_all=True):
            events += step.sealed.events
            advance(events, f"{events:,} events")


def _download(output: Output, client: Client, place: Place, app: str) -> Downloaded:
    with output.progress(f"exporting {app}", 100) as advance:
        return download(client, app, place.downloads / app, lambda percent: advance(percent, f"{percent} %"))


def _show(output: Output, place: Place, downloads: list[Downloaded]) -> None:
    rows = [row for downloaded in downloads for row in downloaded.rows()]
    output.show(table(("file", "rows", "bytes", "SHA-256", "seconds"), rows))
    for what, where in (
        ("server", place.url),
        ("portal", f"{place.url}/portal"),
        ("sign in", f"{EMAIL}, {PASSWORD}"),
        ("token", TOKEN),
        ("data directory", place.data),
        ("downloads", place.downloads),
        ("server's log", place.folder / "server.log"),
    ):
        output.say(f"{what:15} {where}")


def _free_port() -> int:
    """8080 if nobody has it, else any free port."""
    for port in (8080, 0):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise Invalid("--port", "no port is free")


def _wait_for_interrupt() -> None:
    try:
        signal.pause()
    except KeyboardInterrupt:
        print(file=sys.stderr)
