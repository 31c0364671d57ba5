"""Deliveries of exports: how they stand, their log, and once more."""

from collections.abc import Sequence

from starlette.responses import Response

from tailrace.delivery.refusals import PATH, refuse
from tailrace.delivery.replay import find_delivery, of_export, replay
from tailrace.delivery.signing import key_of_space
from tailrace.exports.records import find_export
from tailrace.model.access import EVERYTHING
from tailrace.model.errors import AboveYou
from tailrace.surfaces.native.deliveries import delivery_document
from tailrace.surfaces.native.documents.deliveries import (
    DeliveriesDocument,
    DeliveryDocument,
    UnsubscribedDocument,
    UnsubscribeQuery,
    WebhookKeyDocument,
)
from tailrace.surfaces.native.render import json_response, secret_response
from tailrace.web.auditing import actor
from tailrace.web.operations import Call, Operation, Reply

READ, CREATE, KEYS = "exports.read", "exports.create", "apps.write"
_FORM = (
    '<!doctype html><html lang="en"><meta charset="utf-8"><title>Tailrace</title><body>'
    '<form method="post"><p>No more mail about exports to this address?</p><button>Unsubscribe</button></form>'
    "</body></html>"
)


def get_deliveries(call: Call) -> Response:
    """How the deliveries of an export stand, each with its log."""
    database = call.desk.database
    export = find_export(database, call.principal, call.path("id"))
    found = of_export(database, export.scope, export.id)
    return json_response(DeliveriesDocument([delivery_document(logged) for logged in found]))


def get_delivery(call: Call) -> Response:
    """How a delivery stands, and its log."""
    found = find_delivery(call.desk.database, call.principal, call.path("id"))
    return json_response(delivery_document(found))


def replay_delivery(call: Call) -> Response:
    """Deliver once more, to the same target: 202, and the new delivery."""
    desk = call.desk
    made = replay(desk.database, desk.submitter.ids, call.principal, call.path("id"), actor(call))
    desk.bell.ring()
    return json_response(delivery_document(made), 202)


async def get_webhook_key(call: Call) -> Response:
    """The key that webhooks of the space are signed with where they bring none."""
    if EVERYTHING not in call.principal.apps:
        raise AboveYou("all apps of the space")
    return secret_response(WebhookKeyDocument(key_of_space(call.desk.identity.secret, call.principal.space)))


async def show_unsubscribe(_: Call) -> Response:
    """The form behind the link in mail: nothing changes by looking at it."""
    headers = {"cache-control": "no-store", "content-security-policy": "default-src 'none'; form-action 'self'"}
    return Response(_FORM, 200, headers, "text/html")


def post_unsubscribe(call: Call) -> Response:
    """Send no more mail about exports of the space to the address of a link; mail programs do it by one click."""
    desk, query = call.desk, call.query
    secret = desk.identity.secret
    refuse(desk.database, secret, query.space, query.address, query.signature)
    return json_response(UnsubscribedDocument("unsubscribed"))


_ONE = "/v1/deliveries/{id}"

OPERATIONS: Sequence[Operation] = (
    Operation(
        "GET",
        "/v1/exports/{id}/deliveries",
        get_deliveries,
        {200: Reply("Its deliveries.", DeliveriesDocument)},
        scope=READ,
        errors=(404,),
        tag="deliveries",
    ),
    Operation(
        "GET",
        _ONE,
        get_delivery,
        {200: Reply("The delivery.", DeliveryDocument)},
        scope=READ,
        errors=(404,),
        tag="deliveries",
    ),
    Operation(
        "POST",
        f"{_ONE}:replay",
        replay_delivery,
        {202: Reply("The new delivery.", DeliveryDocument)},
        scope=CREATE,
        errors=(404,),
        tag="deliveries",
    ),
    Operation(
        "GET",
        "/v1/webhook-key",
        get_webhook_key,
        {200: Reply("The key.", WebhookKeyDocument)},
        scope=KEYS,
        tag="deliveries",
    ),
    Operation(
        "GET",
        PATH,
        show_unsubscribe,
        {200: Reply("A form.", media_type="text/html")},
        security="signed",
        query=UnsubscribeQuery,
        tag="deliveries",
    ),
    Operation(
        "POST",
        PATH,
        post_unsubscribe,
        {200: Reply("It gets no more.", UnsubscribedDocument)},
        security="signed",
        query=UnsubscribeQuery,
        errors=(401,),
        tag="deliveries",
    ),
)
