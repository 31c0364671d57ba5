"""Apps: list, make, look, rename, new keys; their events by name."""

from collections.abc import Sequence

from starlette.responses import Response

from tailrace.accounts import apps
from tailrace.accounts.lookup import scope_for
from tailrace.reports.blocking import block_event, list_events
from tailrace.store.catalogue import KnownEvent
from tailrace.surfaces.native.accounts import app_document, event_document
from tailrace.surfaces.native.documents.accounts import (
    AppBody,
    AppChangeBody,
    AppDocument,
    AppsDocument,
    EventChangeBody,
    EventDocument,
    EventsDocument,
    KeyBody,
    KeyDocument,
)
from tailrace.surfaces.native.render import json_response, secret_response
from tailrace.web.auditing import actor
from tailrace.web.operations import Call, Operation, Reply
from tailrace.web.paging import PageQuery, before, cut

READ, WRITE = "apps.read", "apps.write"


def get_apps(call: Call) -> Response:
    """List apps that the caller may see, newest first."""
    query, first = call.query, before("apps", call.query)
    found = apps.list_apps(call.desk.database, call.principal, before=first, most=query.limit + 1)
    shown, after = cut("apps", found, query)
    return secret_response(AppsDocument([app_document(app) for app in shown], after))


def post_app(call: Call) -> Response:
    """Make an app with a write key and an API key; it takes events at once. Whoever may see its keys is told them."""
    desk, body = call.desk, call.body
    made = apps.make_app(desk.database, desk.apps, call.principal, body.id, body.name, actor(call))
    return secret_response(app_document(made), 201)


def get_app(call: Call) -> Response:
    """An app, with its keys for whoever may make new ones."""
    found = apps.find_app(call.desk.database, call.principal, call.path("id"))
    return secret_response(app_document(found))


def patch_app(call: Call) -> Response:
    """Give an app another name."""
    database, name = call.desk.database, call.body.name
    found = apps.rename_app(database, call.principal, call.path("id"), name, actor(call))
    return secret_response(app_document(found))


def rotate_key(call: Call) -> Response:
    """Make a new key of an app; the one before is void at once."""
    desk, app, key = call.desk, call.path("id"), call.body.key
    value = apps.rotate_key(desk.database, desk.identity.secret, call.principal, app, key, actor(call))
    return secret_response(KeyDocument(app, key, value), 201)


def get_app_events(call: Call) -> Response:
    """List event names that an app has sent, newest first. They are known once they are sealed."""
    query, first = call.query, before("events", call.query)
    found = _events(call, first, query.limit + 1)
    shown, after = cut("events", found, query)
    return json_response(EventsDocument([event_document(event) for event in shown], after))


def patch_app_event(call: Call) -> Response:
    """Block an event, or let it be seen again, in dialects that know of blocked events."""
    return json_response(event_document(_blocked(call)))


def _events(call: Call, first: int | None, most: int) -> list[KnownEvent]:
    database = call.desk.database
    return list_events(database, scope_for(database, call.principal, call.path("id")), before=first, most=most)


def _blocked(call: Call) -> KnownEvent:
    database, body = call.desk.database, call.body
    scope = scope_for(database, call.principal, call.path("id"))
    return block_event(database, scope, body.name, actor(call), blocked=body.blocked)


_ALL, _ONE = "/v1/apps", "/v1/apps/{id}"
_EVENTS = f"{_ONE}/events"
_APP = {200: Reply("The app.", AppDocument)}

OPERATIONS: Sequence[Operation] = (
    Operation("GET", _ALL, get_apps, {200: Reply("Apps.", AppsDocument)}, scope=READ, query=PageQuery, tag="apps"),
    Operation(
        "POST",
        _ALL,
        post_app,
        {201: Reply("The new app.", AppDocument)},
        scope=WRITE,
        body=AppBody,
        errors=(409,),
        tag="apps",
    ),
    Operation("GET", _ONE, get_app, _APP, scope=READ, errors=(404,), tag="apps"),
    Operation("PATCH", _ONE, patch_app, _APP, scope=WRITE, body=AppChangeBody, errors=(404,), tag="apps"),
    Operation(
        "POST",
        f"{_ONE}/keys:rotate",
        rotate_key,
        {201: Reply("The new key.", KeyDocument)},
        scope=apps.KEYS_SCOPE,
        body=KeyBody,
        errors=(404,),
        tag="apps",
    ),
    Operation(
        "GET",
        _EVENTS,
        get_app_events,
        {200: Reply("Events by name.", EventsDocument)},
        scope=READ,
        query=PageQuery,
        errors=(404,),
        tag="apps",
    ),
    Operation(
        "PATCH",
        _EVENTS,
        patch_app_event,
        {200: Reply("The event.", EventDocument)},
        scope=WRITE,
        body=EventChangeBody,
        errors=(404,),
        tag="apps",
    ),
)
