"""Login sessions: in and out."""

from collections.abc import Sequence

from starlette.responses import Response

from tailrace.accounts.keys import csrf_token
from tailrace.accounts.logins import Credentials, sign_in, sign_out
from tailrace.model.clock import iso
from tailrace.model.errors import Unauthorized
from tailrace.model.ids import numbered
from tailrace.surfaces.native.documents.accounts import LoginBody, LoginDocument, SessionsDocument
from tailrace.surfaces.native.render import json_response
from tailrace.web.auditing import actor
from tailrace.web.auth import address
from tailrace.web.operations import Call, Operation, Reply
from tailrace.web.sessions import check_origin, give_session, take_session


def post_login(call: Call) -> Response:
    """Sign in by e-mail and password: a session in a cookie."""
    desk, body = call.desk, call.body
    check_origin(desk, call.request)
    shown = Credentials(body.email, body.password, body.space, address(call.request))
    secret, life_ms = desk.identity.secret, desk.settings.logins.life_ms
    session = sign_in(desk.database, secret, shown, life_ms)
    user = numbered("usr", session.principal.user)
    response = json_response(LoginDocument(csrf_token(secret, session.text), iso(session.expires_at), user))
    give_session(desk, call.request, response, session.text, life_ms)
    return response


def post_logout(call: Call) -> Response:
    """Sign out: the session of the cookie ends at once."""
    if call.principal.kind != "login":  # a token has no session to end
        raise Unauthorized
    return _sign_out(call, everywhere=False)


def post_logout_everywhere(call: Call) -> Response:
    """Sign out everywhere: all login sessions of the caller end at once."""
    return _sign_out(call, everywhere=True)


def _sign_out(call: Call, *, everywhere: bool) -> Response:
    database = call.desk.database
    ended = sign_out(database, call.principal, actor(call), everywhere=everywhere)
    response = json_response(SessionsDocument(ended))
    take_session(call.desk, call.request, response)
    return response


_OUT = {200: Reply("How many sessions have ended.", SessionsDocument)}

OPERATIONS: Sequence[Operation] = (
    Operation(
        "POST",
        "/v1/login",
        post_login,
        {200: Reply("Signed in.", LoginDocument, headers={"set-cookie": "The session."})},
        security="none",
        body=LoginBody,
        errors=(401, 403, 429),
        tag="logins",
    ),
    Operation("POST", "/v1/logout", post_logout, _OUT, tag="logins"),
    Operation("POST", "/v1/logout:everywhere", post_logout_everywhere, _OUT, scope="tokens.write", tag="logins"),
)
