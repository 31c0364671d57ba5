"""Errors: a message in the envelope. Texts and statuses are those that were recorded, where any were."""

from collections.abc import Callable, Mapping
from typing import Any

from starlette.responses import Response

from tailrace.model import errors as domain
from tailrace.model.clock import DAY
from tailrace.surfaces.leanplum.render import answer

NO_DATA = "No matching data found."
# What arguments are called that became a delivery.
_OF_DELIVERIES: Mapping[str, str] = {
    "url": "callbackUrl",
    "bucket": "s3BucketName",
    "prefix": "s3ObjectPrefix",
    "access_key_id": "s3AccessId",
    "secret_access_key": "s3AccessKey",
}
_UNROUTED = {404: "Not found.", 405: "Method not allowed."}


def refused(status: int, text: str, headers: Mapping[str, str] | None = None) -> Response:
    """An error with its message."""
    return answer({"success": False, "error": {"message": text}}, status, headers)


def unknown(status: int, what: str) -> Response:
    """What no route took, and failures of the server itself."""
    return refused(status, _UNROUTED.get(status, f"{what}."))


def _invalid(error: domain.Invalid) -> Response:
    """What is wrong with an argument is told with 200, as the one recorded error of this kind was."""
    what = error.where
    if what.startswith("deliveries["):
        what = _OF_DELIVERIES.get(what.rpartition(".")[2], "s3BucketName")
    return refused(200, f"Invalid argument: {what} {error.why}.")


def _malformed(error: domain.Malformed) -> Response:
    return refused(200, f"Invalid request body: {error.why}.")


def _key(_error: domain.TailraceError) -> Response:
    return refused(403, "Invalid access key.")


def _not_found(error: domain.NotFound) -> Response:
    return refused(404, "File not found." if error.kind == "file" else "Job not found.")


def _gone(_error: domain.TailraceError) -> Response:
    return refused(404, "File not found.")


def _too_old(error: domain.WindowTooOld) -> Response:
    return refused(200, f"You cannot export data older than {error.limit // DAY} days")


def _in_future(error: domain.WindowInFuture) -> Response:
    return refused(200, f"Invalid argument: endTime is more than {error.limit // 60_000} minutes in the future.")


def _spent(error: domain.QuotaSpent) -> Response:
    return refused(429, f"You can only export data {error.limit} times per day.")


def _busy(_error: domain.TailraceError) -> Response:
    return refused(429, "Too many requests.")


def _too_many(_error: domain.TailraceError) -> Response:
    return refused(429, "Too many exports are running.")


def _too_large(error: domain.TooLarge) -> Response:
    return refused(413, f"The request body is larger than {error.limit} bytes.")


def _too_slow(_error: domain.TooSlow) -> Response:
    return refused(408, "The request body took too long to arrive.")


def _range(error: domain.RangeNotSatisfiable) -> Response:
    headers = {"content-range": f"bytes */{error.size}", "accept-ranges": "bytes"}
    return refused(416, "The requested range cannot be satisfied.", headers)


def _unavailable(error: domain.Unavailable) -> Response:
    return refused(503, "The service is not available. Please try again later.", {"retry-after": str(error.seconds)})


def _not_here(_error: domain.TailraceError) -> Response:
    """What cannot come: nothing that is asked here leads to it."""
    return refused(200, "Invalid argument.")


def _internal(_error: domain.TailraceError) -> Response:
    return refused(500, "The server failed.")


ERRORS: dict[type[domain.TailraceError], Callable[[Any], Response]] = {
    domain.Invalid: _invalid,
    domain.Malformed: _malformed,
    domain.TooLarge: _too_large,
    domain.TooSlow: _too_slow,
    domain.TooManyRecords: _not_here,
    domain.Unauthorized: _key,
    domain.Forbidden: _key,
    domain.AboveYou: _key,
    domain.CsrfRefused: _key,
    domain.SetupRefused: _not_here,
    domain.NotFound: _not_found,
    domain.LastAdmin: _not_here,
    domain.Taken: _not_here,
    domain.NotReady: _not_here,
    domain.Expired: _gone,
    domain.LinkExpired: _gone,
    domain.RangeNotSatisfiable: _range,
    domain.WindowInFuture: _in_future,
    domain.WindowTooLong: _not_here,
    domain.WindowTooOld: _too_old,
    domain.TooMuchData: _not_here,
    domain.CursorRefused: _not_here,
    domain.TooManyRunning: _too_many,
    domain.IdempotencyMismatch: _not_here,
    domain.TooManyWaiting: _not_here,
    domain.Locked: _busy,
    domain.QuotaSpent: _spent,
    domain.TooSoon: _busy,
    domain.Unavailable: _unavailable,
    domain.FenceLost: _internal,
    domain.ExportFailed: _internal,
    domain.TailraceError: _internal,
}
