"""Probes: what those ask who run the server, outside of every dialect."""

from collections.abc import Sequence

import msgspec
from msgspec import Struct
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tailrace.accounts.lookup import principal_of_token
from tailrace.accounts.store import Identity
from tailrace.db.engine import Database
from tailrace.db.tables import inbox_heads, store
from tailrace.files.base import Files
from tailrace.model.access import Principal
from tailrace.model.errors import Forbidden
from tailrace.web.auth import bearer
from tailrace.web.metrics import MEDIA_TYPE, Metrics
from tailrace.web.readiness import Readiness
from tailrace.web.seen import note_caller

SCOPE = "metrics.read"
_ABSENT = "_probe/absent"  # no object of an app has such a name
_FRESH = {"cache-control": "no-store"}


class Probes(Struct, frozen=True):
    """What probes work with; `open_metrics` lets everybody read metrics."""

    database: Database
    identity: Identity
    readiness: Readiness
    metrics: Metrics
    open_metrics: bool

    def routes(self) -> Sequence[Route]:
        """The routes, all of them GET and HEAD."""
        return [
            Route("/healthz", self._live),
            Route("/livez", self._live),
            Route("/readyz", self._ready),
            Route("/metrics", self._metrics),
        ]

    async def _live(self, _request: Request) -> Response:
        return Response("ok\n", media_type="text/plain")

    async def _ready(self, _request: Request) -> Response:
        missing = await self.readiness.missing()
        document = {"ready": not missing} | ({"missing": list(missing)} if missing else {})
        return Response(msgspec.json.encode(document), 503 if missing else 200, _FRESH, "application/json")

    async def _metrics(self, request: Request) -> Response:
        reader = None if self.open_metrics else await run_in_threadpool(self._reader, request)
        return Response(await run_in_threadpool(self.metrics.text, reader), 200, _FRESH, MEDIA_TYPE)

    def _reader(self, request: Request) -> Principal:
        """Whoever reads metrics.

        Raises:
            Unauthorized: no token, or one that is not known.
            Forbidden: it lacks the scope.
        """
        reader = principal_of_token(self.database, self.identity.secret, bearer(request))
        note_caller(request.scope, reader)
        if not reader.may(SCOPE):
            raise Forbidden(SCOPE)
        return reader


def database_answers(database: Database) -> None:
    """Read, and get the right to write, in metadata and inbox. Nothing is written, so a full disk does not show here.

    Raises:
        Unavailable: it does not answer.
    """
    with database.write() as connection:
        connection.execute(store.select().where(store.c.key == "epoch").with_for_update()).one()
    with database.write_inbox() as connection:
        connection.execute(inbox_heads.select().limit(1))


def files_answer(files: Files) -> None:
    """Ask for an object that is not there."""
    try:
        files.size(_ABSENT)
    except FileNotFoundError:
        return
