"""Exports: ask, estimate, list, look, cancel, repeat, and the manifest."""

from collections.abc import Sequence

from msgspec.structs import replace
from starlette.responses import Response

from tailrace.accounts.lookup import scope_for
from tailrace.exports.cancelling import cancel_export
from tailrace.exports.estimating import Forecast, forecast
from tailrace.exports.idempotency import once
from tailrace.exports.listing import Page, Wanted, list_exports
from tailrace.exports.records import check_succeeded, find_export
from tailrace.exports.submit import Action, Submitted, submit_once
from tailrace.model.export import ExportRequest
from tailrace.surfaces.native.deliveries import wanted_deliveries
from tailrace.surfaces.native.documents.exports import (
    EstimateDocument,
    ExportBody,
    ExportDocument,
    ExportsDocument,
    ExportsQuery,
    ManifestDocument,
)
from tailrace.surfaces.native.links import Links, new_links
from tailrace.surfaces.native.parse import export_request, idempotency_key
from tailrace.surfaces.native.render import (
    estimate_document,
    export_document,
    exports_document,
    json_response,
    manifest_document,
)
from tailrace.web.operations import Call, Operation, Reply
from tailrace.web.paging import read_after

CREATE, READ = "exports.create", "exports.read"
POLL_S = 1


def post_export(call: Call) -> Response:
    """Ask for an export: 202, and where to look for it."""
    base, who = call.desk.base_url(call.request), call.principal.who
    asked = replace(export_request(call.body), deliveries=wanted_deliveries(call.body.deliveries, base, who))
    return _asked(call, _submit(call, asked))


def rerun_export(call: Call) -> Response:
    """Ask for the same as an export did, without its deliveries: 202, and where to look for the new one."""
    return _asked(call, _submit_again(call, call.path("id")))


def estimate_export(call: Call) -> Response:
    """About what an export would hold and how long it would take; none is made."""
    found = _forecast(call, export_request(call.body))
    return json_response(estimate_document(found))


def list_all_exports(call: Call) -> Response:
    """Exports of the apps that the token sees, newest first."""
    return json_response(exports_document(_page(call, call.query)))


def delete_export(call: Call) -> Response:
    """Cancel an export: 202 while a worker still has to let go of it, 200 when it has ended, as it then is."""
    export = cancel_export(call.desk.database, call.principal, call.path("id"))
    if export.state in ("queued", "running"):
        return json_response(export_document(export), 202, {"retry-after": str(POLL_S)})
    return json_response(export_document(export))


def get_manifest(call: Call) -> Response:
    """The manifest of an export that has succeeded, with links that are good for a while."""
    export = find_export(call.desk.database, call.principal, call.path("id"))
    check_succeeded(export)
    return json_response(manifest_document(export, links_for(call)))


def links_for(call: Call) -> Links:
    """Links to files, below the address that was asked or the public one."""
    return new_links(call.desk.database, call.desk.identity.secret, call.desk.base_url(call.request))


def _submit(call: Call, asked: ExportRequest, repeated: str = "") -> Submitted:
    """Keep a request; `repeated` is the id of the export that asked for it before."""
    key = idempotency_key(call.request)
    scope = scope_for(call.desk.database, call.principal, asked.app)
    asked_once = None if key is None else once(key, asked, repeated)
    action: Action = "export.repeated" if repeated else "export.requested"
    return submit_once(call.desk.submitter, call.principal, scope, asked, asked_once, action)


def _submit_again(call: Call, export_id: str) -> Submitted:
    asked = find_export(call.desk.database, call.principal, export_id).request
    return _submit(call, asked, export_id)


def _asked(call: Call, submitted: Submitted) -> Response:
    call.desk.bell.ring()
    headers = {
        "location": f"{call.desk.base_url(call.request)}/v1/exports/{submitted.export.id}",
        "retry-after": str(POLL_S),
    }
    if submitted.replayed:
        headers["idempotent-replayed"] = "true"
    return json_response(export_document(submitted.export), 202, headers)


def _forecast(call: Call, asked: ExportRequest) -> Forecast:
    scope = scope_for(call.desk.database, call.principal, asked.app)
    return forecast(call.desk.submitter, scope, asked)


def _page(call: Call, query: ExportsQuery) -> Page:
    database, principal = call.desk.database, call.principal
    scope = None if query.app is None else scope_for(database, principal, query.app)
    return list_exports(database, principal, Wanted(scope, query.state, read_after(query.after), query.limit))


ALL = "/v1/exports"
ONE = "/v1/exports/{id}"
POLL = {"retry-after": "Seconds until it is worth asking again."}
_KEY = {"idempotency-key": "A text of your own, 1 to 255 characters: with the same one no second export is made."}
_ASKED = Reply(
    "The export is queued.",
    ExportDocument,
    headers=POLL
    | {
        "location": "Where to look for it.",
        "idempotent-replayed": "`true`: the key brought this export before.",
    },
)

OPERATIONS: Sequence[Operation] = (
    Operation(
        "POST",
        ALL,
        post_export,
        {202: _ASKED},
        scope=CREATE,
        body=ExportBody,
        headers=_KEY,
        errors=(404, 409, 422, 429),
        tag="exports",
    ),
    Operation(
        "GET",
        ALL,
        list_all_exports,
        {200: Reply("A page of exports.", ExportsDocument)},
        scope=READ,
        query=ExportsQuery,
        errors=(404,),
        tag="exports",
    ),
    Operation(
        "POST",
        f"{ALL}:estimate",
        estimate_export,
        {200: Reply("About what it would hold.", EstimateDocument)},
        scope=CREATE,
        body=ExportBody,
        errors=(404, 409),
        tag="exports",
    ),
    Operation(
        "DELETE",
        ONE,
        delete_export,
        {
            200: Reply("It has ended, cancelled or otherwise.", ExportDocument),
            202: Reply("A worker is told to let go of it.", ExportDocument, headers=POLL),
        },
        scope=CREATE,
        errors=(404,),
        tag="exports",
    ),
    Operation(
        "POST",
        f"{ONE}:rerun",
        rerun_export,
        {202: _ASKED},
        scope=CREATE,
        headers=_KEY,
        errors=(404, 409, 422, 429),
        tag="exports",
    ),
    Operation(
        "GET",
        f"{ONE}/manifest",
        get_manifest,
        {200: Reply("The list of its files.", ManifestDocument)},
        scope=READ,
        errors=(404, 409, 410),
        tag="exports",
    ),
)
