"""Pages: templates filled in, sent so that they load nothing from elsewhere and tell nobody where they were."""

import hashlib
from base64 import b64encode
from collections.abc import Callable
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.responses import Response

from tailrace.model import errors as domain


@cache
def _templates() -> Environment:
    return Environment(loader=PackageLoader("tailrace.portal"), autoescape=True, undefined=StrictUndefined)


@cache
def _style() -> str:
    """The style that stands in every page."""
    loader = _templates().loader
    return "" if loader is None else loader.get_source(_templates(), "style.css")[0]


def page(name: str, status: int = 200, **values: Any) -> Response:
    """A page by the name of its template."""
    html = _templates().get_template(name).render(style=_style(), **values)
    return Response(html, status, _headers(), "text/html")


def failed(status: int, title: str, what: str, headers: dict[str, str] | None = None) -> Response:
    """A page that says what went wrong and what to do."""
    response = page("message.html", status, title=title, text=what)
    response.headers.update(headers or {})
    return response


def unknown(status: int, what: str) -> Response:
    """What no page is there for, and failures of the server itself."""
    return failed(status, what, "Look at the address, or into the server's log.")


def _headers() -> dict[str, str]:
    style = b64encode(hashlib.sha256(_style().encode()).digest()).decode()
    allowed = f"style-src 'sha256-{style}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    return {
        "content-security-policy": f"default-src 'none'; {allowed}",
        "referrer-policy": "no-referrer",
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
        "cache-control": "no-store",
    }


def _setup_refused(_error: domain.SetupRefused) -> Response:
    text = (
        "It is not known, was used, is older than 24 hours, or there is an admin already. While there is none, "
        "`tailrace serve` prints a new link when it starts."
    )
    return failed(403, "This link does not work", text)


def _invalid(error: domain.Invalid) -> Response:
    return failed(400, "This cannot be", f"{error.where}: {error.why}")


def _malformed(error: domain.Malformed) -> Response:
    return failed(400, "This cannot be read", error.why)


def _too_large(_error: domain.TooLarge) -> Response:
    return failed(413, "This is too much", "Send the form as it is.")


def _unavailable(error: domain.Unavailable) -> Response:
    headers = {"retry-after": str(error.seconds)}
    return failed(503, "Not now", f"{error.why}. Try again in {error.seconds} s.", headers)


def _internal(_error: domain.TailraceError) -> Response:
    return unknown(500, "The server failed")


ERRORS: dict[type[domain.TailraceError], Callable[[Any], Response]] = {
    domain.SetupRefused: _setup_refused,
    domain.Invalid: _invalid,
    domain.Malformed: _malformed,
    domain.TooLarge: _too_large,
    domain.Unavailable: _unavailable,
    domain.TailraceError: _internal,
}
