"""The page of one request: how it stands, its files with hashes, its deliveries, and how to ask for it over HTTP."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from starlette.responses import Response

from tailrace.accounts.apps import find_app
from tailrace.accounts.lookup import scope_for
from tailrace.db.engine import Database
from tailrace.exports.cancelling import cancel_export
from tailrace.exports.numbers import called
from tailrace.exports.records import Export, find_export
from tailrace.exports.submit import submit_once
from tailrace.model.access import Scope
from tailrace.model.policy import Policy
from tailrace.portal.deliveries import told_deliveries
from tailrace.portal.downloads import ALL, requests_of
from tailrace.portal.pages import PAGE, seen, sends, show
from tailrace.store.catalogue import NameKind, numbered
from tailrace.web.curls import Asking
from tailrace.web.operations import Call, Operation

ONE = f"{ALL}/{{id}}"


def get_job(call: Call) -> Response:
    """A request. While it or one of its deliveries is under way the page asks again by itself."""
    export = find_export(call.desk.database, call.principal, call.path("id"))
    (request,) = requests_of(call, [export])
    curls = _curls(call, export)
    found = told_deliveries(call.desk.database, export)
    return show(call, "job.html", "downloads", request=request, manifest=_manifest(export), curls=curls, **found)


def send_cancel(call: Call) -> Response:
    """Cancel a request; the table follows."""
    cancel_export(call.desk.database, call.principal, call.path("id"))
    return seen(ALL)


def send_rerun(call: Call) -> Response:
    """Ask for the same again; the table follows."""
    _again(call)
    call.desk.bell.ring()
    return seen(ALL)


def _again(call: Call) -> None:
    """What was granted once is granted again; a dialect that calls requests by number gives the new one a number."""
    desk, id_ = call.desk, call.path("id")
    asked = find_export(desk.database, call.principal, id_).request
    scope = scope_for(desk.database, call.principal, asked.app)
    number = called(desk.database, call.principal, [id_]).get(id_)
    policy = Policy(series=number.series if number is not None else "")
    submit_once(desk.submitter, call.principal, scope, asked, None, "export.repeated", policy)


def _manifest(export: Export) -> Mapping[str, Any] | None:
    """The manifest as it was written; None where there is none."""
    found: Mapping[str, Any] | None = msgspec.json.decode(export.manifest) if export.manifest else None
    return found


def _curls(call: Call, export: Export) -> Sequence[tuple[str, str]]:
    """How each dialect that can is asked for the same: its name, and the command."""
    desk, request = call.desk, export.request
    numbers = _numbers(desk.database, export.scope)
    asking = Asking(
        desk.base_url(call.request),
        request,
        find_app(desk.database, call.principal, request.app).api_key,
        tuple(numbers["version"][name] for name in request.filters.versions if name in numbers["version"]),
        tuple(numbers["event"][name] for name in request.filters.events if name in numbers["event"]),
    )
    commands = [(spoken.title, spoken.curl(asking)) for spoken in desk.spoken.values()]
    return [(title, command) for title, command in commands if command is not None]


def _numbers(database: Database, scope: Scope) -> Mapping[NameKind, Mapping[str, int]]:
    with database.read() as connection:
        return {
            "version": dict(numbered(connection, scope, "version")),
            "event": dict(numbered(connection, scope, "event")),
        }


OPERATIONS: Sequence[Operation] = (
    Operation("GET", ONE, get_job, {200: PAGE}, scope="exports.read", errors=(404,)),
    sends(f"{ONE}:cancel", send_cancel, scope="exports.create", errors=(404,)),
    sends(f"{ONE}:rerun", send_rerun, scope="exports.create", errors=(404, 422, 429)),
)
