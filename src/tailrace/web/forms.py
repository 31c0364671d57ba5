"""Forms: what a browser sends from a page of ours, read and, where a login session sends it, checked to be ours."""

from typing import Any
from urllib.parse import parse_qsl

import msgspec
from starlette.requests import Request

from tailrace.accounts.keys import csrf_token, same
from tailrace.model.errors import CsrfRefused, Malformed
from tailrace.web.auth import CSRF_HEADER, by_session
from tailrace.web.bodies import read_body
from tailrace.web.desk import Desk
from tailrace.web.pairs import read_pairs
from tailrace.web.sessions import COOKIE

MEDIA_TYPE = "application/x-www-form-urlencoded"
GUARD = "csrf"  # the field by which a form shows that a page of ours has made it
_MOST_BYTES = 1 << 20
_MOST_FIELDS = 10_000


class Form(msgspec.Struct, forbid_unknown_fields=True):
    """A form that has no fields but its guard."""


async def read_form(desk: Desk, request: Request, kind: type[msgspec.Struct], *, guarded: bool) -> Any:
    """A form as a document. A field that is left empty counts as not there.

    Raises:
        CsrfRefused: it is `guarded`, came with a login session, and not from a page that this session was given.
        Malformed, TooLarge, TooSlow, Invalid: it cannot be.
    """
    body = await read_body(request, _MOST_BYTES, desk.settings.ingest.body_timeout_ms)
    pairs = _pairs(body)
    guards = [text for name, text in pairs if name == GUARD] or [request.headers.get(CSRF_HEADER, "")]
    if guarded and by_session(request):
        wanted = csrf_token(desk.identity.secret, request.cookies[COOKIE])
        if not same(guards[0], wanted):
            raise CsrfRefused
    return read_pairs([(name, text) for name, text in pairs if name != GUARD and text], kind, "form")


def _pairs(body: bytes) -> list[tuple[str, str]]:
    """A form as browsers send it."""
    try:
        return parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=_MOST_FIELDS, errors="strict")
    except ValueError:
        raise Malformed("the form is damaged") from None
