"""`users`: who may log in."""

from typing import Annotated

import typer

from tailrace.cli.options import AsJson
from tailrace.cli.output import Output
from tailrace.cli.remote.connection import connected
from tailrace.cli.remote.views import show_list, show_one
from tailrace.client import Client

group = typer.Typer(help="Users of a server: list, make, change and disable them.", no_args_is_help=True)
Id = Annotated[str, typer.Argument(metavar="USER_ID", help="The id of the user, such as usr_3.")]
Role = Annotated[str | None, typer.Option("--role", metavar="ROLE", help="admin, architect or standard.")]
Apps = Annotated[
    list[str] | None, typer.Option("--app", metavar="APP", help="What they may see; repeat for more, * is all.")
]
Withhold = Annotated[
    list[str] | None,
    typer.Option(
        "--withhold",
        metavar="SCOPE",
        help="A right to keep from the user whatever the role: tokens.write, exports.create or exports.read; repeat"
        " for more. It replaces what was withheld before.",
    ),
]
AskPassword = Annotated[bool, typer.Option("--password", help="Ask for a password, or read it from stdin.")]
_SHOWN = ("id", "email", "role", "kind", "apps", "created_at", "disabled_at", "withheld")


def register(app: typer.Typer) -> None:
    """Add the commands, as a group."""
    app.add_typer(group, name="users")


@group.command("list")
@connected
def list_(client: Client, as_json: AsJson = False) -> None:
    """List the users of the space."""
    show_list(Output(as_json=as_json), client.users.list(), _SHOWN)


@group.command("create")
@connected
def create(
    client: Client,
    email: Annotated[str, typer.Argument(metavar="EMAIL", help="The name to log in with.")],
    role: Role = None,
    kind: Annotated[str | None, typer.Option("--kind", metavar="KIND", help="person or programmatic.")] = None,
    app: Apps = None,
    password: AskPassword = False,
    as_json: AsJson = False,
) -> None:
    """Make a user."""
    secret = _password() if password else None
    made = client.users.create(email, role=role, kind=kind, apps=app or None, password=secret)
    show_one(Output(as_json=as_json), made)


@group.command("set")
@connected
def set_(
    client: Client,
    user_id: Id,
    role: Role = None,
    app: Apps = None,
    password: AskPassword = False,
    withhold: Withhold = None,
    give_back: Annotated[bool, typer.Option("--give-back", help="Withhold nothing any more.")] = False,
    enable: Annotated[bool, typer.Option("--enable", help="Let a disabled user in again.")] = False,
    as_json: AsJson = False,
) -> None:
    """Change what is given of a user; all else stays."""
    secret, disabled = _password() if password else None, False if enable else None
    withheld = withhold or ([] if give_back else None)
    changed = client.users.set(
        user_id, role=role, apps=app or None, password=secret, disabled=disabled, withheld=withheld
    )
    show_one(Output(as_json=as_json), changed)


@group.command("disable")
@connected
def disable(client: Client, user_id: Id, as_json: AsJson = False) -> None:
    """Disable a user: logins and tokens end at once, what they did stays."""
    output = Output(as_json=as_json)
    client.users.disable(user_id)
    output.document({"id": user_id, "disabled": True})
    output.say(f"{user_id} is disabled")


def _password() -> str:
    text: str = typer.prompt("Password", hide_input=True, err=True)
    return text
