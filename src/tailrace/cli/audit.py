"""`audit`: who did what, for the operator of the server."""

import sys
from typing import Annotated, Any

import msgspec
import typer
from msgspec.structs import asdict, replace

from tailrace.accounts.audit import Noted, Wanted, every, in_space, page
from tailrace.cli.options import AsJson, Data
from tailrace.cli.output import Output, table
from tailrace.model.clock import iso, parse_iso
from tailrace.model.errors import Invalid
from tailrace.wiring import open_house


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("audit")(audit)


def audit(
    data: Data,
    space: Annotated[str | None, typer.Option(metavar="SPACE", help="Only what was done in this space.")] = None,
    action: Annotated[
        str | None, typer.Option(metavar="ACTION", help="Only this action; see docs/accounts.md.")
    ] = None,
    since: Annotated[
        str | None, typer.Option("--from", metavar="TIME", help="First instant, as in 2026-01-02T00:00:00Z.")
    ] = None,
    until: Annotated[
        str | None, typer.Option("--to", metavar="TIME", help="End of the time, itself not inside.")
    ] = None,
    most: Annotated[int, typer.Option("--limit", metavar="N", help="Entries to show.", min=1, max=1000)] = 100,
    ndjson: Annotated[
        bool, typer.Option("--ndjson", help="Print every entry as a line of JSON, whatever --limit.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """List who did what, of all spaces, newest first."""
    output = Output(as_json=as_json)
    asked = Wanted() if space is None else in_space(space)
    wanted = replace(asked, action=action, since=_instant(since, "--from"), until=_instant(until, "--to"))
    with open_house(data) as house:
        if ndjson:
            for found in every(house.database, wanted):
                sys.stdout.buffer.write(b"".join(msgspec.json.encode(_document(noted)) + b"\n" for noted in found))
            return
        found = page(house.database, wanted, most)
    output.document([_document(noted) for noted in found])
    head = ("time", "space", "who", "action", "subject", "address", "detail")
    output.show(table(head, [_row(noted) for noted in found]))


def _instant(text: str | None, where: str) -> int | None:
    try:
        return None if text is None else parse_iso(text)
    except ValueError as error:
        raise Invalid(where, str(error)) from None


def _document(noted: Noted) -> dict[str, Any]:
    return asdict(noted) | {"at": iso(noted.at)}


def _row(noted: Noted) -> tuple[str, ...]:
    detail = msgspec.json.encode(noted.detail).decode() if noted.detail else ""
    return iso(noted.at), noted.space, noted.who, noted.action, noted.subject, noted.address, detail
