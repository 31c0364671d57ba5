"""Errors as pages: what happened, and what to do."""

from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace
from starlette.responses import Response

from tailrace.model import errors as domain
from tailrace.model.clock import DAY, iso
from tailrace.portal.pages import page
from tailrace.portal.wording import span


class Told(Struct, frozen=True):
    """An error in words: status, what happened, what to do; `at` is the field of a form that it is about."""

    status: int
    title: str
    text: str
    headers: Mapping[str, str] = field(default_factory=dict)
    at: str = ""


def told(error: domain.TailraceError) -> Told:
    """The words for an error, by its class or the nearest class above it."""
    return next(_WORDS[kind](error) for kind in type(error).__mro__ if kind in _WORDS)


def told_at(name: str, labels: Mapping[str, str], error: domain.Invalid, kind: str = "") -> Told:
    """The words for what cannot be in a field of a form, as the form calls it, or for what is in none of them.

    `kind` is which of several forms of the page it is, with which the ids of its fields begin.
    """
    if name not in labels:
        return told(error)
    return replace(told(domain.Invalid(labels[name], error.why)), at=f"{kind}-{name}" if kind else name)


def failed(error: domain.TailraceError) -> Response:
    """A page that says what went wrong and what to do."""
    found = told(error)
    response = page("message.html", found.status, title=found.title, text=found.text)
    response.headers.update(found.headers)
    return response


def unknown(status: int, what: str) -> Response:
    """What no page is there for, and failures of the server itself."""
    return page("message.html", status, title=what, text="Look at the address, or into the server's log.")


def _unauthorized(_error: domain.Unauthorized) -> Response:
    """The form to sign in with; what was asked for is where it leads back to."""
    return page("login.html", 401, error=None, email="", space="")


def _waiting(seconds: int, title: str, text: str, status: int = 429) -> Told:
    return Told(status, title, f"{text} Try again in {span(seconds * 1000)}.", {"retry-after": str(seconds)})


def _days(ms: int) -> str:
    return span(ms) if ms % DAY else f"{ms // DAY} days"


_ABSENT = "There is nothing here, or nothing that you may see. Look at the address."
_SETUP = (
    "It is not known, was used, is older than 24 hours, or there is an admin already. While there is none, "
    "`tailrace serve` prints a new link when it starts."
)
_WORDS: Mapping[type[domain.TailraceError], Callable[[Any], Told]] = {
    domain.SetupRefused: lambda _: Told(403, "This link does not work", _SETUP),
    domain.Invalid: lambda e: Told(400, "This cannot be", f"{e.where}: {e.why}."),
    domain.Malformed: lambda e: Told(400, "This cannot be read", f"{e.why}."),
    domain.TooLarge: lambda _: Told(413, "This is too much", "Send the form as it is."),
    domain.TooSlow: lambda _: Told(408, "This took too long", "Send the form again."),
    domain.Unauthorized: lambda _: Told(401, "Sign in", "E-mail or password is wrong, or the user is disabled."),
    domain.Forbidden: lambda e: Told(
        403, "This is not for you", f"It takes the right {e.needs}. An admin can give it."
    ),
    domain.AboveYou: lambda e: Told(403, "This is above your rights", f"It takes {e.what}, which you do not have."),
    domain.CsrfRefused: lambda _: Told(403, "This form is too old", "Go back, load the page again, and send it anew."),
    domain.Locked: lambda e: _waiting(e.seconds, "Too many wrong passwords", "This user is locked for a while."),
    domain.TooSoon: lambda e: _waiting(e.seconds, "Not so fast", "Too much was asked in a short time."),
    domain.LastAdmin: lambda _: Told(409, "This is the last admin", "Make somebody else an admin first."),
    domain.Taken: lambda e: Told(409, "This is taken", f"There is another one with this {e.where}; choose another."),
    domain.NotFound: lambda _: Told(404, "Nothing is here", _ABSENT),
    domain.NotReady: lambda e: Told(409, "There are no files", f"The request is {e.state}."),
    domain.Expired: lambda _: Told(410, "The files have had their time", "Ask for them again with Re-run."),
    domain.WindowTooLong: lambda e: Told(422, "The period is too long", f"A request covers at most {_days(e.limit)}."),
    domain.WindowTooOld: lambda e: Told(
        422, "The period begins too early", f"A request may begin at most {_days(e.limit)} ago."
    ),
    domain.WindowInFuture: lambda _: Told(422, "The period lies in the future", "Let it end sooner."),
    domain.TooMuchData: lambda e: Told(422, "This is too much at once", f"Ask for {_days(e.works)} at a time."),
    domain.TooManyRunning: lambda e: Told(
        429, "Enough is running", f"{e.limit} requests are unfinished. Wait for one to end, or cancel one."
    ),
    domain.QuotaSpent: lambda e: _waiting(
        e.seconds, "The quota is used up", f"{e.limit} requests a day are granted, until {iso(e.resets_at)}."
    ),
    domain.ExportFailed: lambda e: Told(500, "The request failed", f"{e.why}."),
    domain.Unavailable: lambda e: _waiting(e.seconds, "Not now", f"{e.why}.", 503),
    domain.TailraceError: lambda _: Told(500, "The server failed", "Its log says more."),
}
ERRORS: dict[type[domain.TailraceError], Callable[[Any], Response]] = {
    **dict.fromkeys(_WORDS, failed),
    domain.Unauthorized: _unauthorized,
}
