"""`init` and `apply`: make a store and say what is in it."""

from pathlib import Path
from typing import Annotated

import typer

from tailrace.accounts.provisioning import read_provisioning
from tailrace.accounts.setup import FirstLogin
from tailrace.cli.options import AsJson, Data
from tailrace.cli.output import Output
from tailrace.wiring import initialise, open_house, provision


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("init")(init)
    app.command("apply")(apply)


def init(data: Data, as_json: AsJson = False) -> None:
    """Make a data directory and print a one-time admin login. Safe to repeat: an existing store is left as it is."""
    output = Output(as_json=as_json)
    login = initialise(data)
    if login is None:
        output.document(_document(data, login))
        output.say(f"{data} is a Tailrace store already; nothing was changed.")
    else:
        show_login(output, data, login)


def show_login(output: Output, data: Path, login: FirstLogin) -> None:
    """Show the first login, which is shown this once."""
    output.document(_document(data, login))
    output.say(f"Made a new store in {data}.")
    output.say(f"One-time admin login of the space '{login.space}' (shown this once):")
    output.say(f"  e-mail    {login.email}")
    output.say(f"  password  {login.password}")
    output.say("Exchange it for an API token while the server runs:")
    output.say(f"  curl -X POST -u '{login.email}:{login.password}' http://127.0.0.1:8080/v1/tokens")


def apply(
    file: Annotated[Path, typer.Argument(metavar="FILE.toml", help="What the store should hold.", exists=True)],
    data: Data,
    as_json: AsJson = False,
) -> None:
    """Provision spaces, apps, users, tokens and limits. Safe to repeat; nothing is ever deleted."""
    output = Output(as_json=as_json)
    with open_house(data) as house:
        applied = provision(house, read_provisioning(file))
    tokens = [{"user": user, "token": token} for user, token in applied.tokens]
    output.document({"changes": applied.changes, "tokens": tokens})
    for change in applied.changes or ["nothing to change"]:
        output.say(change)
    for user, token in applied.tokens:
        output.say(f"token of {user} (shown this once): {token}")


def _document(data: Path, login: FirstLogin | None) -> dict[str, object]:
    found = {"space": login.space, "email": login.email, "password": login.password} if login else None
    return {"data": str(data), "made": login is not None, "login": found}
