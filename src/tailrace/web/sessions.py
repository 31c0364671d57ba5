"""The cookie of a login session, and pages that may not use it."""

from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

from tailrace.model.errors import CsrfRefused
from tailrace.web.desk import Desk

COOKIE = "tailrace_session"


def give_session(desk: Desk, request: Request, response: Response, session: str, life_ms: int) -> None:
    """Put a session into a cookie that no script can read and no other site's form can send."""
    secure = is_secure(desk, request)
    response.set_cookie(COOKIE, session, max_age=life_ms // 1000, httponly=True, samesite="lax", secure=secure)
    response.headers["cache-control"] = "no-store"


def take_session(desk: Desk, request: Request, response: Response) -> None:
    """Have the cookie forgotten."""
    response.delete_cookie(COOKIE, httponly=True, samesite="lax", secure=is_secure(desk, request))


def is_secure(desk: Desk, request: Request) -> bool:
    """Whether people reach this server by https, as far as it knows."""
    return "https" in (request.url.scheme, urlsplit(desk.settings.public_url).scheme)


def check_origin(desk: Desk, request: Request) -> None:
    """Make sure that a browser sends this from a page of ours; what is no browser sends no Origin.

    Raises:
        CsrfRefused: it comes from another page.
    """
    origin = request.headers.get("origin")
    base = urlsplit(desk.base_url(request))
    if origin is not None and origin != f"{base.scheme}://{base.netloc}":
        raise CsrfRefused
