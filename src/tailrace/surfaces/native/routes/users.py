"""Users: list, make, look, change, disable."""

from collections.abc import Sequence

from starlette.responses import Response

from tailrace.accounts import users
from tailrace.accounts.tokens import reset_user_token
from tailrace.accounts.users import UserChange, WantedUser
from tailrace.surfaces.native.accounts import new_token_document, user_document, user_number
from tailrace.surfaces.native.documents.accounts import (
    NewTokenDocument,
    UserBody,
    UserChangeBody,
    UserDocument,
    UsersDocument,
)
from tailrace.surfaces.native.render import json_response, secret_response
from tailrace.web.auditing import actor
from tailrace.web.operations import Call, Operation, Reply
from tailrace.web.paging import PageQuery, before, cut

READ, WRITE = "users.read", "users.write"


def get_users(call: Call) -> Response:
    """List users of the space, newest first."""
    query, first = call.query, before("users", call.query)
    found = users.list_users(call.desk.database, call.principal, before=first, most=query.limit + 1)
    shown, after = cut("users", found, query)
    return json_response(UsersDocument([user_document(user) for user in shown], after))


def post_user(call: Call) -> Response:
    """Make a user who can no more than whoever asks."""
    body = call.body
    wanted = WantedUser(body.email, body.role, body.kind, body.apps, body.password)
    made = users.make_user(call.desk.database, call.principal, wanted, actor(call))
    return json_response(user_document(made), 201)


def get_user(call: Call) -> Response:
    """A user of the space."""
    number = user_number(call.path("id"))
    return json_response(user_document(users.find_user(call.desk.database, call.principal, number)))


def patch_user(call: Call) -> Response:
    """Change role, apps, password, state or withheld rights of a user who is not above whoever asks."""
    body = call.body
    return _change(call, UserChange(body.role, body.apps, body.password, body.disabled, body.withheld))


def delete_user(call: Call) -> Response:
    """Disable a user: tokens and logins stop at once. What the user did keeps the name."""
    return _change(call, UserChange(disabled=True))


def reset_token(call: Call) -> Response:
    """Make or replace the one token of a user; it is shown this once, and the one before ends at once."""
    desk, number = call.desk, user_number(call.path("id"))
    secret = desk.identity.secret
    made = reset_user_token(desk.database, secret, call.principal, number, actor(call))
    return secret_response(new_token_document(made), 201)


def _change(call: Call, change: UserChange) -> Response:
    database, number = call.desk.database, user_number(call.path("id"))
    changed = users.change_user(database, call.principal, number, change, actor(call))
    return json_response(user_document(changed))


_ALL, _ONE = "/v1/users", "/v1/users/{id}"
_USER = {200: Reply("The user.", UserDocument)}

OPERATIONS: Sequence[Operation] = (
    Operation(
        "GET",
        _ALL,
        get_users,
        {200: Reply("Users.", UsersDocument)},
        scope=READ,
        query=PageQuery,
        tag="users",
    ),
    Operation(
        "POST",
        _ALL,
        post_user,
        {201: Reply("The new user.", UserDocument)},
        scope=WRITE,
        body=UserBody,
        errors=(409,),
        tag="users",
    ),
    Operation("GET", _ONE, get_user, _USER, scope=READ, errors=(404,), tag="users"),
    Operation("PATCH", _ONE, patch_user, _USER, scope=WRITE, body=UserChangeBody, errors=(404, 409), tag="users"),
    Operation("DELETE", _ONE, delete_user, _USER, scope=WRITE, errors=(404, 409), tag="users"),
    Operation(
        "POST",
        f"{_ONE}/token:reset",
        reset_token,
        {201: Reply("The new token.", NewTokenDocument)},
        scope=WRITE,
        errors=(404,),
        tag="users",
    ),
)
