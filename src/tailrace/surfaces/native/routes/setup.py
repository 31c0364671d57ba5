"""First start: the first admin, by a set-up link."""

from collections.abc import Sequence

from starlette.responses import Response

from tailrace.accounts.setup import complete_setup
from tailrace.surfaces.native.documents.accounts import SetupBody, SetupDocument
from tailrace.surfaces.native.render import json_response
from tailrace.web.auth import address
from tailrace.web.operations import Call, Operation, Reply


def post_setup(call: Call) -> Response:
    """Make the first admin with the token of a set-up link, which works once."""
    desk, body = call.desk, call.body
    values = body.token, body.email, body.password, body.space, address(call.request)
    user = complete_setup(desk.database, desk.identity, *values)
    return json_response(SetupDocument(user, body.space), 201)


OPERATIONS: Sequence[Operation] = (
    Operation(
        "POST",
        "/v1/setup",
        post_setup,
        {201: Reply("The first admin.", SetupDocument)},
        security="none",
        body=SetupBody,
        errors=(403, 409),
        tag="setup",
    ),
)
