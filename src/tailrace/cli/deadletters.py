"""`dead-letters`: rejected records, why, and another try."""

from typing import Annotated, Any

import typer
from msgspec.structs import asdict

from tailrace.accounts.audit import Actor
from tailrace.accounts.lookup import scope_of_app
from tailrace.cli.codes import FOUND_WRONG
from tailrace.cli.options import App, AsJson, Data
from tailrace.cli.output import Output, table
from tailrace.ingest.doors import door_of
from tailrace.ingest.replay import Replayed, replay
from tailrace.model.clock import iso
from tailrace.store.deadletters import Buried, find, listing
from tailrace.wiring import open_house

group = typer.Typer(help="Rejected records: list them, show one, try again.", no_args_is_help=True)
OPERATOR = "tailrace dead-letters"  # who the audit says it was
_MOST = (1 << 63) - 1  # what a database can hold
Number = Annotated[
    int, typer.Argument(metavar="NUMBER", help="The number of the dead letter, as `list` shows it.", max=_MOST)
]


def register(app: typer.Typer) -> None:
    """Add the commands, as a group."""
    app.add_typer(group, name="dead-letters")


@group.command("list")
def list_(data: Data, app: App, as_json: AsJson = False) -> None:
    """List the dead letters of an app that still wait, oldest first."""
    output = Output(as_json=as_json)
    with open_house(data) as house:
        letters = listing(house.database, scope_of_app(house.database, app))
    output.document([_document(letter) for letter in letters])
    rows = [
        (b.number, iso(b.received_at), b.letter.source, b.letter.position, b.seen - b.replayed, b.letter.reason)
        for b in letters
    ]
    output.show(table(("number", "received", "source", "line or position", "times", "reason"), rows))


@group.command("show")
def show(number: Number, data: Data, app: App, as_json: AsJson = False) -> None:
    """Show one dead letter with its content as it was sent."""
    output = Output(as_json=as_json)
    with open_house(data) as house:
        buried = find(house.database, scope_of_app(house.database, app), number)
    document = _document(buried) | {"raw": buried.letter.raw.decode(errors="backslashreplace")}
    output.document(document)
    for name, value in document.items():
        output.say(f"{name:12} {value}")


@group.command("replay")
def replay_(
    data: Data,
    app: App,
    number: Annotated[
        int | None, typer.Argument(metavar="[NUMBER]", help="One dead letter; without it, all.", max=_MOST)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Read dead letters once more and accept what is good now. Exit code 1 if some are still rejected."""
    output = Output(as_json=as_json)
    with open_house(data) as house:
        scope = scope_of_app(house.database, app)
        numbers = [number] if number is not None else [b.number for b in listing(house.database, scope)]
        door = door_of(house.database, scope, house.discretion)
        actor = Actor(scope.space, OPERATOR)
        done = [replay(house.database, door, each, house.clock.now, actor) for each in numbers]
    output.document([asdict(each) for each in done])
    output.show(table(("number", "accepted", "still rejected because"), [_row(each) for each in done]))
    if any(each.reason for each in done):
        raise typer.Exit(FOUND_WRONG)


def _row(replayed: Replayed) -> tuple[int, int, str]:
    return replayed.number, replayed.records, replayed.reason or ""


def _document(buried: Buried) -> dict[str, Any]:
    return {
        "number": buried.number,
        "received_at": iso(buried.received_at),
        "source": buried.letter.source,
        "position": buried.letter.position,
        "seen": buried.seen,
        "replayed": buried.replayed,
        "reason": buried.letter.reason,
    }
