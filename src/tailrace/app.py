"""The ASGI application: every surface behind one door."""

from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack, asynccontextmanager
from functools import partial
from operator import itemgetter
from typing import Any, Protocol

from prometheus_client import CollectorRegistry
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute
from starlette.types import ASGIApp

from tailrace.exports.attempts import Output
from tailrace.ingest.doors import Doors
from tailrace.ingest.protocols import PROTOCOLS
from tailrace.ingest.writer import InboxWriter
from tailrace.jobs.bell import Bell
from tailrace.model.errors import TailraceError
from tailrace.portal import PORTAL
from tailrace.reports.overview import Overviews
from tailrace.surfaces.native import NATIVE
from tailrace.surfaces.table import DIALECTS
from tailrace.web.collecting import protocol_routes
from tailrace.web.desk import Desk
from tailrace.web.exact import Exact
from tailrace.web.meters import HttpMeters, new_registry
from tailrace.web.metrics import Metrics
from tailrace.web.observing import Observing
from tailrace.web.opening import Opener
from tailrace.web.operations import routes
from tailrace.web.probes import Probes, database_answers, files_answer
from tailrace.web.readiness import Check, Readiness
from tailrace.web.seen import note_error
from tailrace.web.surface import Surface
from tailrace.web.watcher import Watcher
from tailrace.wiring import House

SURFACES: Sequence[Surface] = (NATIVE, *(dialect.load() for dialect in DIALECTS), PORTAL)
_UNROUTED = {404: "no_such_path", 405: "method_not_allowed"}


class Beside(Protocol):
    """What runs beside the application in its process, such as a worker."""

    def __enter__(self) -> object:
        """Begin."""

    def __exit__(self, *_: object) -> None:
        """End."""

    @property
    def alive(self) -> bool:
        """Whether it is still at work."""

    @property
    def output(self) -> Output:
        """What it has made."""


def create_app(house: House, bell: Bell, beside: Sequence[Beside] = ()) -> Starlette:
    """The application over an opened house. What runs `beside` it, such as a worker that hears the bell, is entered
    when the application starts and left when it stops.

    A server that is to stop calls ``app.state.readiness.stop()`` at once, and ``app.state.closing()`` before it waits
    for requests to end.
    """
    writer = InboxWriter(house.database, house.settings.ingest.max_inbox_bytes)
    watcher = Watcher(house.database, house.settings.watch)
    desk = Desk(
        house.database,
        house.files,
        house.identity,
        house.clock,
        writer,
        house.submitter(),
        bell,
        watcher,
        house.settings,
        house.app_maker(),
        Opener(house.database),
        Doors(house.database, house.discretion, house.settings.ingest.remember_ms),
        Overviews(house.database),
        {surface.name: surface.spoken for surface in SURFACES if surface.spoken is not None},
    )

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        with ExitStack() as stack:
            stack.enter_context(writer)
            for running in beside:
                stack.enter_context(running)
            yield
            await watcher.finish()

    found = [route for surface in SURFACES for route in routes(desk, surface.operations)]
    found += protocol_routes(desk, list(PROTOCOLS.values()))
    app = _app(house, found, beside, writer, lifespan)
    app.state.closing = watcher.close
    return app


def create_probes(house: House, beside: Sequence[Beside]) -> Starlette:
    """An application that has the probes alone, for a process that serves nothing else; it begins and ends nothing."""
    return _app(house, [], beside, None, None)


def _app(
    house: House, found: Sequence[BaseRoute], beside: Sequence[Beside], writer: InboxWriter | None, lifespan: Any
) -> Starlette:
    registry = new_registry()
    probes = _probes(house, registry, beside, writer)
    lines = house.settings.log.access
    handlers: dict[Any, Any] = {TailraceError: _domain_error, HTTPException: _http_error}
    app = Application(
        routes=[*found, *probes.routes()],
        lifespan=lifespan,
        middleware=[Middleware(Observing, meters=HttpMeters(registry), failed=_failure, lines=lines)],
        exception_handlers=handlers,
    )
    app.state.readiness = probes.readiness
    app.state.closing = lambda: None
    app.router.redirect_slashes = False  # a redirect would lose the body of a POST in many clients
    return app


class Application(Starlette):
    """Starlette without its outermost layer, which answers what fails everywhere else: `Observing` has done that."""

    def build_middleware_stack(self) -> ASGIApp:
        """What a request goes through."""
        app: ASGIApp = ExceptionMiddleware(Exact(self.router), handlers=self.exception_handlers)
        for layer in reversed(self.user_middleware):
            app = layer.cls(app, *layer.args, **layer.kwargs)
        return app


def _probes(house: House, registry: CollectorRegistry, beside: Sequence[Beside], writer: InboxWriter | None) -> Probes:
    checks: dict[str, Check] = {
        "database": partial(database_answers, house.database),
        "files": partial(files_answer, house.files),
    }
    if writer is not None:
        checks["inbox"] = lambda: writer.alive
    if beside:
        checks["worker"] = lambda: all(running.alive for running in beside)
    metrics = Metrics(house.database, registry, writer, lambda: [running.output for running in beside])
    return Probes(house.database, house.identity, Readiness(checks), metrics, house.settings.metrics.open)


def _surface(request: Request) -> Surface:
    """The surface whose path this is, by the longest prefix; the native one for paths of none."""
    path = request.url.path
    found = [(len(p), s) for s in SURFACES for p in s.prefixes if path.startswith(p)]
    return max(found, key=itemgetter(0), default=(0, NATIVE))[1]


async def _domain_error(request: Request, error: TailraceError) -> Response:
    note_error(request.scope, error.code)
    return _surface(request).reply(error)


async def _http_error(request: Request, error: HTTPException) -> Response:
    note_error(request.scope, _UNROUTED.get(error.status_code, "invalid_request"))
    response = _surface(request).unknown(error.status_code, str(error.detail))
    response.headers.update(error.headers or {})
    return response


def _failure(request: Request, _error: Exception) -> Response:
    note_error(request.scope, "internal")
    return _surface(request).unknown(500, "The server failed; its log says more")
