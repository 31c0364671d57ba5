"""Errors of the Analytics Reporting API: a status, its name, a reason, and a description that says what to do."""

from collections.abc import Callable
from http import HTTPStatus

import msgspec
from starlette.responses import Response

from tailrace.model import errors as domain
from tailrace.web.surface import ErrorTable

_AGAIN = "The server cannot answer now; ask again a little later."


def reply(status: int, reason: str, description: str, **more: object) -> Response:
    """An error document."""
    name = HTTPStatus(status).phrase
    document = {"status": status, "statusName": name, "reason": reason, "description": description} | more
    return Response(msgspec.json.encode(document), status, media_type="application/json")


def unknown(status: int, what: str) -> Response:
    """What no route took, and failures of the server itself."""
    if status == 404:
        return reply(404, what, "There are /public/v1/data/… and /public/v1/dimensions/{dimension}/values.")
    return reply(status, what, "Everything here is asked for by GET." if status == 405 else _AGAIN)


def _unauthorized(_error: domain.Unauthorized) -> Response:
    """The body that the vendor documents for a token that may not."""
    body = msgspec.json.encode({"code": 401, "message": "Unauthorized"})
    return Response(body, 401, {"www-authenticate": 'Bearer realm="tailrace"'}, "application/json")


def _forbidden(error: domain.Forbidden) -> Response:
    return reply(403, "The token lacks a scope", f"It needs the scope {error.needs}.", needs=error.needs)


def _invalid(error: domain.Invalid) -> Response:
    return reply(400, f"{error.where}: {error.why}", "The request was not carried out. Change it as the reason says.")


def _csrf(_error: domain.CsrfRefused) -> Response:
    return reply(403, "The request is not proven to be yours", "Use a token.")


def _not_found(error: domain.NotFound) -> Response:
    return reply(404, f"There is no {error.kind} of this name", "Look at the path.")


def _too_soon(error: domain.TooSoon) -> Response:
    response = reply(429, "The rate limit is reached", f"Ask again in {error.seconds} s.")
    response.headers["retry-after"] = str(error.seconds)
    return response


def _unavailable(error: domain.Unavailable) -> Response:
    response = reply(503, "The server cannot answer now", f"Ask again in {error.seconds} s.")
    response.headers["retry-after"] = str(error.seconds)
    return response


def _other(_error: domain.TailraceError) -> Response:
    return reply(500, "The report was not made", _AGAIN)


# Errors of the domain that these routes cannot meet are answered by the class above them.
_REPLIES: dict[type[domain.TailraceError], Callable[..., Response]] = {
    domain.Unauthorized: _unauthorized,
    domain.Forbidden: _forbidden,
    domain.Invalid: _invalid,
    domain.CsrfRefused: _csrf,
    domain.NotFound: _not_found,
    domain.TooSoon: _too_soon,
    domain.Unavailable: _unavailable,
    domain.TailraceError: _other,
}
ERRORS: ErrorTable = _REPLIES
