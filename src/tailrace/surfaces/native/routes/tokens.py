"""Tokens."""

from collections.abc import Sequence

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from tailrace.accounts.tokens import token_for_login
from tailrace.surfaces.native.documents.accounts import TokenDocument
from tailrace.surfaces.native.render import json_response
from tailrace.web.auth import basic
from tailrace.web.operations import Call, Operation, Reply


async def post_token(call: Call) -> Response:
    """Exchange an admin's login for a token with every right of the space; it is shown this once."""
    email, password = basic(call.request)
    token = await run_in_threadpool(token_for_login, call.desk.database, call.desk.identity.secret, email, password)
    return json_response(TokenDocument(token), 201)


OPERATIONS: Sequence[Operation] = (
    Operation(
        "POST",
        "/v1/tokens",
        post_token,
        {201: Reply("The new token.", TokenDocument)},
        security="login",
        tag="tokens",
    ),
)
