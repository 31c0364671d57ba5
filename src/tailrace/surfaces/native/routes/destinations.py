"""Destinations: make, list and delete targets that the space keeps for its deliveries."""

from collections.abc import Sequence

from starlette.responses import Response

from tailrace.delivery import destinations
from tailrace.surfaces.native.deliveries import destination_document, wanted_delivery
from tailrace.surfaces.native.documents.deliveries import DestinationBody, DestinationDocument, DestinationsDocument
from tailrace.surfaces.native.render import json_response
from tailrace.web.auditing import actor
from tailrace.web.operations import Call, Operation, Reply
from tailrace.web.paging import PageQuery, before, cut

CREATE = "exports.create"


def get_destinations(call: Call) -> Response:
    """List destinations, newest first, without their secrets."""
    query = call.query
    found = destinations.list_destinations(
        call.desk.database,
        call.principal,
        before=before("destinations", query),
        most=query.limit + 1,
    )
    shown, after = cut("destinations", found, query)
    return json_response(DestinationsDocument([destination_document(one) for one in shown], after))


def post_destination(call: Call) -> Response:
    """Keep a target under a name; its secrets are encrypted, and never shown again."""
    desk, body = call.desk, call.body
    made = destinations.make_destination(
        desk.database,
        desk.submitter.reception,
        call.principal,
        body.name,
        wanted_delivery(body.target, "", ""),
        actor(call),
    )
    return json_response(destination_document(made), 201)


def delete_destination(call: Call) -> Response:
    """Forget a destination and its secrets; deliveries to it that have not ended fail."""
    gone = destinations.delete_destination(call.desk.database, call.principal, call.path("name"), actor(call))
    return json_response(destination_document(gone))


_ALL = "/v1/destinations"

OPERATIONS: Sequence[Operation] = (
    Operation(
        "GET",
        _ALL,
        get_destinations,
        {200: Reply("A page of destinations.", DestinationsDocument)},
        scope=CREATE,
        query=PageQuery,
        tag="deliveries",
    ),
    Operation(
        "POST",
        _ALL,
        post_destination,
        {201: Reply("The destination.", DestinationDocument)},
        scope=destinations.WRITE,
        body=DestinationBody,
        errors=(409,),
        tag="deliveries",
    ),
    Operation(
        "DELETE",
        f"{_ALL}/{{name}}",
        delete_destination,
        {200: Reply("What it was.", DestinationDocument)},
        scope=destinations.WRITE,
        errors=(404,),
        tag="deliveries",
    ),
)
