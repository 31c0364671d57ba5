"""One path for everything, whose argument `action` says what is wanted, and the files."""

import re
from collections.abc import Callable, Mapping, Sequence

import msgspec
from msgspec import Struct
from msgspec.structs import replace
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from tailrace.accounts.audit import note_downloads
from tailrace.accounts.limits import limits_now
from tailrace.accounts.lookup import principal_of_export_key
from tailrace.delivery.records import standings
from tailrace.exports.downloads import Sought, find_named
from tailrace.exports.matching import submit_matching
from tailrace.exports.numbers import find_numbered
from tailrace.exports.records import StoredFile, find_export, has_expired
from tailrace.model.access import Principal, Scope
from tailrace.model.errors import Invalid, NotFound
from tailrace.model.export import ExportRequest
from tailrace.surfaces.leanplum.arguments import Arguments, arguments_of
from tailrace.surfaces.leanplum.deliveries import deliveries_of
from tailrace.surfaces.leanplum.errors import NO_DATA, refused
from tailrace.surfaces.leanplum.parse import Asked, parse_export, parse_job
from tailrace.surfaces.leanplum.policy import NAME, policy_of
from tailrace.surfaces.leanplum.render import MEDIA_TYPE, Results, answer, job_id, results
from tailrace.surfaces.leanplum.shapes import nest
from tailrace.web.auth import address
from tailrace.web.bodies import read_body
from tailrace.web.desk import Desk
from tailrace.web.downloads import Content, download
from tailrace.web.noting import begun
from tailrace.web.operations import SMALL_BODY, Call, Operation, Reply

PATH = "/api"
FILE = "/export-{name}"
_FILE = re.compile(r"export-([0-9]{1,18})-[0-9a-f-]{36}-output[a-z]*-[0-9]+", re.ASCII)


class Anything(msgspec.Struct):
    """A query that the handler reads by itself."""


class Wanted(Struct, frozen=True):
    """Who wants something of an app, and with which arguments."""

    call: Call
    principal: Principal
    scope: Scope
    arguments: Arguments

    @property
    def desk(self) -> Desk:
        """What there is to work with."""
        return self.call.desk


async def get_api(call: Call) -> Response:
    """Ask for an export, or how it stands."""
    return await _answered(call, b"")


async def post_api(call: Call) -> Response:
    """The same; arguments may be in the body."""
    return await _answered(call, await read_body(call.request, SMALL_BODY, call.desk.settings.ingest.body_timeout_ms))


def get_exported_file(call: Call) -> Response:
    """A file of an export, by its name alone: whoever knows that needs no key."""
    desk, name = call.desk, f"export-{call.path('name')}"
    sought = _sought(desk, name)
    file = _file(sought, name)
    content = Content(file.object, name, file.media_type, file.bytes, file.sha256, file.key_ref)
    sent = download(call.request, desk.files, content, desk.settings.downloads.accel_prefix)
    if sent.begins:
        told = begun(call, sought.scope, sought.export, name[name.index("output") :])  # the rest would open it
        note_downloads(desk.database, [told])
    return sent


async def _answered(call: Call, body: bytes) -> Response:
    arguments = arguments_of(call.request.query_params.multi_items(), body)
    return await run_in_threadpool(_perform, call, arguments)


def _perform(call: Call, arguments: Arguments) -> Response:
    principal, scope = principal_of_export_key(
        call.desk.database, call.desk.identity.secret, arguments.get("appId", ""), arguments.get("clientKey", "")
    )
    principal = replace(principal, address=address(call.request))
    action = _ACTIONS.get(arguments.get("action", ""))
    if action is None:
        raise Invalid("action", f"must be one of {', '.join(_ACTIONS)}")
    return action(Wanted(call, principal, scope, arguments))


def _export(wanted: Wanted) -> Response:
    """Ask for an export of sessions that began on some days and became available in some time."""
    desk, scope = wanted.desk, wanted.scope
    with desk.database.read() as connection:
        now, limits = desk.database.now(connection), limits_now(connection)
    asked = parse_export(wanted.arguments, now, limits["leanplum.max_age_days"])
    if asked.available.end is not None and asked.available.end <= (asked.available.start or 0):
        return refused(404, NO_DATA)  # it ended before the oldest that can be exported
    request = _request(wanted, asked, limits)
    made = submit_matching(desk.submitter, desk.files, wanted.principal, scope, request, policy_of(limits))
    if made is None:
        return refused(404, NO_DATA)
    desk.bell.ring()
    return answer({"jobId": job_id(scope.app, str(made.number)), "success": True})


def _request(wanted: Wanted, asked: Asked, limits: Mapping[str, int]) -> ExportRequest:
    """What goes on from an export before shows late events alone; else they are in the sessions that they belong to."""
    return ExportRequest(
        app=wanted.scope.app_id,
        window=asked.sessions,
        shape="sessions",
        format=asked.format,
        packing="none",
        split="size",
        file_bytes=max(limits["leanplum.file_bytes"], 16_000_000),
        file_life_ms=limits["leanplum.file_life_ms"],
        nest=nest(asked.format, whole_sessions=not asked.since),
        available=asked.available,
        deliveries=deliveries_of(wanted.arguments, origin_of(wanted.desk, wanted.call.request)),
    )


def _results(wanted: Wanted) -> Response:
    """How an export stands, and once it is done its files."""
    desk = wanted.desk
    app, number = parse_job(wanted.arguments)
    if app != wanted.scope.app:
        raise NotFound("export", number)
    found = find_numbered(desk.database, wanted.principal, NAME, number)
    export = find_export(desk.database, wanted.principal, found.id)  # this time with its manifest
    with desk.database.read() as connection:
        now, standing = desk.database.now(connection), standings(connection, wanted.scope, export.id)
    return answer(results(Results(export, job_id(app, number), standing), origin_of(desk, wanted.call.request), now))


_ACTIONS: Mapping[str, Callable[[Wanted], Response]] = {"exportData": _export, "getExportResults": _results}


def origin_of(desk: Desk, request: Request) -> str:
    """Where URLs of files begin."""
    return desk.settings.downloads.origin.rstrip("/") or desk.base_url(request)


def _sought(desk: Desk, name: str) -> Sought:
    found = _FILE.fullmatch(name)
    sought = find_named(desk.database, int(found[1]), name) if found else None
    if sought is None:
        raise NotFound("file", name)
    return sought


def _file(sought: Sought, name: str) -> StoredFile:
    """The file, while it has not had its time."""
    if sought.file is None or sought.state != "succeeded" or has_expired(sought, sought.now):
        raise NotFound("file", name)
    return sought.file


OPERATIONS: Sequence[Operation] = (
    Operation(
        "GET",
        PATH,
        get_api,
        {200: Reply("What was asked for.", media_type=MEDIA_TYPE)},
        security="none",
        query=Anything,
        errors=(404,),
    ),
    Operation(
        "POST",
        PATH,
        post_api,
        {200: Reply("What was asked for.", media_type=MEDIA_TYPE)},
        security="none",
        query=Anything,
        errors=(404,),
    ),
    Operation(
        "GET",
        FILE,
        get_exported_file,
        {200: Reply("The file.", media_type="application/x-ndjson"), 206: Reply("A range of it.")},
        security="none",
        query=Anything,
        errors=(404, 416),
    ),
)
