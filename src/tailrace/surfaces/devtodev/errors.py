"""Errors as the document lists them: a status, a code, and a text with what was wrong in it."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from starlette.responses import Response

from tailrace.model import errors as domain
from tailrace.model.clock import DAY
from tailrace.surfaces.devtodev.policy import APART, PER_DAY_OF_USER

MEDIA_TYPE = "application/json"
UNKNOWN = 1

# By code: the status, and the text with its gaps.
ERRORS_LISTED: Mapping[int, tuple[int, str]] = {
    UNKNOWN: (500, "Unknown Error"),
    2: (400, "Request body is empty"),
    3: (400, "Malformed json"),
    4: (400, "Field not found: {}"),
    5: (400, "Field {} has type {} but {} expected"),
    6: (400, "Invalid app id {}"),
    7: (400, "Unknown format: {}"),
    8: (400, "Unknown event: {}"),
    9: (400, "Event alias duplicated: {}"),
    10: (
        400,
        "Incorrect report time frame interval: start_date and end_date can not be earlier than {} days from now.",
    ),
    11: (401, "Authorization error. Wrong user token {}"),
    12: (401, "Authorization error. User_token is not set."),
    13: (403, "Access denied. You have no access to the app {}"),
    14: (403, "Access denied. You have no access to the report file {}"),
    15: (403, "Access denied. You have no access to API."),
    16: (403, "Access denied. You have no access to RAW data export API."),
    17: (403, "Quota exceeded. {} concurrent requests per user has been reached."),
    18: (429, "Too many requests. {} requests per day per user quota has been exhausted."),
    19: (429, "Too many requests. {} requests per day per space quota has been exhausted."),
    20: (429, "Too many requests. One request per {} seconds per user quota has been exhausted."),
    21: (404, "File not found. The requested report file had been expired and was deleted."),
    22: (400, "The job_id you requested is not found."),
}
_UNROUTED = {404: "There is no such path.", 405: "This path does not take this method."}


class Refused(Exception):
    """A request that an error of the document answers: its code, and what fills the gaps of its text."""

    def __init__(self, code: int, *gaps: object) -> None:
        super().__init__(code)
        self.code = code
        self.gaps = gaps

    @property
    def reply(self) -> Response:
        """The answer."""
        return listed(self.code, *self.gaps)


def listed(code: int, *gaps: object, headers: Mapping[str, str] | None = None) -> Response:
    """An error of the document."""
    status, text = ERRORS_LISTED[code]
    return _error(status, code, text.format(*gaps), headers)


def unlisted(status: int, text: str, headers: Mapping[str, str] | None = None) -> Response:
    """What the document has no error for, in the same shape: the code of the unknown one, and what it is."""
    return _error(status, UNKNOWN, f"{ERRORS_LISTED[UNKNOWN][1]}. {text}", headers)


def unknown(status: int, what: str) -> Response:
    """What no route took, and failures of the server itself."""
    return listed(UNKNOWN) if status >= 500 else unlisted(status, _UNROUTED.get(status, f"{what}."))


def _error(status: int, code: int, text: str, headers: Mapping[str, str] | None) -> Response:
    document = {"status_code": status, "errors": [{"code": code, "msg": text}]}
    more = {"cache-control": "no-store"} | dict(headers or {})
    return Response(msgspec.json.encode(document), status, more, MEDIA_TYPE)


def _quota(error: domain.QuotaSpent) -> Response:
    code, limit = (18 if error.name == PER_DAY_OF_USER else 19), error.limit
    if error.name == APART:
        code, limit = 20, -(-error.limit // 1000)
    return listed(code, limit, headers={"retry-after": str(error.seconds)})


def _too_soon(error: domain.TooSoon | domain.Locked) -> Response:
    return listed(20, error.seconds, headers={"retry-after": str(error.seconds)})


def _not_found(error: domain.NotFound) -> Response:
    return listed(6, error.name) if error.kind == "app" else listed(22)


def _too_large(error: domain.TooLarge) -> Response:
    return unlisted(413, f"The body is larger than {error.limit} bytes.")


def _too_slow(_error: domain.TooSlow) -> Response:
    return unlisted(408, "The body took too long to arrive.")


def _unavailable(error: domain.Unavailable) -> Response:
    text = f"The service is not available. Please try again in {error.seconds} seconds."
    return unlisted(503, text, {"retry-after": str(error.seconds)})


def _range(error: domain.RangeNotSatisfiable) -> Response:
    headers = {"content-range": f"bytes */{error.size}", "accept-ranges": "bytes"}
    return unlisted(416, "The requested range is not satisfiable.", headers)


def _too_old(error: domain.WindowTooOld) -> Response:
    return listed(10, error.limit // DAY)


def _always(code: int) -> Callable[[Any], Response]:
    return lambda _error: listed(code)


def _not_here(_error: domain.TailraceError) -> Response:
    """What cannot come: nothing that is asked here leads to it."""
    return unlisted(400, "The request is not supported.")


ERRORS: dict[type[domain.TailraceError], Callable[[Any], Response]] = {
    domain.Invalid: _not_here,
    domain.Malformed: _always(3),
    domain.TooLarge: _too_large,
    domain.TooSlow: _too_slow,
    domain.TooManyRecords: _not_here,
    domain.Unauthorized: _always(12),
    domain.Forbidden: _always(16),
    domain.AboveYou: _always(16),
    domain.CsrfRefused: _always(12),
    domain.SetupRefused: _not_here,
    domain.NotFound: _not_found,
    domain.LastAdmin: _not_here,
    domain.Taken: _not_here,
    domain.NotReady: _not_here,
    domain.Expired: _always(21),
    domain.LinkExpired: _not_here,
    domain.RangeNotSatisfiable: _range,
    domain.WindowInFuture: _not_here,
    domain.WindowTooLong: _not_here,
    domain.WindowTooOld: _too_old,
    domain.TooMuchData: _not_here,
    domain.CursorRefused: _not_here,
    domain.TooManyRunning: lambda error: listed(17, error.limit),
    domain.IdempotencyMismatch: _not_here,
    domain.TooManyWaiting: _not_here,
    domain.Locked: _too_soon,
    domain.QuotaSpent: _quota,
    domain.TooSoon: _too_soon,
    domain.Unavailable: _unavailable,
    domain.FenceLost: _always(UNKNOWN),
    domain.ExportFailed: _always(UNKNOWN),
    domain.TailraceError: _always(UNKNOWN),
}
