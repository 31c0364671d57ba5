"""The three things that can be asked: a job, how it stands, its report. Each is there with and without a slash."""

from collections.abc import Awaitable, Callable, Iterator, Sequence

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from tailrace.accounts.limits import limits_now
from tailrace.db.engine import Database
from tailrace.exports.numbers import Owned, find_owned
from tailrace.exports.records import Export
from tailrace.exports.submit import submit_once
from tailrace.model.access import Principal, Scope
from tailrace.model.export import ExportRequest
from tailrace.store.catalogue import known_events
from tailrace.surfaces.devtodev import render
from tailrace.surfaces.devtodev.callers import CREATE, READ, app_of, caller
from tailrace.surfaces.devtodev.choosing import choose
from tailrace.surfaces.devtodev.errors import MEDIA_TYPE, UNKNOWN, Refused
from tailrace.surfaces.devtodev.parse import (
    Anything,
    Asked,
    Fields,
    check_format,
    parse_body,
    parse_job,
    parse_job_id,
    parse_token,
    window_of,
)
from tailrace.surfaces.devtodev.policy import NAME, pending_status, policy_of
from tailrace.surfaces.devtodev.reports import MEDIA_TYPE as REPORT
from tailrace.surfaces.devtodev.reports import open_report
from tailrace.surfaces.devtodev.selection import Selected
from tailrace.surfaces.devtodev.shapes import USERS, tables_of
from tailrace.web.bodies import read_body
from tailrace.web.operations import SMALL_BODY, Call, Operation, Reply
from tailrace.web.seen import note_error

BASE = "/api/v1/rawexport"


class _Counted(msgspec.Struct):
    """What of a manifest says whether there is anything: the rows of all tables but that of users."""

    rows: int


_Handler = Callable[[Call], Awaitable[Response]]
# Made before there are threads: two that read a type for the first time at the same moment end the process.
_counted = msgspec.json.Decoder(_Counted).decode


async def set_job(call: Call) -> Response:
    """Ask for a report on events of a stretch of time."""
    fields = parse_body(await _body(call))
    job_id = await run_in_threadpool(_submitted, call, fields)
    call.desk.bell.ring()
    return render.created(job_id)


async def ask_job(call: Call) -> Response:
    """How a job stands; once it is complete, with a link to its report."""
    body, query = await _body(call), call.request.query_params
    fields = parse_body(body) if body.strip() or not query.get("job_id") else {}
    return await run_in_threadpool(_progress, call, fields)


async def see_job(call: Call) -> Response:
    """The same, by a query alone."""
    return await ask_job(call)


async def get_report_file(call: Call) -> Response:
    """The report of a job, whole or in ranges; the link needs nothing else."""
    return await run_in_threadpool(open_report, call)


async def _body(call: Call) -> bytes:
    return await read_body(call.request, SMALL_BODY, call.desk.settings.ingest.body_timeout_ms)


def _submitted(call: Call, fields: Fields) -> str:
    """The id of a new job. Checks come in the order of docs/devtodev.md."""
    database = call.desk.database
    principal = caller(call, parse_token(fields, call.request.query_params), CREATE)
    asked = parse_job(fields)
    scope = app_of(database, principal, asked.app_id)
    check_format(asked)
    with database.read() as connection:
        limits, now = limits_now(connection), database.now(connection)
    request = ExportRequest(
        app=scope.app_id,
        window=window_of(asked, limits["devtodev.max_age_days"], now),
        shape="tables",
        format="csv",
        packing="zip",
        split="event",
        tables=tables_of(_chosen(database, scope, asked)),
        users=USERS,
        file_life_ms=limits["devtodev.file_life_ms"],
    )
    submitter, policy = call.desk.submitter, policy_of(limits)
    return submit_once(submitter, principal, scope, request, None, policy=policy).export.id


def _chosen(database: Database, scope: Scope, asked: Asked) -> Sequence[Selected]:
    """What is asked for of the events that the app has ever sent and that are not blocked."""
    with database.read() as connection:
        known = [event.name for event in known_events(connection, scope) if not event.blocked]
    return choose(asked.elements, known)


def _progress(call: Call, fields: Fields) -> Response:
    query, database = call.request.query_params, call.desk.database
    token = parse_token(fields, query)
    principal = caller(call, token, READ)
    found = find_owned(database, principal.space, NAME, parse_job_id(fields, query))
    export = _own(principal, found)
    if export.state == "queued":
        with database.read() as connection:
            return render.waiting(pending_status(limits_now(connection)))
    if export.state == "running":
        return render.running(export)
    if export.state != "succeeded":
        raise Refused(UNKNOWN)
    if _counted(export.manifest or "").rows == 0:
        return render.empty()
    return render.complete(export, call.desk.base_url(call.request), token)


def _own(principal: Principal, found: Owned | None) -> Export:
    """The caller's job, as long as its report lives.

    Raises:
        Refused: there is none, it is another user's, or the caller has no access to its app any more.
    """
    if found is None or found.user != principal.user or found.over:
        raise Refused(22)
    app_id = found.export.scope.app_id
    if not principal.may_see(app_id):
        raise Refused(13, app_id)
    return found.export


def _answering(handler: _Handler, suffix: str) -> _Handler:
    """A handler whose refusals are answered in the words of the document."""

    async def answer(call: Call) -> Response:
        try:
            return await handler(call)
        except Refused as refused:
            note_error(call.request.scope, f"{NAME}_{refused.code}")
            return refused.reply

    answer.__name__, answer.__doc__ = handler.__name__ + suffix, handler.__doc__
    return answer


_SHOWN = {200: Reply("How it stands.", media_type=MEDIA_TYPE), 201: Reply("It is complete.", media_type=MEDIA_TYPE)}
_STATES = _SHOWN | {202: Reply("It waits.", media_type=MEDIA_TYPE)}
_FILES = {200: Reply("The report.", media_type=REPORT), 206: Reply("A range of it.", media_type=REPORT)}
_ASKED: Sequence[tuple[str, str, _Handler, dict[int, Reply]]] = (
    ("POST", "setjob", set_job, {200: Reply("The job's id.", media_type=MEDIA_TYPE)}),
    ("POST", "getprogress", ask_job, _STATES),
    ("GET", "getprogress", see_job, _STATES),
    ("GET", "download", get_report_file, _FILES),
)


def _operations(suffix: str, path_suffix: str) -> Iterator[Operation]:
    """The operations with something behind the names of handlers and the paths."""
    for method, name, handler, replies in _ASKED:
        # The token stands in the body or in the query, and is looked at after the body: so the handlers see to it.
        path, answering = f"{BASE}/{name}{path_suffix}", _answering(handler, suffix)
        yield Operation(method, path, answering, replies, security="none", query=Anything)


OPERATIONS: Sequence[Operation] = (*_operations("", ""), *_operations("_slashed", "/"))
