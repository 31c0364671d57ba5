"""`apps`: applications of the space, and their keys."""

from typing import Annotated

import typer

from tailrace.cli.options import AsJson
from tailrace.cli.output import Output
from tailrace.cli.remote.connection import connected
from tailrace.cli.remote.views import show_list, show_one
from tailrace.client import Client

group = typer.Typer(
    help="Apps of a server: list and make them, give them new keys, block events.", no_args_is_help=True
)
Id = Annotated[str, typer.Argument(metavar="APP", help="The id of the app.")]
Event = Annotated[str, typer.Argument(metavar="EVENT", help="The name of the event.")]


def register(app: typer.Typer) -> None:
    """Add the commands, as a group."""
    app.add_typer(group, name="apps")


@group.command("list")
@connected
def list_(client: Client, as_json: AsJson = False) -> None:
    """List the apps that the token may see."""
    show_list(Output(as_json=as_json), client.apps.list(), ("id", "name"))


@group.command("create")
@connected
def create(
    client: Client,
    app: Id,
    name: Annotated[str | None, typer.Option("--name", metavar="TEXT", help="How people call it.")] = None,
    as_json: AsJson = False,
) -> None:
    """Make an app. Its keys are printed, if the token may see them."""
    show_one(Output(as_json=as_json), client.apps.create(app, name=name))


@group.command("rotate-keys")
@connected
def rotate_keys(
    client: Client,
    app: Id,
    key: Annotated[str, typer.Option("--key", metavar="KEY", help="Which: write_key, export_key or api_key.")],
    as_json: AsJson = False,
) -> None:
    """Give an app a new key, which is printed alone on stdout. The old one ends at once."""
    output, made = Output(as_json=as_json), client.apps.rotate_keys(app, key)
    output.document(made)
    output.say(made.value)


@group.command("events")
@connected
def events(client: Client, app: Id, as_json: AsJson = False) -> None:
    """List the events that an app has sent, by name, and whether they are blocked."""
    show_list(Output(as_json=as_json), client.apps.events(app), ("name", "blocked"))


@group.command("block-event")
@connected
def block_event(client: Client, app: Id, event: Event, as_json: AsJson = False) -> None:
    """Block an event: dialects that know of this switch answer as if the app had never sent it."""
    show_one(Output(as_json=as_json), client.apps.block_event(app, event))


@group.command("unblock-event")
@connected
def unblock_event(client: Client, app: Id, event: Event, as_json: AsJson = False) -> None:
    """Let a blocked event be seen again."""
    show_one(Output(as_json=as_json), client.apps.block_event(app, event, blocked=False))
