"""The caller: who it is, its password, its one token."""

from collections.abc import Sequence

from starlette.responses import Response

from tailrace.accounts.chosen import check_password
from tailrace.accounts.keys import csrf_token
from tailrace.accounts.logins import change_password
from tailrace.accounts.tokens import reset_user_token, user_token
from tailrace.accounts.users import find_user
from tailrace.surfaces.native.accounts import new_token_document, token_document, user_document
from tailrace.surfaces.native.documents.accounts import (
    MeDocument,
    NewTokenDocument,
    PasswordBody,
    SessionsDocument,
)
from tailrace.surfaces.native.render import json_response, secret_response
from tailrace.web.auditing import actor
from tailrace.web.operations import Call, Operation, Reply
from tailrace.web.sessions import COOKIE


def get_me(call: Call) -> Response:
    """Whoever calls: the user, what the credential may, and whether the user's one token exists."""
    return secret_response(_me(call))


def post_my_password(call: Call) -> Response:
    """Change the caller's password. The caller's other login sessions end."""
    new = check_password(call.body.password)
    ended = change_password(call.desk.database, call.principal, call.body.current, new)
    return json_response(SessionsDocument(ended))


def reset_my_token(call: Call) -> Response:
    """Make or replace the one token of the caller; it is shown this once, and the one before ends at once."""
    desk = call.desk
    secret = desk.identity.secret
    made = reset_user_token(desk.database, secret, call.principal, None, actor(call))
    return secret_response(new_token_document(made), 201)


def _me(call: Call) -> MeDocument:
    desk, principal = call.desk, call.principal
    user = user_document(find_user(desk.database, principal, principal.user))
    token = user_token(desk.database, principal)
    session = call.request.cookies.get(COOKIE, "")
    return MeDocument(
        **{name: getattr(user, name) for name in user.__struct_fields__},
        scopes=sorted(principal.scopes),
        granted=sorted(principal.apps),
        token=None if token is None else token_document(token),
        csrf=csrf_token(desk.identity.secret, session) if principal.kind == "login" else None,
    )


OPERATIONS: Sequence[Operation] = (
    Operation("GET", "/v1/me", get_me, {200: Reply("The caller.", MeDocument)}, tag="me"),
    Operation(
        "POST",
        "/v1/me/password",
        post_my_password,
        {200: Reply("How many other sessions have ended.", SessionsDocument)},
        body=PasswordBody,
        errors=(429,),
        tag="me",
    ),
    Operation(
        "POST",
        "/v1/me/token:reset",
        reset_my_token,
        {201: Reply("The new token.", NewTokenDocument)},
        scope="tokens.write",
        tag="me",
    ),
)
