"""Operations: what a surface can be asked, each one value from which routes, checks and the description are made."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from inspect import iscoroutinefunction
from typing import Any, Literal

import msgspec
from msgspec import Struct, field
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Send
from starlette.types import Scope as ASGIScope

from tailrace.model.access import Principal
from tailrace.model.errors import Forbidden, Malformed, misfit
from tailrace.web.auth import (
    authenticate,
    authenticate_by_key,
    authenticate_form,
    authenticate_or_login,
    authenticate_or_query,
)
from tailrace.web.bodies import read_body
from tailrace.web.desk import Desk
from tailrace.web.forms import read_form
from tailrace.web.pairs import read_pairs
from tailrace.web.seen import note_caller

# `login` is e-mail and password as Basic; `token` a token, or the cookie of a login session; `link` a signed link, or a
# token; `token_or_query` a token, which may stand in the query for want of a header; `signed` a signed link alone;
# `key` a token that stands raw after the word Basic; `form` a token, or the cookie of a login session with a form that
# a page of ours has made.
Security = Literal[
    "none", "write_key", "login", "token", "token_or_login", "token_or_query", "link", "signed", "key", "form"
]
SMALL_BODY = 1 << 20  # a request that is no data is never larger, bytes


class Nothing(msgspec.Struct, forbid_unknown_fields=True):
    """An operation's query or body that has no keys."""


class Reply(Struct, frozen=True):
    """An answer that is not an error: what it says, its document or else its media type, and headers worth naming."""

    what: str
    document: type[msgspec.Struct] | None = None
    media_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


class Call(Struct, frozen=True):
    """One request for an operation, its caller known, its query and body read."""

    desk: Desk
    request: Request
    query: Any
    body: Any
    known: Principal | None

    @property
    def principal(self) -> Principal:
        """Whoever calls, by a token; only operations that take one may ask."""
        if self.known is None:
            raise LookupError("this operation takes no token")
        return self.known

    def path(self, name: str) -> str:
        """A parameter of the path."""
        text: str = self.request.path_params[name]
        return text


# One that is no coroutine may wait for the database or a disk: it is called in a thread.
Handler = Callable[[Call], Awaitable[Response] | Response]
_FIND: Mapping[Security, Callable[[Desk, Request], Principal]] = {
    "token": authenticate,
    "token_or_login": authenticate_or_login,
    "token_or_query": authenticate_or_query,
    "link": authenticate,
    "key": authenticate_by_key,
    "form": authenticate_form,
}


class Operation(Struct, frozen=True):
    """One method of a path, described by its handler's docstring.

    `scope` is what the token must carry, `errors` are statuses beyond those that any operation may answer. `takes`
    names the media types of a body that the handler reads by itself, and `shows` is what its JSON looks like. A `form`
    is read in place of a body. `headers` explains those of the request that the handler heeds.
    """

    method: str
    path: str
    handler: Handler
    replies: Mapping[int, Reply]
    scope: str | None = None
    security: Security = "token"
    query: type[msgspec.Struct] = Nothing
    body: type[msgspec.Struct] | None = None
    form: type[msgspec.Struct] | None = None
    takes: Sequence[str] = ()
    shows: type[msgspec.Struct] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    errors: Sequence[int] = ()
    tag: str = ""

    def __post_init__(self) -> None:
        if self.security == "form" and self.form is None:
            raise ValueError(f"{self.path} would not look at the guard of its form")

    @property
    def waits(self) -> bool:
        """Whether the handler is to be called in a thread."""
        return not iscoroutinefunction(self.handler)

    @property
    def name(self) -> str:
        """The handler's name, unique within its surface."""
        return self.handler.__name__


def routes(desk: Desk, operations: Sequence[Operation]) -> Sequence[BaseRoute]:
    """A route per path. Paths that end in a verb, such as ``{id}:repeat``, are tried before what would swallow it."""
    paths = dict.fromkeys(operation.path for operation in operations)
    ordered = sorted(paths, key=lambda path: "}:" not in path)
    return [_route(desk, path, [o for o in operations if o.path == path]) for path in ordered]


def _route(desk: Desk, path: str, operations: Sequence[Operation]) -> Route:
    """A path with an operation for each method; what answers GET answers HEAD."""
    for kind in {
        kind
        for operation in operations
        for kind in (operation.query, operation.body, operation.form)
        if kind is not None
    }:
        # Known before there are threads: two that read a type for the first time at the same moment end the process.
        msgspec.json.Decoder(kind)
    endpoint = _Endpoint(desk, {operation.method: operation for operation in operations})
    return Route(path, endpoint, methods=list(endpoint.by_method), name=operations[0].name)


class _Endpoint(Struct, frozen=True):
    """A path as an application of ASGI. Starlette would put a layer around a mere function to answer its errors, which
    the one around all routes does.
    """

    desk: Desk
    by_method: Mapping[str, Operation]

    async def __call__(self, scope: ASGIScope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        request = Request(scope, receive, send)
        method = "GET" if request.method == "HEAD" else request.method
        response = await perform(self.desk, self.by_method[method], request)
        await response(scope, receive, send)


async def perform(desk: Desk, operation: Operation, request: Request) -> Response:
    """Carry out an operation: who calls and whether they may, then what they send, then the handler.

    Raises:
        Unauthorized: no credential, or one that is not known.
        Forbidden: the token lacks the operation's scope.
        CsrfRefused: no page of ours sent it, for whom that matters.
        Invalid, Malformed, TooLarge, TooSlow: query or body cannot be.
    """
    if operation.waits and operation.body is None and operation.form is None:
        return await run_in_threadpool(_perform_here, desk, operation, request)
    known = await run_in_threadpool(_known, desk, operation, request) if _asks_who(operation, request) else None
    query = read_query(request, operation.query)
    call = Call(desk, request, query, await _sent(desk, operation, request), known)
    answer = await run_in_threadpool(operation.handler, call) if operation.waits else operation.handler(call)
    return answer if isinstance(answer, Response) else await answer


def _perform_here(desk: Desk, operation: Operation, request: Request) -> Response:
    """The same in one thread from beginning to end, where no body is to be waited for."""
    known = _known(desk, operation, request) if _asks_who(operation, request) else None
    call = Call(desk, request, read_query(request, operation.query), None, known)
    answer = operation.handler(call)
    if isinstance(answer, Response):
        return answer
    raise TypeError(f"{operation.name} waits for something of the loop: declare it with async")


async def _sent(desk: Desk, operation: Operation, request: Request) -> Any:
    """The form or the body; None where neither is asked for."""
    if operation.form is not None:
        return await read_form(desk, request, operation.form, guarded=operation.security == "form")
    if operation.body is None:
        return None
    return decode(await read_body(request, SMALL_BODY, desk.settings.ingest.body_timeout_ms), operation.body)


def _asks_who(operation: Operation, request: Request) -> bool:
    by_link = operation.security == "link" and "signature" in request.query_params
    return operation.security in _FIND and not by_link


def _known(desk: Desk, operation: Operation, request: Request) -> Principal:
    principal = _FIND[operation.security](desk, request)
    note_caller(request.scope, principal)
    if operation.scope is not None and not principal.may(operation.scope):
        raise Forbidden(operation.scope)
    return principal


def decode(body: bytes, kind: type[msgspec.Struct]) -> Any:
    """A JSON body as a document; an empty one is an object without keys.

    Raises:
        Malformed: it is not JSON.
        Invalid: a key is unknown or a value cannot be; its path is named.
    """
    try:
        return msgspec.json.decode(body or b"{}", type=kind)
    except msgspec.ValidationError as error:
        raise misfit(str(error), "body") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Malformed(f"the body is not JSON: {error}") from None


def read_query(request: Request, kind: type[msgspec.Struct]) -> Any:
    """The query string as a document. Raises as `read_pairs` does."""
    return read_pairs(request.query_params.multi_items(), kind, "query")
