"""Credentials as they arrive: in the Authorization header, or as the cookie of a login session."""

import base64

from msgspec.structs import replace
from starlette.requests import Request

from tailrace.accounts.keys import csrf_token, same
from tailrace.accounts.logins import Credentials, principal_of_login
from tailrace.accounts.lookup import principal_of_token
from tailrace.accounts.token_rows import SESSIONS
from tailrace.model.access import Principal
from tailrace.model.errors import CsrfRefused, Unauthorized
from tailrace.web.desk import Desk
from tailrace.web.sessions import COOKIE, check_origin

CSRF_HEADER = "x-csrf-token"
_SAFE = ("GET", "HEAD", "OPTIONS")


def authenticate(desk: Desk, request: Request) -> Principal:
    """Whoever makes a request, by its token, else by its cookie.

    Raises:
        Unauthorized: no credential, or one that is not known.
        CsrfRefused: a cookie came with a request that changes something, and not from a page of ours.
        TooSoon: the token comes more often than it may.
    """
    found = authenticate_form(desk, request)
    if by_session(request) and request.method not in _SAFE:
        guard = csrf_token(desk.identity.secret, request.cookies[COOKIE])
        if not same(request.headers.get(CSRF_HEADER, ""), guard):
            raise CsrfRefused
    return found


def authenticate_form(desk: Desk, request: Request) -> Principal:
    """The same for a form, whose guard is one of its fields: reading the form looks at it.

    Raises:
        Unauthorized, CsrfRefused, TooSoon: as `authenticate`.
    """
    if by_session(request):
        found = _by_cookie(desk, request, request.cookies[COOKIE])
    else:
        found = principal_of_token(desk.database, desk.identity.secret, bearer(request))
    return replace(found, address=address(request))


def by_session(request: Request) -> bool:
    """Whether a request comes with the cookie of a login session, and with no other credential."""
    return "authorization" not in request.headers and COOKIE in request.cookies


def authenticate_or_login(desk: Desk, request: Request) -> Principal:
    """The same, or a user by e-mail and password as Basic.

    Raises:
        Unauthorized, CsrfRefused, TooSoon: as `authenticate`.
        Locked: too many wrong passwords.
    """
    if _scheme(request) != "basic":
        return authenticate(desk, request)
    email, password = basic(request)
    found = principal_of_login(desk.database, Credentials(email, password, address=address(request)))
    return replace(found, address=address(request))


def authenticate_or_query(desk: Desk, request: Request) -> Principal:
    """The same, or whose token is the parameter ``token`` of the query, where no header brings one.

    Raises:
        Unauthorized, CsrfRefused, TooSoon: as `authenticate`.
    """
    token = request.query_params.get("token")
    if token is None or "authorization" in request.headers:
        return authenticate(desk, request)
    found = principal_of_token(desk.database, desk.identity.secret, token)
    return replace(found, address=address(request))


def authenticate_by_key(desk: Desk, request: Request) -> Principal:
    """Whoever's token stands raw after ``Basic`` (or ``Bearer``): it is never decoded, whatever it looks like.

    Raises:
        Unauthorized: there is none, or it is not known.
        TooSoon: the token comes more often than it may.
    """
    _, _, token = request.headers.get("authorization", "").partition(" ")
    if _scheme(request) not in ("basic", "bearer") or not token.strip():
        raise Unauthorized
    found = principal_of_token(desk.database, desk.identity.secret, token.strip())
    return replace(found, address=address(request))


def address(request: Request) -> str:
    """Where a request comes from; proxies that are trusted (`trusted_proxies`) are believed what they say of that."""
    return request.client.host if request.client else ""


def bearer(request: Request) -> str:
    """The token of ``Authorization: Bearer …``.

    Raises:
        Unauthorized: there is none.
    """
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Unauthorized
    return token.strip()


def basic(request: Request) -> tuple[str, str]:
    """User name and password of ``Authorization: Basic …``.

    Raises:
        Unauthorized: there are none.
    """
    text = request.headers.get("authorization", "").partition(" ")[2]
    try:
        name, _, password = base64.b64decode(text.strip(), validate=True).decode().partition(":")
    except ValueError:  # not Base64, not ASCII, or not UTF-8 inside
        raise Unauthorized from None
    if _scheme(request) != "basic" or not name:
        raise Unauthorized
    return name, password


def key(request: Request) -> str:
    """A key given as Bearer, or as the user name of Basic.

    Raises:
        Unauthorized: there is none.
    """
    return basic(request)[0] if _scheme(request) == "basic" else bearer(request)


def _scheme(request: Request) -> str:
    return request.headers.get("authorization", "").partition(" ")[0].lower()


def _by_cookie(desk: Desk, request: Request, session: str) -> Principal:
    secret, idle_ms = desk.identity.secret, desk.settings.logins.idle_ms
    principal = principal_of_token(desk.database, secret, session, SESSIONS, idle_ms)
    if request.method not in _SAFE:
        check_origin(desk, request)
    return principal
