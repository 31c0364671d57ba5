"""`doctor`: is this store well, and what to do if not."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer
from msgspec.structs import asdict

from tailrace.accounts.lookup import all_scopes
from tailrace.cli.codes import FOUND_WRONG
from tailrace.cli.doctor_apps import app_checks
from tailrace.cli.doctor_check import Check
from tailrace.cli.doctor_machine import machine_checks
from tailrace.cli.doctor_remote import remote_checks
from tailrace.cli.doctor_trips import trips
from tailrace.cli.doctor_work import work_checks
from tailrace.cli.options import AsJson
from tailrace.cli.output import Output, table
from tailrace.store.ledger import ledger
from tailrace.wiring import House, open_house

_WAIT_S = 10


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("doctor")(doctor)


def doctor(
    data: Annotated[
        Path | None, typer.Option("--data", metavar="DIR", help="The data directory.", file_okay=False)
    ] = None,
    server: Annotated[str, typer.Option(metavar="URL", help="Instead of a directory, a server to look at.")] = "",
    token: Annotated[
        str, typer.Option(envvar="TAILRACE_TOKEN", help="A token to try there; better given by `TAILRACE_TOKEN`.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Check a store by round trips through database and files, its settings, clocks, disk and workers, and per app its
    ledger, its segments, what is to be deleted and what fails. With `--server` check a server from afar: whether it is
    ready, a token, and the download of the newest file.
    """
    if (data is None) == (not server):
        raise typer.BadParameter("give either --data or --server")
    output = Output(as_json=as_json)
    checks, ledgers = _from_afar(server, token) if data is None else _at_home(data)
    well = all(check.ok for check in checks)
    output.document({"ok": well, "checks": [asdict(check) for check in checks], "ledgers": ledgers})
    rows = [(c.name, "ok" if c.ok else "WRONG", c.found, c.next) for c in checks]
    output.show(table(("check", "", "found", "what to do"), rows))
    if ledgers:
        output.show(table(tuple(ledgers[0]), [tuple(row.values()) for row in ledgers], title="Ledger, in records"))
    if not well:
        raise typer.Exit(FOUND_WRONG)


Found = tuple[Sequence[Check], Sequence[dict[str, Any]]]


def _from_afar(server: str, token: str) -> Found:
    with httpx.Client(base_url=server, timeout=_WAIT_S) as http:
        return list(remote_checks(http, token)), []


def _at_home(data: Path) -> Found:
    with open_house(data) as house:
        checks = list(_checks(house))
        scopes = all_scopes(house.database)
        return checks, [{"app": scope.app_id} | asdict(ledger(house.database, scope)) for scope in scopes]


def _checks(house: House) -> Iterator[Check]:
    yield from trips(house)
    yield from machine_checks(house)
    yield from work_checks(house)
    for scope in all_scopes(house.database):
        yield from app_checks(house, scope)
