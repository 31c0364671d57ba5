"""Pages: templates filled in, sent so that they load nothing from elsewhere and tell nobody else where they were."""

import hashlib
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any, Literal

from jinja2 import Environment, PackageLoader, StrictUndefined
from msgspec import Struct
from starlette.responses import RedirectResponse, Response

from tailrace.accounts.keys import csrf_token
from tailrace.model.access import EVERYTHING
from tailrace.portal import wording
from tailrace.web.forms import Form
from tailrace.web.operations import Call, Handler, Operation, Reply
from tailrace.web.sessions import COOKIE

HOME = "/portal"
STATIC = "/portal/static"
PAGE = Reply("The page.", media_type="text/html")
SENT = Reply("Done; the page that shows it follows.", media_type="text/html")
_TAKEN: Mapping[int, Reply] = {303: SENT}
# What a browser tells of where it comes from: ours needs it to know its own forms, a set-up link must never be told.
Referrer = Literal["same-origin", "no-referrer"]

_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)


class Viewer(Struct, frozen=True):
    """Who looks at a page: e-mail, role, what they may, the guard of their forms; `signed_in` if by a session."""

    who: str
    role: str
    scopes: frozenset[str]
    every_app: bool
    csrf: str
    signed_in: bool


def page(name: str, status: int = 200, referrer: Referrer = "same-origin", **values: Any) -> Response:
    """A page by the name of its template."""
    html = _templates().get_template(name).render(**values)
    return Response(html, status, headers(referrer), "text/html")


def show(call: Call, name: str, here: str, status: int = 200, **values: Any) -> Response:
    """A page for whoever calls, with the ways to the others; `here` is the name of this one among them."""
    return page(name, status, viewer=viewer(call), here=here, **values)


def seen(where: str) -> Response:
    """What answers a form that was taken: the page to go on with."""
    return RedirectResponse(where, 303, headers("same-origin"))


def sends(
    path: str,
    handler: Handler,
    *,
    scope: str | None = None,
    form: type[Form] = Form,
    answers: Mapping[int, Reply] = _TAKEN,
    errors: Sequence[int] = (),
) -> Operation:
    """What a form of a page is sent to. It answers with the page to go on with, unless `answers` says otherwise."""
    return Operation("POST", path, handler, answers, scope=scope, security="form", form=form, errors=errors)


def viewer(call: Call) -> Viewer:
    """Whoever calls."""
    principal, session = call.principal, call.request.cookies.get(COOKIE, "")
    guard = csrf_token(call.desk.identity.secret, session)
    every = EVERYTHING in principal.apps
    return Viewer(principal.who, principal.role, principal.scopes, every, guard, principal.kind == "login")


def headers(referrer: Referrer) -> dict[str, str]:
    """The headers of every page."""
    return {
        "content-security-policy": _POLICY,
        "referrer-policy": referrer,
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
        "cache-control": "no-store",
    }


@cache
def version_of(name: str) -> str:
    """A short text that changes with the content of a static file, so that browsers may keep it for long."""
    return hashlib.sha256(content_of(name)).hexdigest()[:12]


@cache
def content_of(name: str) -> bytes:
    """A static file. Raises FileNotFoundError."""
    return files("tailrace.portal").joinpath("static", *name.split("/")).read_bytes()


def _static(name: str) -> str:
    return f"{STATIC}/{name}?v={version_of(name)}"


@cache
def _templates() -> Environment:
    made = Environment(
        loader=PackageLoader("tailrace.portal"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    known: Mapping[str, Any] = wording.FILTERS
    made.filters.update(known)
    made.globals["static"] = _static
    return made
