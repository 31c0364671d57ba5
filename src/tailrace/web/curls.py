"""Curls: how a dialect is asked for what an export asked for, as a command to copy."""

import shlex
from collections.abc import Callable
from typing import Any

import msgspec
from msgspec import Struct

from tailrace.model.export import ExportRequest

TOKEN = "$TAILRACE_TOKEN"  # noqa: S105 - the name of a variable: no token is ever shown


class Asking(Struct, frozen=True):
    """A request, where the server is, and the API key of its app; None for whoever may not see it.

    `versions` and `events` are the numbers of the names in its filters.
    """

    base: str
    request: ExportRequest
    api_key: str | None
    versions: tuple[int, ...] = ()
    events: tuple[int, ...] = ()


# None where the dialect cannot ask for it.
Curl = Callable[[Asking], str | None]


class Spoken(Struct, frozen=True):
    """A dialect by the name that people know, and how it is asked."""

    title: str
    curl: Curl


def post(url: str, document: Any) -> str:
    """The command that posts a JSON document with a token."""
    text = shlex.quote(msgspec.json.encode(document).decode())
    lines = ("curl -sS", f'-H "Authorization: Bearer {TOKEN}"', "-H 'Content-Type: application/json'", f"-d {text}")
    return " \\\n  ".join((*lines, shlex.quote(url)))
