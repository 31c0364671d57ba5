"""`tokens`: programmatic credentials."""

from typing import Annotated

import typer

from tailrace.cli.options import AsJson
from tailrace.cli.output import Output
from tailrace.cli.remote.connection import connected
from tailrace.cli.remote.views import show_list
from tailrace.client import Client
from tailrace.client.documents.accounts import Token

group = typer.Typer(help="Tokens of a server: list, make, refresh and revoke them.", no_args_is_help=True)
Id = Annotated[str, typer.Argument(metavar="TOKEN_ID", help="The id of the token, such as tkn_7.")]
_SHOWN = ("id", "name", "kind", "owner", "scopes", "apps", "created_at", "expires_at", "used_at", "revoked_at")


def register(app: typer.Typer) -> None:
    """Add the commands, as a group."""
    app.add_typer(group, name="tokens")


@group.command("list")
@connected
def list_(
    client: Client,
    user: Annotated[str | None, typer.Option("--user", metavar="USER_ID", help="Only of this user.")] = None,
    ended: Annotated[bool, typer.Option("--ended", help="Show those too that do not work any more.")] = False,
    as_json: AsJson = False,
) -> None:
    """List tokens, without their texts."""
    show_list(Output(as_json=as_json), client.tokens.list(user=user, ended=ended), _SHOWN)


@group.command("create")
@connected
def create(
    client: Client,
    name: Annotated[str | None, typer.Option("--name", metavar="TEXT", help="What it is for.")] = None,
    scope: Annotated[
        list[str] | None, typer.Option("--scope", metavar="SCOPE", help="What it may; repeat for more.")
    ] = None,
    app: Annotated[
        list[str] | None, typer.Option("--app", metavar="APP", help="Only this app; repeat for more.")
    ] = None,
    user: Annotated[str | None, typer.Option("--user", metavar="USER_ID", help="Whose it is; else one's own.")] = None,
    expires_at: Annotated[
        str | None, typer.Option("--expires-at", metavar="INSTANT", help="When it ends, as in 2027-01-01T00:00:00Z.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make a token. Its text is printed this once."""
    made = client.tokens.create(name=name, scopes=scope or None, apps=app or None, user=user, expires_at=expires_at)
    _show_new(Output(as_json=as_json), made)


@group.command("refresh")
@connected
def refresh(
    client: Client,
    token_id: Id,
    grace: Annotated[
        int | None, typer.Option("--grace", metavar="S", help="For so many seconds the old text still works.", min=0)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Give a token a new text, printed this once, and a new id. The old ones end."""
    _show_new(Output(as_json=as_json), client.tokens.refresh(token_id, grace=grace))


@group.command("revoke")
@connected
def revoke(client: Client, token_id: Id, as_json: AsJson = False) -> None:
    """End a token."""
    output = Output(as_json=as_json)
    client.tokens.revoke(token_id)
    output.document({"id": token_id, "revoked": True})
    output.say(f"{token_id} is revoked")


def _show_new(output: Output, token: Token) -> None:
    """The text alone on stdout, so that it can be sent to a file."""
    output.document(token)
    output.say(token.token or "")
