"""The options that say which server, and commands that are handed a client for it."""

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Any

from tailrace.cli.remote.options import Asked, Profile, Server, Token, TokenFile
from tailrace.cli.remote.profiles import Login
from tailrace.client import Client
from tailrace.model.errors import Invalid

_OPTIONS = {"server": Server, "token": Token, "token_file": TokenFile, "profile": Profile}


def client_of(login: Login) -> Client:
    """A client for the server that was found.

    Raises:
        Invalid: none was.
    """
    server, token = login.server, login.token()
    if server is None:
        raise Invalid(
            "--server", f"is needed; or set TAILRACE_SERVER, or write a profile with: tailrace login ({login.path})"
        )
    if token is None:
        raise Invalid("--token-file", f"is needed for {server.value}; or set TAILRACE_TOKEN, or run: tailrace login")
    return Client(server.value, token.value)


@contextmanager
def connect(asked: Asked) -> Iterator[Client]:
    """A client for what the command line says."""
    with client_of(Login(asked)) as client:
        yield client


def connected(command: Callable[..., None]) -> Callable[..., None]:
    """A command whose parameter `client` is a client: it takes the options of a connection in its place."""

    @wraps(command)
    def run(
        *, server: str | None, token: str | None, token_file: Path | None, profile: str | None, **others: Any
    ) -> None:
        with connect(Asked(server, token, token_file, profile)) as client:
            command(client=client, **others)

    own = [p for p in inspect.signature(command).parameters.values() if p.name != "client"]
    added = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=kind)
        for name, kind in _OPTIONS.items()
    ]
    parameters = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in own if p.name != "as_json"]
    last = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in own if p.name == "as_json"]
    run.__signature__ = inspect.Signature([*parameters, *added, *last])  # type: ignore[attr-defined]
    run.__annotations__ = {p.name: p.annotation for p in (*parameters, *added, *last)}
    return run
