"""Errors as the document has them: `code` and `message` for who may not, sentences for everything else, and what S3
says of links.
"""

from base64 import b64encode
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any

import msgspec
from starlette.responses import Response

from tailrace.model import errors as domain
from tailrace.model.clock import DAY, iso
from tailrace.surfaces.flurry.policy import WEEK
from tailrace.web.observing import current_request_id

MEDIA_TYPE = "application/json"
_UNROUTED = {404: "There is no such path.", 405: "This path does not take this method."}


def sentence(status: int, text: str, headers: Mapping[str, str] | None = None) -> Response:
    """An error as a sentence."""
    return Response(msgspec.json.encode({"errors": [text]}), status, headers, MEDIA_TYPE)


def unknown(status: int, what: str) -> Response:
    """What no route took, and failures of the server itself."""
    return sentence(status, _UNROUTED.get(status, f"{what}."))


def _unauthorized(_error: domain.TailraceError) -> Response:
    document = {"code": 401, "message": "Unauthorized"}
    return Response(msgspec.json.encode(document), 401, {"www-authenticate": "Bearer"}, MEDIA_TYPE)


def _invalid(error: domain.Invalid) -> Response:
    return sentence(400, f"{error.where} {error.why}")


def _malformed(_error: domain.Malformed) -> Response:
    return sentence(400, "The body is not JSON")


def _not_found(error: domain.NotFound) -> Response:
    """An app is what a token has access to, or has not."""
    return _unauthorized(error) if error.kind == "app" else sentence(404, f"There is no request {error.name}")


def _too_long(error: domain.WindowTooLong) -> Response:
    return sentence(400, f"Cannot request report for a period greater than {error.limit // DAY} days")


def _too_old(error: domain.WindowTooOld) -> Response:
    return sentence(400, f"Cannot request report for a period that begins more than {error.limit // DAY} days ago")


def _too_much(error: domain.TooMuchData) -> Response:
    period = "1 week" if error.works >= WEEK else "1 day"
    return sentence(400, f"The data for this period is too large. Please try again with periods of {period}")


def _too_large(error: domain.TooLarge) -> Response:
    return sentence(413, f"The body is larger than {error.limit} bytes")


def _too_slow(_error: domain.TooSlow) -> Response:
    return sentence(408, "The body took too long to arrive")


def _busy(error: Any) -> Response:
    headers = {"retry-after": str(error.seconds)}
    return sentence(429, f"Too many requests. Please try again in {error.seconds} seconds", headers)


def _too_many(error: domain.TooManyRunning) -> Response:
    text = f"There are {error.limit} requests that are not finished. Please try again when one is"
    return sentence(429, text, {"retry-after": "60"})


def _unavailable(error: domain.Unavailable) -> Response:
    headers = {"retry-after": str(error.seconds)}
    return sentence(503, f"The service is not available. Please try again in {error.seconds} seconds", headers)


def _link_expired(error: domain.LinkExpired) -> Response:
    times = f"<Expires>{_seconds(error.at)}</Expires><ServerTime>{_seconds(error.now)}</ServerTime>"
    return _of_storage(403, "AccessDenied", "Request has expired", times)


def _range(error: domain.RangeNotSatisfiable) -> Response:
    headers = {"content-range": f"bytes */{error.size}", "accept-ranges": "bytes"}
    size = f"<ActualObjectSize>{error.size}</ActualObjectSize>"
    return _of_storage(416, "InvalidRange", "The requested range is not satisfiable", size, headers)


def _of_storage(status: int, code: str, message: str, more: str, headers: Mapping[str, str] | None = None) -> Response:
    """An error in S3's form, with two ids that mean something to us alone."""
    request = sha256((current_request_id() or "").encode()).digest()
    ids = f"<RequestId>{request[:8].hex().upper()}</RequestId><HostId>{b64encode(request).decode()}</HostId>"
    text = f"<Error><Code>{code}</Code><Message>{message}</Message>{more}{ids}</Error>"
    declaration = '<?xml version="1.0" encoding="UTF-8"?>\n'
    return Response(declaration + text, status, headers, "application/xml")


def _seconds(instant: int) -> str:
    return f"{iso(instant)[:19]}Z"


def _not_here(_error: domain.TailraceError) -> Response:
    """What cannot come: nothing that is asked here leads to it."""
    return sentence(400, "The request is not supported")


def _internal(_error: domain.TailraceError) -> Response:
    return sentence(500, "The server failed")


ERRORS: dict[type[domain.TailraceError], Callable[[Any], Response]] = {
    domain.Invalid: _invalid,
    domain.Malformed: _malformed,
    domain.TooLarge: _too_large,
    domain.TooSlow: _too_slow,
    domain.TooManyRecords: _not_here,
    domain.Unauthorized: _unauthorized,
    domain.Forbidden: _unauthorized,
    domain.AboveYou: _unauthorized,
    domain.CsrfRefused: _unauthorized,
    domain.SetupRefused: _not_here,
    domain.NotFound: _not_found,
    domain.LastAdmin: _not_here,
    domain.Taken: _not_here,
    domain.NotReady: _not_here,
    domain.Expired: _not_here,
    domain.LinkExpired: _link_expired,
    domain.RangeNotSatisfiable: _range,
    domain.WindowInFuture: _not_here,
    domain.WindowTooLong: _too_long,
    domain.WindowTooOld: _too_old,
    domain.TooMuchData: _too_much,
    domain.CursorRefused: _not_here,
    domain.TooManyRunning: _too_many,
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
