"""The one family of domain errors. They carry fields, not wording: surfaces own the words."""

import re
from dataclasses import dataclass, field
from typing import Literal, get_args

_VALUE = re.compile(r"(Invalid (?:enum )?value) .*", re.DOTALL)
_KEY = re.compile(r"Object (contains unknown|missing required) field `(.*)`", re.DOTALL)


@dataclass(eq=False)
class TailraceError(Exception):
    """Root of everything that a caller can be told. `code` is stable; `retryable` says if waiting helps."""

    code: str = field(init=False, default="internal", repr=False)
    retryable: bool = field(init=False, default=False, repr=False)

    def __str__(self) -> str:
        shown = {name: value for name, value in vars(self).items() if name not in ("code", "retryable")}
        return ", ".join(f"{name}={value!r}" for name, value in shown.items()) or type(self).__name__


@dataclass(eq=False)
class Invalid(TailraceError):
    """A request holds something that cannot be: `where` is its path, `why` one sentence."""

    where: str
    why: str
    code: str = field(init=False, default="invalid_request", repr=False)


def misfit(message: str, whole: str) -> Invalid:
    """What a decoder says of a value that does not fit: why, then `` - at `$.path` ``. `whole` names the document.

    The value itself is not repeated: it may be a credential in the wrong place.
    """
    why, _, path = message.rpartition(" - at `$") if " - at `$" in message else (message, "", "")
    why = _VALUE.sub(r"\1", why)
    where = path.rstrip("`").lstrip(".")
    if key := _KEY.fullmatch(why):
        where = f"{where}.{key[2]}".lstrip(".")
        why = "there is no such key" if key[1] == "contains unknown" else "is needed"
    return Invalid(where or whole, why)


@dataclass(eq=False)
class Malformed(TailraceError):
    """A body cannot be read at all."""

    why: str
    code: str = field(init=False, default="malformed_body", repr=False)


@dataclass(eq=False)
class TooLarge(TailraceError):
    """A body is over its limit, in bytes."""

    limit: int
    code: str = field(init=False, default="body_too_large", repr=False)


@dataclass(eq=False)
class TooSlow(TailraceError):
    """A body took longer to arrive than it may, in ms."""

    limit: int
    code: str = field(init=False, default="too_slow", repr=False)
    retryable: bool = field(init=False, default=True, repr=False)


@dataclass(eq=False)
class TooManyRecords(TailraceError):
    """A request brings more records than its limit."""

    limit: int
    code: str = field(init=False, default="too_many_records", repr=False)


@dataclass(eq=False)
class Unauthorized(TailraceError):
    """No credential, or one that is not known."""

    code: str = field(init=False, default="unauthorized", repr=False)


@dataclass(eq=False)
class Forbidden(TailraceError):
    """A known credential without the right that is needed."""

    needs: str
    code: str = field(init=False, default="forbidden", repr=False)


@dataclass(eq=False)
class AboveYou(TailraceError):
    """Somebody wants to give, or to change, what is more than he has himself; `what` is such a right."""

    what: str
    code: str = field(init=False, default="above_your_rights", repr=False)


@dataclass(eq=False)
class CsrfRefused(TailraceError):
    """A request that comes with a cookie and does not prove that a page of ours sent it."""

    code: str = field(init=False, default="csrf_refused", repr=False)


@dataclass(eq=False)
class Locked(TailraceError):
    """Too many wrong passwords; the next one is looked at in so many seconds."""

    seconds: int
    code: str = field(init=False, default="locked", repr=False)
    retryable: bool = field(init=False, default=True, repr=False)


@dataclass(eq=False)
class SetupRefused(TailraceError):
    """The token of a set-up link is not known, used or too old, or there is an admin."""

    code: str = field(init=False, default="setup_refused", repr=False)


@dataclass(eq=False)
class LastAdmin(TailraceError):
    """The space would be left without an admin."""

    code: str = field(init=False, default="last_admin", repr=False)


@dataclass(eq=False)
class Taken(TailraceError):
    """A name that must be unique is in use; `where` is the key of the request that holds it."""

    where: str
    code: str = field(init=False, default="taken", repr=False)


@dataclass(eq=False)
class NotFound(TailraceError):
    """Nothing of that name, or nothing that this caller may know of: the two look alike."""

    kind: str
    name: str
    code: str = field(init=False, default="not_found", repr=False)


@dataclass(eq=False)
class NotReady(TailraceError):
    """The export has not succeeded, so it has no manifest and no files (yet)."""

    state: str
    code: str = field(init=False, default="not_ready", repr=False)


@dataclass(eq=False)
class Expired(TailraceError):
    """The export's files have had their time, which ended at an instant (ms). Asking again makes them anew."""

    at: int
    code: str = field(init=False, default="expired", repr=False)


@dataclass(eq=False)
class LinkExpired(TailraceError):
    """A link of ours was good until an instant, and came at another (ms). A new one comes with the export's status."""

    at: int
    now: int
    code: str = field(init=False, default="link_expired", repr=False)


@dataclass(eq=False)
class RangeNotSatisfiable(TailraceError):
    """A range begins behind the end of what it is of, which has so many bytes."""

    size: int
    code: str = field(init=False, default="range_not_satisfiable", repr=False)


@dataclass(eq=False)
class WindowInFuture(TailraceError):
    """A window on availability ends further ahead than the server is willing to wait (milliseconds)."""

    end: int
    now: int
    limit: int
    code: str = field(init=False, default="window_in_future", repr=False)
    retryable: bool = field(init=False, default=True, repr=False)


@dataclass(eq=False)
class WindowTooLong(TailraceError):
    """A window is longer than its dialect lets it be (ms)."""

    limit: int
    code: str = field(init=False, default="window_too_long", repr=False)


@dataclass(eq=False)
class WindowTooOld(TailraceError):
    """A window begins longer ago than its dialect lets it (ms)."""

    limit: int
    code: str = field(init=False, default="window_too_old", repr=False)


@dataclass(eq=False)
class TooMuchData(TailraceError):
    """A window holds more than may be asked for at once; inside it any window of the length `works` (ms) is granted."""

    works: int
    code: str = field(init=False, default="too_much_data", repr=False)


CursorReason = Literal["unreadable", "epoch", "app", "ahead", "request"]
CURSOR_REASONS: tuple[CursorReason, ...] = get_args(CursorReason)


@dataclass(eq=False)
class CursorRefused(TailraceError):
    """A cursor that cannot be continued from, and why."""

    reason: CursorReason
    code: str = field(init=False, default="cursor_refused", repr=False)


@dataclass(eq=False)
class TooManyRunning(TailraceError):
    """The space has as many unfinished exports as its policy lets it have."""

    limit: int
    code: str = field(init=False, default="too_many_running", repr=False)
    retryable: bool = field(init=False, default=True, repr=False)


@dataclass(eq=False)
class IdempotencyMismatch(TailraceError):
    """A client's key comes again, with something else than it was used for."""

    code: str = field(init=False, default="idempotency_mismatch", repr=False)


@dataclass(eq=False)
class TooManyWaiting(TailraceError):
    """As many clients wait for news of exports as this process, or the share of their space in it, has places for."""

    limit: int
    code: str = field(init=False, default="too_many_waiting", repr=False)
    retryable: bool = field(init=False, default=True, repr=False)


@dataclass(eq=False)
class QuotaSpent(TailraceError):
    """A quota is used up until an instant (ms). `name` is that of its limit."""

    name: str
    limit: int
    now: int
    resets_at: int
    code: str = field(init=False, default="quota_spent", repr=False)
    retryable: bool = field(init=False, default=True, repr=False)

    @property
    def seconds(self) -> int:
        """Whole seconds until it is there again, at least 1."""
        return max(1, -((self.now - self.resets_at) // 1000))


@dataclass(eq=False)
class TooSoon(TailraceError):
    """Requests come faster than a limit allows; the next one may come in so many seconds."""

    name: str
    seconds: int
    code: str = field(init=False, default="too_soon", repr=False)
    retryable: bool = field(init=False, default=True, repr=False)


@dataclass(eq=False)
class Unavailable(TailraceError):
    """The server cannot take this now and nothing was stored; `seconds` until a retry is sensible."""

    why: str
    seconds: int
    code: str = field(init=False, default="unavailable", repr=False)
    retryable: bool = field(init=False, default=True, repr=False)


@dataclass(eq=False)
class FenceLost(TailraceError):
    """Another process owns this shard or job now; whatever this one did is void."""

    what: str
    code: str = field(init=False, default="fence_lost", repr=False)
    retryable: bool = field(init=False, default=True, repr=False)


@dataclass(eq=False)
class ExportFailed(TailraceError):
    """An export ended without a result."""

    why: str
    code: str = field(init=False, default="export_failed", repr=False)
