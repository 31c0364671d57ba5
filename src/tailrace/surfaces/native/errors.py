"""Errors as RFC 9457 problem documents with a stable `code`, what to do next, and whether a retry can help."""

from collections.abc import Callable
from typing import Any

import msgspec
from starlette.responses import Response

from tailrace.model import errors as domain
from tailrace.model.clock import iso
from tailrace.web.observing import current_request_id

MEDIA_TYPE = "application/problem+json"

_UNROUTED = {
    404: ("no_such_path", "No route has this path. The API begins at /v1; its documentation lists the paths."),
    405: ("method_not_allowed", "The path exists, but not with this method. `Allow` names the methods it takes."),
}

_CURSOR_HELP = {
    "unreadable": "The cursor is damaged. Copy `cursor` from the last manifest unchanged.",
    "epoch": "The store was restored since that cursor was made. Start a new chain with `after` null.",
    "app": "The cursor belongs to another app. Use the cursor of this app's last manifest.",
    "request": "Shape or filters differ from the chain's. Ask for the same, or start a new chain with `after` null.",
    "ahead": "The cursor is ahead of this store's newest commit. Check that this is the right server.",
}


def problem(
    status: int, code: str, title: str, detail: str, *, retryable: bool = False, headers: dict[str, str] | None = None,
    **more: Any,
) -> Response:  # fmt: skip
    """A problem document; one of the server's own names the request, as its log does."""
    if status >= 500 and (request_id := current_request_id()) is not None:
        more["request_id"] = request_id
    document = {
        "type": f"about:blank#{code}",
        "title": title,
        "status": status,
        "code": code,
        "detail": detail,
        "retryable": retryable,
    } | more
    return Response(msgspec.json.encode(document), status, headers, MEDIA_TYPE)


def unknown(status: int, what: str) -> Response:
    """What no route took, and failures of the server itself."""
    code, help_ = _UNROUTED.get(status, ("internal", what) if status >= 500 else ("invalid_request", what))
    return problem(status, code, what, help_)


def _invalid(error: domain.Invalid) -> Response:
    return problem(400, error.code, "The request is not valid", f"{error.where}: {error.why}", where=error.where)


def _malformed(error: domain.Malformed) -> Response:
    return problem(400, error.code, "The body cannot be read", error.why)


def _too_large(error: domain.TooLarge) -> Response:
    detail = f"The body is larger than {error.limit} bytes. Send smaller batches."
    return problem(413, error.code, "The body is too large", detail, limit=error.limit)


def _too_slow(error: domain.TooSlow) -> Response:
    detail = f"The body took longer than {error.limit} ms to arrive. Nothing was stored; send smaller batches."
    return problem(408, error.code, "The body came too slowly", detail, retryable=True, limit_ms=error.limit)


def _too_many_records(error: domain.TooManyRecords) -> Response:
    detail = f"The request holds more than {error.limit} events. Nothing was stored; send smaller batches."
    return problem(413, error.code, "Too many events", detail, limit=error.limit)


def _unauthorized(error: domain.Unauthorized) -> Response:
    detail = (
        "Send a token or key that this server knows as `Authorization: Bearer …`, sign in anew, or use a link as the "
        "manifest has it."
    )
    return problem(401, error.code, "Not authorized", detail, headers={"www-authenticate": 'Bearer realm="tailrace"'})


def _forbidden(error: domain.Forbidden) -> Response:
    detail = f"The token lacks the scope {error.needs}. Use another token, or have an admin add the scope."
    return problem(403, error.code, "Not allowed", detail, needs=error.needs)


def _above_you(error: domain.AboveYou) -> Response:
    detail = f"This is more than your own token may: {error.what}. Ask for less, or have somebody do it who has it."
    return problem(403, error.code, "More than you may give", detail)


def _csrf(error: domain.CsrfRefused) -> Response:
    detail = (
        "A login session changes things from this server's own pages only. Send `csrf` of the login, or of GET /v1/me, "
        "as X-CSRF-Token; programs better use a token."
    )
    return problem(403, error.code, "The request is not proven to be yours", detail)


def _setup_refused(error: domain.SetupRefused) -> Response:
    detail = (
        "The link is not known, was used, is older than 24 hours, or there is an admin already. While there is none, "
        "`tailrace serve` prints a new link when it starts."
    )
    return problem(403, error.code, "The set-up link does not work", detail)


def _last_admin(error: domain.LastAdmin) -> Response:
    detail = "This user is the last enabled admin of the space. Make another admin first."
    return problem(409, error.code, "The space needs an admin", detail)


def _taken(error: domain.Taken) -> Response:
    detail = f"{error.where}: something else has this already. Choose another, or change what is there."
    return problem(409, error.code, "The name is taken", detail, where=error.where)


def _not_found(error: domain.NotFound) -> Response:
    return problem(404, error.code, "Not found", f"There is no {error.kind} {error.name} for this token.")


def _not_ready(error: domain.NotReady) -> Response:
    waiting = error.state in ("queued", "running")
    detail = f"The export is {error.state}; its manifest exists once it has succeeded."
    return problem(409, error.code, "Not ready", detail, retryable=waiting, state=error.state)


def _expired(error: domain.Expired) -> Response:
    detail = (
        f"The files of this export were kept until {iso(error.at)}. Submit its `request` again; in a chain, with the "
        "same `after`."
    )
    return problem(410, error.code, "The files have expired", detail, expired_at=iso(error.at))


def _link_expired(error: domain.LinkExpired) -> Response:
    detail = f"The link was good until {iso(error.at)}. Get the manifest again: it comes with new links."
    return problem(403, error.code, "The link has expired", detail, expired_at=iso(error.at))


def _range(error: domain.RangeNotSatisfiable) -> Response:
    detail = f"The file has {error.size} bytes, and the range begins behind them. If you have them all, it is whole."
    headers = {"content-range": f"bytes */{error.size}", "accept-ranges": "bytes"}
    return problem(416, error.code, "There are no such bytes", detail, headers=headers, size=error.size)


def _in_future(error: domain.WindowInFuture) -> Response:
    detail = (
        f"The window ends at {iso(error.end)}, it is {iso(error.now)} here, and the server waits at most "
        f"{error.limit} ms. Ask again later, or end the window earlier."
    )
    return problem(400, error.code, "The window ends in the future", detail, retryable=True, limit_ms=error.limit)


def _too_long(error: domain.WindowTooLong) -> Response:
    detail = f"The window is longer than {error.limit} ms. Ask for shorter ones, one after the other."
    return problem(400, error.code, "The window is too long", detail, limit_ms=error.limit)


def _too_old(error: domain.WindowTooOld) -> Response:
    detail = f"The window begins more than {error.limit} ms ago. Begin it later."
    return problem(400, error.code, "The window begins too early", detail, limit_ms=error.limit)


def _too_much(error: domain.TooMuchData) -> Response:
    detail = f"The window holds too much. Any window of {error.works} ms inside it is granted."
    return problem(400, error.code, "Too much data", detail, works_ms=error.works)


def _cursor(error: domain.CursorRefused) -> Response:
    return problem(409, error.code, "The chain cannot continue", _CURSOR_HELP[error.reason], reason=error.reason)


def _too_many(error: domain.TooManyRunning) -> Response:
    detail = f"The space has {error.limit} unfinished exports, as many as it may. Wait until one has finished."
    return problem(
        429, error.code, "Too many exports", detail, retryable=True, headers={"retry-after": "5"}, limit=error.limit
    )


def _idempotency(error: domain.IdempotencyMismatch) -> Response:
    detail = "This Idempotency-Key was used for another request within a day. Send that one, or take a new key."
    return problem(422, error.code, "The key was used for something else", detail)


def _too_many_waiting(error: domain.TooManyWaiting) -> Response:
    detail = f"{error.limit} clients wait for news of exports, as many as may. Ask without `wait` meanwhile."
    headers = {"retry-after": "5"}
    return problem(503, error.code, "Too many are waiting", detail, retryable=True, headers=headers, limit=error.limit)


def _locked(error: domain.Locked) -> Response:
    detail = f"Too many wrong passwords. The next one is looked at in {error.seconds} s; until then do not try."
    headers = {"retry-after": str(error.seconds)}
    return problem(429, error.code, "Too many wrong passwords", detail, retryable=True, headers=headers)


def _quota_spent(error: domain.QuotaSpent) -> Response:
    detail = f"The limit {error.name} of {error.limit} is used up until {iso(error.resets_at)}. Ask again then."
    headers = {"retry-after": str(error.seconds)}
    more = {"name": error.name, "limit": error.limit, "resets_at": iso(error.resets_at)}
    return problem(429, error.code, "The quota is used up", detail, retryable=True, headers=headers, **more)


def _too_soon(error: domain.TooSoon) -> Response:
    detail = f"These come faster than the limits {error.name}.* allow. Send it again in {error.seconds} s."
    headers = {"retry-after": str(error.seconds)}
    return problem(429, error.code, "Too fast", detail, retryable=True, headers=headers, name=error.name)


def _unavailable(error: domain.Unavailable) -> Response:
    detail = f"Nothing was stored: {error.why}. Send it again in {error.seconds} s."
    headers = {"retry-after": str(error.seconds)}
    return problem(503, error.code, "Try again", detail, retryable=True, headers=headers)


def _internal(error: domain.TailraceError) -> Response:
    return problem(500, error.code, "The server failed", "The server's log says more.", retryable=error.retryable)


ERRORS: dict[type[domain.TailraceError], Callable[[Any], Response]] = {
    domain.Invalid: _invalid,
    domain.Malformed: _malformed,
    domain.TooLarge: _too_large,
    domain.TooSlow: _too_slow,
    domain.TooManyRecords: _too_many_records,
    domain.Unauthorized: _unauthorized,
    domain.Forbidden: _forbidden,
    domain.AboveYou: _above_you,
    domain.CsrfRefused: _csrf,
    domain.SetupRefused: _setup_refused,
    domain.NotFound: _not_found,
    domain.LastAdmin: _last_admin,
    domain.Taken: _taken,
    domain.NotReady: _not_ready,
    domain.Expired: _expired,
    domain.LinkExpired: _link_expired,
    domain.RangeNotSatisfiable: _range,
    domain.WindowInFuture: _in_future,
    domain.WindowTooLong: _too_long,
    domain.WindowTooOld: _too_old,
    domain.TooMuchData: _too_much,
    domain.CursorRefused: _cursor,
    domain.TooManyRunning: _too_many,
    domain.IdempotencyMismatch: _idempotency,
    domain.TooManyWaiting: _too_many_waiting,
    domain.Locked: _locked,
    domain.QuotaSpent: _quota_spent,
    domain.TooSoon: _too_soon,
    domain.Unavailable: _unavailable,
    domain.FenceLost: _internal,
    domain.ExportFailed: _internal,
    domain.TailraceError: _internal,
}
