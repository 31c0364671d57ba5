"""The ASGI application: every surface behind one door."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractContextManager, ExitStack, asynccontextmanager
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tailrace.ingest.writer import InboxWriter
from tailrace.jobs.bell import Bell
from tailrace.logs import log
from tailrace.model.errors import TailraceError
from tailrace.surfaces.native import NATIVE
from tailrace.web.desk import Desk
from tailrace.web.operations import routes
from tailrace.web.surface import Surface
from tailrace.web.watcher import Watcher
from tailrace.wiring import House

SURFACES: Sequence[Surface] = (NATIVE,)


def create_app(house: House, bell: Bell, beside: Sequence[AbstractContextManager[object]] = ()) -> Starlette:
    """The application over an opened house. What runs `beside` it, such as a worker that hears the bell, is entered
    when the application starts and left when it stops.

    `app.state.closing` is to be called by a server that is to stop, before it waits for requests to end.
    """
    writer, watcher = InboxWriter(house.database), Watcher(house.database, house.settings.watch)
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
    )

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        with ExitStack() as stack:
            for running in (writer, *beside):
                stack.enter_context(running)
            yield
            await watcher.finish()

    found = [route for surface in SURFACES for route in routes(desk, surface.operations)]
    handlers: dict[Any, Any] = {TailraceError: _domain_error, HTTPException: _http_error, Exception: _failure}
    app = Starlette(routes=[Route("/healthz", _health), *found], lifespan=lifespan, exception_handlers=handlers)
    app.state.closing = watcher.close
    app.router.redirect_slashes = False  # a redirect would lose the body of a POST in many clients
    return app


async def _health(_request: Request) -> Response:
    return Response("ok\n", media_type="text/plain")


def _surface(request: Request) -> Surface:
    """The surface whose path this is; the native one for paths of none."""
    path = request.url.path
    return next((s for s in SURFACES if any(path.startswith(prefix) for prefix in s.prefixes)), NATIVE)


async def _domain_error(request: Request, error: TailraceError) -> Response:
    return _surface(request).reply(error)


async def _http_error(request: Request, error: HTTPException) -> Response:
    response = _surface(request).unknown(error.status_code, str(error.detail))
    response.headers.update(error.headers or {})
    return response


async def _failure(request: Request, error: Exception) -> Response:
    log.error("request.failed", method=request.method, path=request.url.path, exc_info=error)
    return _surface(request).unknown(500, "The server failed; its log says more")
