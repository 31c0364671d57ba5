"""`login` and `config show`: keep a token for a server, and see what is in force."""

from pathlib import Path
from socket import gethostname
from typing import Annotated

import typer

from tailrace.cli.options import AsJson
from tailrace.cli.output import Output
from tailrace.cli.remote.options import Asked, Profile, Server, Token, TokenFile
from tailrace.cli.remote.profiles import DEFAULT, Login, add_profile, config_path, token_of_file
from tailrace.client import Client
from tailrace.model.errors import Invalid

config = typer.Typer(help="What the command line knows of servers.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("login")(login)
    app.add_typer(config, name="config")


def login(
    server: Annotated[str, typer.Option("--server", metavar="URL", help="The server to log in to.")],
    email: Annotated[
        str | None, typer.Option("--email", metavar="EMAIL", help="Exchange this user's password for a token.")
    ] = None,
    token_file: TokenFile = None,
    profile: Annotated[str, typer.Option("--profile", metavar="NAME", help="The profile to write.")] = DEFAULT,
    as_json: AsJson = False,
) -> None:
    """Keep a token for a server in a profile, readable by its owner only.

    The token is asked for, read from a file, or made for a user whose password is asked for.
    """
    output = Output(as_json=as_json)
    if email is not None and token_file is not None:
        raise Invalid("--email", "and --token-file exclude each other")
    token = _exchanged(server, email) if email is not None else _given(server, token_file)
    place = add_profile(config_path(), profile, server, token)
    output.document({"profile": profile, "server": server, "token_file": str(place)})
    output.say(f"The profile {profile} speaks to {server}; its token is in {place}.")


def _exchanged(server: str, email: str) -> str:
    password = typer.prompt("Password", hide_input=True, err=True)
    with Client(server) as client:
        made = client.tokens.for_login(email, password, name=f"tailrace login on {gethostname()}")
    if not made.token:
        raise Invalid("--email", "the server gave no token; make one in the portal, and give it by --token-file")
    return made.token


def _given(server: str, token_file: Path | None) -> str:
    """A token that the server takes."""
    token = token_of_file(token_file) if token_file is not None else typer.prompt("Token", hide_input=True, err=True)
    with Client(server, token) as client:
        client.me.get()
    return token


@config.command("show")
def show(
    server: Server = None,
    token: Token = None,
    token_file: TokenFile = None,
    profile: Profile = None,
    as_json: AsJson = False,
) -> None:
    """Show which server and whose token are in force, who says so, and all profiles. Secrets are not shown."""
    output, found = Output(as_json=as_json), Login(Asked(server, token, token_file, profile))
    there = found.server
    document = {
        "file": str(found.path),
        "profile": found.profile,
        "server": there and {"value": there.value, "source": there.source},
        "token": {"source": found.names_token} if found.names_token else None,
        "profiles": {name: one.server for name, one in found.profiles.items()},
    }
    output.document(document)
    output.say(f"file      {found.path}")
    output.say(f"profile   {found.profile}")
    output.say(f"server    {f'{there.value} ({there.source})' if there else 'none: name one with --server'}")
    output.say(f"token     {found.names_token or 'none: keep one with tailrace login'}")
    for name, one in found.profiles.items():
        output.say(f"profiles  {name}: {one.server or 'no server'}")
