"""Credentials as they arrive in the Authorization header."""

import base64

from starlette.requests import Request

from tailrace.accounts.lookup import principal_of_token
from tailrace.model.access import Principal
from tailrace.model.errors import Unauthorized
from tailrace.web.desk import Desk


def authenticate(desk: Desk, request: Request) -> Principal:
    """Whoever makes a request, by its token.

    Raises:
        Unauthorized: no credential, or one that is not known.
    """
    return principal_of_token(desk.database, desk.identity.secret, bearer(request))


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
    scheme, _, text = request.headers.get("authorization", "").partition(" ")
    try:
        name, _, password = base64.b64decode(text.strip(), validate=True).decode().partition(":")
    except ValueError:  # not Base64, not ASCII, or not UTF-8 inside
        raise Unauthorized from None
    if scheme.lower() != "basic" or not name:
        raise Unauthorized
    return name, password


def key(request: Request) -> str:
    """A key given as Bearer, or as the user name of Basic.

    Raises:
        Unauthorized: there is none.
    """
    scheme = request.headers.get("authorization", "").partition(" ")[0].lower()
    return basic(request)[0] if scheme == "basic" else bearer(request)
