"""What can go wrong between a client and a server."""

from collections.abc import Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any

import msgspec

from tailrace.client.documents.exports import Export

_BUSY = frozenset((429, 502, 503, 504))


class ClientError(Exception):
    """Root of what the client raises."""


class ConnectionLost(ClientError):
    """No answer came; whether the server did what was asked is not known."""


class ProblemError(ClientError):
    """The server says no.

    `code` is stable, `detail` says what to do next, `retryable` whether waiting can help, `retry_after` how long (s),
    if the server said so. `more` holds the other keys of the problem document, such as `where` or `needs`.
    """

    def __init__(
        self, status: int, code: str, detail: str, *, retryable: bool = False, retry_after: float | None = None,
        more: Mapping[str, Any] | None = None,
    ) -> None:  # fmt: skip
        super().__init__(status, code, detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.retryable = retryable
        self.retry_after = retry_after
        self.more = dict(more or {})

    def __str__(self) -> str:
        return f"{self.detail} ({self.status} {self.code})"


class WaitTimeout(ClientError):
    """An export had not ended when the time was up; `export` is how it was then."""

    def __init__(self, export: Export) -> None:
        super().__init__(f"the export {export.id} is still {export.state}; wait for it again")
        self.export = export


class Mismatch(ClientError):
    """What was downloaded is not what the manifest says."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(f"{name}: {why}")
        self.name = name


def problem_of(status: int, headers: Mapping[str, str], body: bytes) -> ProblemError:
    """The error that an answer is; `headers` are in lower case."""
    pause = retry_after(headers)
    found = _document(body)
    if found is None:
        return _undocumented(status, headers, pause)
    known = {name: found.pop(name, None) for name in ("type", "title", "status", "code", "detail", "retryable")}
    return ProblemError(
        status,
        str(known["code"]),
        str(known["detail"] or known["title"] or status),
        retryable=known["retryable"] is True,
        retry_after=pause,
        more=found,
    )


def _document(body: bytes) -> dict[str, Any] | None:
    try:
        found = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return found if isinstance(found, dict) and isinstance(found.get("code"), str) else None


def _undocumented(status: int, headers: Mapping[str, str], pause: float | None) -> ProblemError:
    """What is said by something that is no Tailrace, such as a proxy on the way. Its text is passed on to nobody."""
    phrase = HTTPStatus(status).phrase if status in HTTPStatus.__members__.values() else "no known status"
    if 300 <= status < 400:
        there = headers.get("location", "").partition("?")[0] or "nowhere"
        detail = f"The server sends us on to {there}. Name that server if it is the right one."
        return ProblemError(status, "redirected", detail)
    detail = f"The answer is {status} ({phrase}) and not Tailrace's. See whether the URL is that of a Tailrace server."
    if status in _BUSY:
        detail = f"The answer is {status} ({phrase}), from something before the server. Try again later."
    return ProblemError(status, f"http_{status}", detail, retryable=status in _BUSY, retry_after=pause)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds until it is worth asking again; a date counts from the answer's own."""
    text = headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return float(text)
    until, now = _date(text), _date(headers.get("date", ""))
    return None if until is None or now is None else max(0.0, (until - now).total_seconds())


def _date(text: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(text)
    except ValueError:
        return None
    return found if found.tzinfo is not None else None
