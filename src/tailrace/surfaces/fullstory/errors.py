"""Errors as JSON: a word and a sentence. The document shows none; it knows the word forbidden, 503, and `Retry-After`.

Every body is JSON, because there are clients that read it before they look at the status.
"""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from starlette.responses import Response

from tailrace.model import errors as domain
from tailrace.surfaces.fullstory.policy import LONGEST_WAIT_S

MEDIA_TYPE = "application/json"
_UNROUTED = {
    404: ("not_found", "There is no such path."),
    405: ("method_not_allowed", "This path takes GET and POST only."),
}


def said(status: int, error: str, message: str, headers: Mapping[str, str] | None = None) -> Response:
    """An error."""
    return Response(msgspec.json.encode({"error": error, "message": message}), status, headers, MEDIA_TYPE)


def unknown(status: int, what: str) -> Response:
    """What no route took, and failures of the server itself."""
    return said(status, *_UNROUTED.get(status, ("failed", f"{what}.")))


def _unauthorized(_error: domain.TailraceError) -> Response:
    message = "The API key is missing or not known; it is sent as Authorization: Basic KEY."
    return said(401, "unauthorized", message, {"www-authenticate": "Basic"})


def _forbidden(_error: domain.TailraceError) -> Response:
    return said(403, "forbidden", "This API key may not export data: it needs the role of an admin or an architect.")


def _invalid(error: domain.Invalid) -> Response:
    return said(400, "bad_request", f"{error.where} {error.why}.")


def _malformed(_error: domain.Malformed) -> Response:
    return said(400, "bad_request", "The body is not JSON.")


def _not_found(error: domain.NotFound) -> Response:
    if error.kind == "bundle":
        return said(404, "not_found", f"There is no bundle {error.name}.")
    return said(404, "not_found", "This API key sees no app.")


def _gone(_error: domain.Expired) -> Response:
    return said(410, "gone", "The file of this bundle is not kept any more.")


def _too_large(error: domain.TooLarge) -> Response:
    return said(413, "too_large", f"The body is larger than {error.limit} bytes.")


def _too_slow(_error: domain.TooSlow) -> Response:
    return said(408, "too_slow", "The body took too long to arrive.")


def _busy(error: Any) -> Response:
    seconds = _seconds(error.seconds)
    return said(429, "too_many_requests", f"Too many requests. Try again in {seconds} seconds.", _retry(seconds))


def _unavailable(error: domain.Unavailable) -> Response:
    seconds = _seconds(error.seconds)
    return said(503, "unavailable", f"Not available now. Try again in {seconds} seconds.", _retry(seconds))


def _range(error: domain.RangeNotSatisfiable) -> Response:
    headers = {"content-range": f"bytes */{error.size}", "accept-ranges": "bytes"}
    return said(416, "range_not_satisfiable", "The range begins behind the end.", headers)


def _seconds(wanted: int) -> int:
    """Whole seconds, never so many that a client gives up: it may come again in vain then, and is told again."""
    return max(1, min(wanted, LONGEST_WAIT_S))


def _retry(seconds: int) -> Mapping[str, str]:
    return {"retry-after": str(seconds)}


def _not_here(_error: domain.TailraceError) -> Response:
    """What cannot come: nothing that is asked here leads to it."""
    return said(400, "bad_request", "The request is not supported.")


def _internal(_error: domain.TailraceError) -> Response:
    return said(500, "failed", "The server failed.")


ERRORS: dict[type[domain.TailraceError], Callable[[Any], Response]] = {
    domain.Invalid: _invalid,
    domain.Malformed: _malformed,
    domain.TooLarge: _too_large,
    domain.TooSlow: _too_slow,
    domain.TooManyRecords: _not_here,
    domain.Unauthorized: _unauthorized,
    domain.Forbidden: _forbidden,
    domain.AboveYou: _forbidden,
    domain.CsrfRefused: _unauthorized,
    domain.SetupRefused: _not_here,
    domain.NotFound: _not_found,
    domain.LastAdmin: _not_here,
    domain.Taken: _not_here,
    domain.NotReady: _not_here,
    domain.Expired: _gone,
    domain.LinkExpired: _not_here,
    domain.RangeNotSatisfiable: _range,
    domain.WindowInFuture: _not_here,
    domain.WindowTooLong: _not_here,
    domain.WindowTooOld: _not_here,
    domain.TooMuchData: _not_here,
    domain.CursorRefused: _not_here,
    domain.TooManyRunning: _not_here,
    domain.IdempotencyMismatch: _not_here,
    domain.TooManyWaiting: _not_here,
    domain.Locked: _busy,
    domain.QuotaSpent: _busy,
    domain.TooSoon: _busy,
    domain.Unavailable: _unavailable,
    domain.FenceLost: _internal,
    domain.ExportFailed: _internal,
    domain.TailraceError: _internal,
}
