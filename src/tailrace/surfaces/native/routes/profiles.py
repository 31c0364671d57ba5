"""Profiles of the users of an app: look, set."""

from collections.abc import Sequence

import msgspec
from starlette.responses import Response

from tailrace.accounts.lookup import scope_for
from tailrace.ingest.editing import Known, look_up, set_profile
from tailrace.model.errors import NotFound
from tailrace.model.hashing import actor_hash
from tailrace.surfaces.native.documents.profiles import ProfileBody, ProfileDocument, ProfileQuery
from tailrace.surfaces.native.render import json_response
from tailrace.web.auditing import actor
from tailrace.web.operations import Call, Operation, Reply


def get_profile(call: Call) -> Response:
    """What is known of a user: what senders said, under what was set."""
    return json_response(_look_up(call))


def patch_profile(call: Call) -> Response:
    """Set what is known of a user, whatever senders say. Exports that are asked for from then on see it."""
    return json_response(_set(call))


def _look_up(call: Call) -> ProfileDocument:
    database, app = call.desk.database, call.path("id")
    scope = scope_for(database, call.principal, app)
    who = call.query.actor
    try:
        return _document(app, who, look_up(database, scope, actor_hash(app, who)))
    except NotFound:
        raise NotFound("profile", who) from None


def _set(call: Call) -> ProfileDocument:
    database, app, body = call.desk.database, call.path("id"), call.body
    scope = scope_for(database, call.principal, app)
    change = msgspec.to_builtins(body.set)
    known = set_profile(database, scope, actor_hash(app, body.actor), change, actor(call))
    return _document(app, body.actor, known)


def _document(app: str, who: str, known: Known) -> ProfileDocument:
    return ProfileDocument(app, who, known.seq, known.number, known.user_id, dict(known.profile), dict(known.set))


_PATH = "/v1/apps/{id}/profiles"
_SHOWN = {200: Reply("What is known of the user.", ProfileDocument)}

OPERATIONS: Sequence[Operation] = (
    Operation(
        "GET", _PATH, get_profile, _SHOWN, scope="profiles.read", query=ProfileQuery, errors=(404,), tag="profiles"
    ),
    Operation(
        "PATCH", _PATH, patch_profile, _SHOWN, scope="profiles.write", body=ProfileBody, errors=(404,), tag="profiles"
    ),
)
