"""Observing requests: each gets an id, a line in the log, its counts and a span; in none of them its query string."""

import re
import secrets
import time
from collections.abc import Callable, Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tailrace.logs import bound, bound_value, log
from tailrace.traces import span, traced
from tailrace.web.downloads import ZERO_COPY
from tailrace.web.meters import HttpMeters
from tailrace.web.seen import Seen, watch

REQUEST_ID = "request_id"
QUIET = frozenset(("/healthz", "/livez", "/readyz", "/metrics"))  # asked all the time, by machines
NO_ROUTE = "none"  # what no route takes; never the path, which may be anything
_SAFE_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))

Failed = Callable[[Request, Exception], Response]


class Observing:
    """ASGI middleware around all that answers; `failed` answers what raised.

    With `lines` each request has its line in the log: those of probes that are well only at the level debug.
    """

    def __init__(self, app: ASGIApp, meters: HttpMeters, failed: Failed, *, lines: bool) -> None:
        self._app = app
        self._meters = meters
        self._failed = failed
        self._lines = lines

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on and observe it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        seen = Seen(request_id_of(scope), method_of(scope))
        watch(scope, seen)
        self._meters.began()
        try:
            with bound(request_id=seen.request_id):
                await self._observed(scope, receive, Sending(send, seen), seen)
        finally:
            seconds = time.perf_counter() - began
            self._meters.ended(route_of(scope), seen, seconds)
            if self._lines:
                _write(scope, seen, seconds)

    async def _observed(self, scope: Scope, receive: Receive, send: Send, seen: Seen) -> None:
        """The answer, in a span if there are any."""
        if not traced():
            await self._answered(scope, receive, send, seen)
            return
        with span(seen.method, {"http.request.method": seen.method}, kind="server", parent=_parent(scope)) as spanned:
            await self._answered(scope, receive, send, seen)
            spanned.name(f"{seen.method} {route_of(scope)}", _attributes(scope, seen))
            if seen.status >= 500:
                spanned.fail(seen.code or "cut")

    async def _answered(self, scope: Scope, receive: Receive, send: Send, seen: Seen) -> None:
        """The answer, also where something fails."""
        try:
            await self._app(scope, receive, send)
        except Exception as error:
            await self._fail(scope, receive, send, seen, error)

    async def _fail(self, scope: Scope, receive: Receive, send: Send, seen: Seen, error: Exception) -> None:
        """Say that it failed. What has begun is left as it is: the HTTP server then closes the connection."""
        log.error("request.failed", method=seen.method, route=route_of(scope), exc_info=error)
        response = self._failed(Request(scope), error)
        if not seen.status:
            await response(scope, receive, send)


class Sending:
    """Sends an answer, with the request's id in its headers, and takes note of it."""

    def __init__(self, send: Send, seen: Seen) -> None:
        self._send = send
        self._seen = seen

    async def __call__(self, message: Message) -> None:
        """One message of ASGI."""
        seen = self._seen
        if message["type"] == "http.response.start":
            seen.status = message["status"]
            headers = list(message.get("headers", ()))
            seen.download = any(k == b"content-disposition" and v.startswith(b"attachment") for k, v in headers)
            headers += [(b"x-request-id", seen.request_id.encode())]
            headers += [(b"connection", b"close")] if seen.unread else []
            message = {**message, "headers": headers}
        await self._send(message)
        if message["type"] in ("http.response.body", ZERO_COPY):
            seen.bytes += message.get("count") or len(message.get("body", b""))
            seen.whole = not message.get("more_body", False)


def request_id_of(scope: Scope) -> str:
    """The caller's X-Request-ID if it is harmless, else a new one."""
    for name, value in scope["headers"]:
        if name == b"x-request-id" and _SAFE_ID.fullmatch(value):
            text: str = value.decode()
            return text
    return secrets.token_hex(8)


def current_request_id() -> str | None:
    """The id of the request that is answered here; None elsewhere."""
    found = bound_value(REQUEST_ID)
    return None if found is None else str(found)


def method_of(scope: Scope) -> str:
    """The method; anything goes over the wire, so what is none is told as one word."""
    return scope["method"] if scope["method"] in _METHODS else "OTHER"


def route_of(scope: Scope) -> str:
    """The template of the route that took a request."""
    return getattr(scope.get("route"), "path", None) or NO_ROUTE


def _write(scope: Scope, seen: Seen, seconds: float) -> None:
    route = route_of(scope)
    write = log.debug if route in QUIET and seen.status < 400 else log.info
    address = scope.get("client")
    fields: dict[str, Any] = {
        "method": seen.method,
        "route": route,
        "status": seen.status,
        "ms": round(seconds * 1000, 1),
        "bytes": seen.bytes,
        "address": address[0] if address else None,
        "user": seen.user,
        "token": seen.token,
        "code": seen.code,
        "cut": None if seen.whole else True,
    }
    write("http.request", **{k: v for k, v in fields.items() if v is not None}, request_id=seen.request_id)


def _attributes(scope: Scope, seen: Seen) -> Mapping[str, str | int]:
    return {
        "http.route": route_of(scope),
        "http.response.status_code": seen.status,
        "tailrace.request_id": seen.request_id,
    }


def _parent(scope: Scope) -> Mapping[str, str]:
    return {k.decode(): v.decode("latin-1") for k, v in scope["headers"] if k in (b"traceparent", b"tracestate")}
