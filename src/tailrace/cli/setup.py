"""`init` and `apply`: make a store and say what is in it."""

import ipaddress
from pathlib import Path
from typing import Annotated

import typer

from tailrace.accounts.provisioning import read_provisioning
from tailrace.cli.options import AsJson, Data
from tailrace.cli.output import Output
from tailrace.config import load
from tailrace.wiring import initialise, open_house, provision

_HERE = "http://127.0.0.1:8080"  # where `serve` listens unless it is told otherwise


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("init")(init)
    app.command("apply")(apply)


def init(data: Data, as_json: AsJson = False) -> None:
    """Make a data directory and print a one-time set-up link. Safe to repeat: an existing store is left as it is."""
    output = Output(as_json=as_json)
    token = initialise(data)
    if token is None:
        output.document({"data": str(data), "made": False, "setup": None})
        output.say(f"{data} is a Tailrace store already; nothing was changed.")
    else:
        output.say(f"Made a new store in {data}.")
        show_setup(output, data, setup_link(load(data).public_url or _HERE, token), made=True)


def show_setup(output: Output, data: Path, link: str, *, made: bool) -> None:
    """Show a set-up link."""
    output.document({"data": str(data), "made": made, "setup": link})
    output.say("Make the first admin while the server runs. This link works once, for 24 hours:")
    output.say(f"  {link}")


def setup_link(base: str, token: str) -> str:
    """The address of the page that makes the first admin."""
    return f"{base.rstrip('/')}/setup?token={token}"


def base_of(host: str, port: int) -> str:
    """Where somebody on this machine reaches a server that listens on a host."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return f"http://{host}:{port}"
    if address.is_unspecified:
        return f"http://localhost:{port}"
    return f"http://[{host}]:{port}" if address.version == 6 else f"http://{host}:{port}"


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
