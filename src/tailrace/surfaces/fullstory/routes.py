"""The two things that can be asked, each by GET and by POST: which bundles there are, and the file of one."""

from collections.abc import Mapping, Sequence
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from tailrace.accounts.audit import note_downloads
from tailrace.exports.bundles import Bundle, ask_for_series, empty_file, find_bundle, list_bundles
from tailrace.files.held import Held
from tailrace.model.access import Scope
from tailrace.model.errors import Expired, Invalid, NotFound
from tailrace.surfaces.fullstory.calls import READ, app_of, count_call
from tailrace.surfaces.fullstory.parse import Parameters, form_of, id_of, parse_body, start_of
from tailrace.surfaces.fullstory.policy import NAME, PAGE
from tailrace.surfaces.fullstory.render import FILE, GZIP, JSON, content_of, listed
from tailrace.web.bodies import read_body
from tailrace.web.downloads import Download, download
from tailrace.web.noting import begun
from tailrace.web.operations import SMALL_BODY, Call, Operation, Reply
from tailrace.web.unpacking import unpacked

LIST = "/api/v1/export/list"
GET = "/api/v1/export/get"


def list_bundles_by_query(call: Call) -> Response:
    """Bundles whose end is after `start`, the parameters in the query."""
    return _list(call, call.query.values)


async def list_bundles_by_body(call: Call) -> Response:
    """The same, the parameters in a JSON body."""
    return await run_in_threadpool(_list, call, await _parameters(call))


def get_bundle_by_query(call: Call) -> Response:
    """The file of a bundle, the parameters in the query."""
    return _get(call, call.query.values)


async def get_bundle_by_body(call: Call) -> Response:
    """The same, the parameters in a JSON body."""
    return await run_in_threadpool(_get, call, await _parameters(call))


async def _parameters(call: Call) -> Mapping[str, Any]:
    return parse_body(await read_body(call.request, SMALL_BODY, call.desk.settings.ingest.body_timeout_ms))


def _list(call: Call, values: Mapping[str, Any]) -> Response:
    database = call.desk.database
    scope = _app(call) if call.request.method == "HEAD" else _counted(call)
    start = start_of(values)
    found = list_bundles(database, scope, NAME, start, PAGE)
    if not found and ask_for_series(database, scope, NAME, call.principal.token):  # what is listed was asked for
        found = list_bundles(database, scope, NAME, start, PAGE)
    return listed(found)


def _counted(call: Call) -> Scope:
    """The app of the caller, looked up where the call is counted, whatever comes of it."""
    with call.desk.database.count() as connection:
        scope = app_of(connection, call.principal)
        count_call(connection, call.principal)
    return scope


def _app(call: Call) -> Scope:
    with call.desk.database.read() as connection:
        return app_of(connection, call.principal)


def _count(call: Call, *, download: bool = False) -> None:
    with call.desk.database.count() as connection:
        count_call(connection, call.principal, download=download)


def _get(call: Call, values: Mapping[str, Any]) -> Response:
    database, head = call.desk.database, call.request.method == "HEAD"
    scope = _app(call)
    try:
        bundle = find_bundle(database, scope, NAME, id_of(values))
        sent = _answer(call, bundle)
    except (Invalid, NotFound, Expired):
        if not head:
            _count(call)
        raise
    if not head and (sent.begins or sent.status_code != 206):  # whoever goes on with a download is not counted
        _count(call, download=sent.begins)
    if sent.begins:
        note_downloads(database, [begun(call, scope, f"bundle {bundle.number}", FILE)])
    return sent


def _answer(call: Call, bundle: Bundle) -> Download:
    """The bundle in the form that the client wants."""
    form = form_of(call.request.headers)
    content = content_of(bundle, form)
    files, accel_prefix = call.desk.files, call.desk.settings.downloads.accel_prefix
    source = files if bundle.file is not None else Held(empty_file())
    if form == "plain":
        return unpacked(call.request, source, content)
    return download(call.request, source, content, accel_prefix if bundle.file is not None else "")


_LISTED = {200: Reply("The bundles.", media_type=JSON)}
_SENT = {200: Reply("The bundle.", media_type=GZIP), 206: Reply("A range of it.", media_type=GZIP)}

OPERATIONS: Sequence[Operation] = (
    Operation("GET", LIST, list_bundles_by_query, _LISTED, scope=READ, security="key", query=Parameters, errors=(404,)),
    Operation("POST", LIST, list_bundles_by_body, _LISTED, scope=READ, security="key", takes=(JSON,), errors=(404,)),
    Operation(
        "GET", GET, get_bundle_by_query, _SENT, scope=READ, security="key", query=Parameters, errors=(404, 410, 416)
    ),
    Operation(
        "POST", GET, get_bundle_by_body, _SENT, scope=READ, security="key", takes=(JSON,), errors=(404, 410, 416)
    ),
)
