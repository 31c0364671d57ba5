"""What a surface is: one dialect over HTTP."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from starlette.responses import Response
from starlette.routing import BaseRoute

from tailrace.accounts.store import Identity
from tailrace.db.engine import Database
from tailrace.exports.submit import Submitter
from tailrace.files.base import Files
from tailrace.ingest.writer import InboxWriter
from tailrace.jobs.bell import Bell
from tailrace.model.clock import Clock
from tailrace.model.errors import TailraceError


@dataclass(frozen=True, slots=True)
class Desk:
    """What surfaces are given to work with. `public_url` is empty where links follow the request's own address."""

    database: Database
    files: Files
    identity: Identity
    clock: Clock
    writer: InboxWriter
    submitter: Submitter
    bell: Bell
    public_url: str


ErrorTable = Mapping[type[TailraceError], Callable[[TailraceError], Response]]


@dataclass(frozen=True, slots=True)
class Surface:
    """A dialect: its routes, the path prefixes that are its own, and its reply to each domain error.

    `unknown` answers what no route of it takes, such as a wrong method: (status, what happened) -> response.
    """

    name: str
    prefixes: Sequence[str]
    routes: Callable[[Desk], Sequence[BaseRoute]]
    errors: ErrorTable
    unknown: Callable[[int, str], Response]

    def reply(self, error: TailraceError) -> Response:
        """The reply to a domain error, by its class or the nearest class above it."""
        for kind in type(error).__mro__:
            if kind in self.errors:
                return self.errors[kind](error)
        return self.unknown(500, "the server failed")
