"""Tokens: list, make, look, give a new text, revoke."""

from collections.abc import Sequence

from starlette.responses import Response

from tailrace.accounts import tokens
from tailrace.surfaces.native.accounts import (
    new_token_document,
    token_document,
    token_number,
    user_number,
    wanted_token,
)
from tailrace.surfaces.native.documents.accounts import (
    NewTokenDocument,
    RefreshBody,
    TokenBody,
    TokenDocument,
    TokensDocument,
    TokensQuery,
)
from tailrace.surfaces.native.render import json_response, secret_response
from tailrace.web.auditing import actor
from tailrace.web.operations import Call, Operation, Reply
from tailrace.web.paging import before, cut

WRITE = "tokens.write"


def get_tokens(call: Call) -> Response:
    """List tokens that work, newest first; with `ended` those too that do not any more."""
    query, user = call.query, call.query.user
    found = tokens.list_tokens(
        call.desk.database,
        call.principal,
        user=None if user is None else user_number(user),
        ended=query.ended,
        before=before("tokens", query),
        most=query.limit + 1,
    )
    shown, after = cut("tokens", found, query)
    return json_response(TokensDocument([token_document(token) for token in shown], after))


def post_token(call: Call) -> Response:
    """Make a token that can no more than whoever asks: another token, or a user by password. It is shown this once."""
    desk = call.desk
    wanted, secret = wanted_token(call.body), desk.identity.secret
    made = tokens.make_token(desk.database, secret, call.principal, wanted, actor(call))
    return secret_response(new_token_document(made), 201)


def get_token(call: Call) -> Response:
    """A token without its text."""
    number = token_number(call.path("id"))
    found = tokens.find_token(call.desk.database, call.principal, number)
    return json_response(token_document(found))


def refresh_token(call: Call) -> Response:
    """Give a token a new text, shown this once, and a new id; the old ones end at once, or after a grace."""
    desk = call.desk
    number, grace_ms = token_number(call.path("id")), call.body.grace * 1000
    made = tokens.refresh_token(desk.database, desk.identity.secret, call.principal, number, grace_ms, actor(call))
    return secret_response(new_token_document(made), 201)


def delete_token(call: Call) -> Response:
    """Revoke a token: it ends at once."""
    number = token_number(call.path("id"))
    found = tokens.revoke_token(call.desk.database, call.principal, number, actor(call))
    return json_response(token_document(found))


_ALL, _ONE = "/v1/tokens", "/v1/tokens/{id}"
_MADE = {201: Reply("The new token.", NewTokenDocument)}
_TOKEN = {200: Reply("The token.", TokenDocument)}

OPERATIONS: Sequence[Operation] = (
    Operation(
        "GET",
        _ALL,
        get_tokens,
        {200: Reply("Tokens.", TokensDocument)},
        scope=WRITE,
        query=TokensQuery,
        errors=(404,),
        tag="tokens",
    ),
    Operation(
        "POST",
        _ALL,
        post_token,
        _MADE,
        scope=WRITE,
        security="token_or_login",
        body=TokenBody,
        errors=(404, 429),
        tag="tokens",
    ),
    Operation("GET", _ONE, get_token, _TOKEN, scope=WRITE, errors=(404,), tag="tokens"),
    Operation("DELETE", _ONE, delete_token, _TOKEN, scope=WRITE, errors=(404,), tag="tokens"),
    Operation(
        "POST",
        f"{_ONE}:refresh",
        refresh_token,
        _MADE,
        scope=WRITE,
        body=RefreshBody,
        errors=(404,),
        tag="tokens",
    ),
)
