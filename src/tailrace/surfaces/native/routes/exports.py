"""Exports: ask, look, cancel, and the manifest."""

from collections.abc import Sequence

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from tailrace.accounts.lookup import scope_for
from tailrace.exports.cancelling import cancel_export
from tailrace.exports.records import check_succeeded, find_export
from tailrace.exports.submit import submit
from tailrace.surfaces.native.documents.exports import ExportBody, ExportDocument, ManifestDocument
from tailrace.surfaces.native.links import new_links
from tailrace.surfaces.native.parse import export_request
from tailrace.surfaces.native.render import export_document, json_response, manifest_document
from tailrace.web.operations import Call, Operation, Reply

CREATE, READ = "exports.create", "exports.read"
_POLL_S = 1


async def post_export(call: Call) -> Response:
    """Ask for an export: 202, and where to look for it."""
    asked, desk = export_request(call.body), call.desk
    scope = await run_in_threadpool(scope_for, desk.database, call.principal, asked.app)
    export = await run_in_threadpool(submit, desk.submitter, call.principal, scope, asked)
    desk.bell.ring()
    location = f"{desk.base_url(call.request)}/v1/exports/{export.id}"
    return json_response(export_document(export), 202, {"location": location, "retry-after": str(_POLL_S)})


async def get_export(call: Call) -> Response:
    """State and progress of an export."""
    export = await run_in_threadpool(find_export, call.desk.database, call.principal, call.path("id"))
    waiting = export.state in ("queued", "running")
    return json_response(export_document(export), headers={"retry-after": str(_POLL_S)} if waiting else None)


async def delete_export(call: Call) -> Response:
    """Cancel an export: 202 while a worker still has to let go of it, 200 when it has ended, as it then is."""
    export = await run_in_threadpool(cancel_export, call.desk.database, call.principal, call.path("id"))
    if export.state in ("queued", "running"):
        return json_response(export_document(export), 202, {"retry-after": str(_POLL_S)})
    return json_response(export_document(export))


async def get_manifest(call: Call) -> Response:
    """The manifest of an export that has succeeded, with links that are good for a while."""
    export = await run_in_threadpool(find_export, call.desk.database, call.principal, call.path("id"))
    check_succeeded(export)
    desk = call.desk
    links = await run_in_threadpool(new_links, desk.database, desk.identity.secret, desk.base_url(call.request))
    return json_response(manifest_document(export, links))


_ONE = "/v1/exports/{id}"
_POLL = {"retry-after": "Seconds until it is worth asking again."}

OPERATIONS: Sequence[Operation] = (
    Operation(
        "POST",
        "/v1/exports",
        post_export,
        {202: Reply("The export is queued.", ExportDocument, headers=_POLL | {"location": "Where to look for it."})},
        scope=CREATE,
        body=ExportBody,
        errors=(404, 409, 429),
        tag="exports",
    ),
    Operation(
        "GET",
        _ONE,
        get_export,
        {200: Reply("As it is now.", ExportDocument, headers=_POLL)},
        scope=READ,
        errors=(404,),
        tag="exports",
    ),
    Operation(
        "DELETE",
        _ONE,
        delete_export,
        {
            200: Reply("It has ended, cancelled or otherwise.", ExportDocument),
            202: Reply("A worker is told to let go of it.", ExportDocument, headers=_POLL),
        },
        scope=CREATE,
        errors=(404,),
        tag="exports",
    ),
    Operation(
        "GET",
        f"{_ONE}/manifest",
        get_manifest,
        {200: Reply("The list of its files.", ManifestDocument)},
        scope=READ,
        errors=(404, 409, 410),
        tag="exports",
    ),
)
