"""Exports for generic bulk clients: the flow of the FHIR Bulk Data Access guide over the same exports as any other."""

from collections.abc import Sequence

from starlette.responses import Response

from tailrace.accounts.lookup import scope_for
from tailrace.exports.cancelling import find_wanted, withdraw_export
from tailrace.exports.submit import submit
from tailrace.model.access import Scope
from tailrace.model.errors import ExportFailed
from tailrace.model.export import ExportRequest
from tailrace.surfaces.native.bulk import (
    PATH,
    bulk_document,
    bulk_request,
    check_prefer,
    expires_header,
    progress_header,
)
from tailrace.surfaces.native.documents.bulk import BulkDocument, BulkQuery
from tailrace.surfaces.native.render import json_response
from tailrace.surfaces.native.routes.exports import CREATE, POLL, POLL_S, READ, links_for
from tailrace.web.operations import Call, Operation, Reply


def kick_off(call: Call) -> Response:
    """Ask for an export of what is there now: 202, and where its status is. HEAD asks for nothing."""
    check_prefer(call.request)
    scope, asked = _read(call, call.query)
    if call.request.method == "HEAD":
        return Response(status_code=202)
    export = submit(call.desk.submitter, call.principal, scope, asked)
    call.desk.bell.ring()
    return Response(None, 202, {"content-location": f"{call.desk.base_url(call.request)}{PATH}/{export.id}"})


def get_bulk(call: Call) -> Response:
    """202 with its progress while the export is made, then its files."""
    export = find_wanted(call.desk.database, call.principal, call.path("id"))
    if export.state == "failed":
        raise ExportFailed(export.error or "")
    if export.state != "succeeded":
        return Response(None, 202, {"x-progress": progress_header(export), "retry-after": str(POLL_S)})
    links = links_for(call)
    return json_response(bulk_document(export, links), headers=expires_header(export))


def delete_bulk(call: Call) -> Response:
    """Say that nobody wants the export any more: it is cancelled, or its files expire. It is 404 here from then on."""
    _withdraw(call, call.path("id"))
    return Response(status_code=202)


def _read(call: Call, asked: BulkQuery) -> tuple[Scope, ExportRequest]:
    database = call.desk.database
    scope = scope_for(database, call.principal, asked.app)
    with database.read() as connection:
        now = database.now(connection)
    return scope, bulk_request(asked, now)


def _withdraw(call: Call, export_id: str) -> None:
    find_wanted(call.desk.database, call.principal, export_id)
    withdraw_export(call.desk.database, call.principal, export_id)


OPERATIONS: Sequence[Operation] = (
    Operation(
        "GET",
        PATH,
        kick_off,
        {202: Reply("The export is queued.", headers={"content-location": "Where its status is."})},
        scope=CREATE,
        query=BulkQuery,
        headers={"prefer": "`respond-async`; nothing else is possible."},
        errors=(404, 429),
        tag="bulk",
    ),
    Operation(
        "GET",
        f"{PATH}/{{id}}",
        get_bulk,
        {
            200: Reply("Its files.", BulkDocument, headers={"expires": "Until when they are kept."}),
            202: Reply("It is not there yet.", headers=POLL | {"x-progress": "How far it is."}),
        },
        scope=READ,
        errors=(404, 500),
        tag="bulk",
    ),
    Operation(
        "DELETE",
        f"{PATH}/{{id}}",
        delete_bulk,
        {202: Reply("It is cancelled, or its files expire.")},
        scope=CREATE,
        errors=(404,),
        tag="bulk",
    ),
)
