"""The three things that can be asked: a request for raw data, how it stands, its file."""

from collections.abc import Sequence

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from tailrace.accounts.audit import note_downloads
from tailrace.accounts.limits import limit, limits_now
from tailrace.accounts.lookup import scope_of_api_key
from tailrace.db.engine import Database
from tailrace.exports.numbers import find_numbered, find_numbered_file, only_file
from tailrace.exports.records import Export, has_expired
from tailrace.exports.submit import Submitted, submit_once
from tailrace.model.access import Scope
from tailrace.model.export import ExportRequest, Filters
from tailrace.store.catalogue import names_of
from tailrace.surfaces.flurry.links import MEDIA_TYPE, PATH, Linking, LinkQuery, file_name, link, opened, shown
from tailrace.surfaces.flurry.parse import Anything, Asked, FieldsQuery, parse_request
from tailrace.surfaces.flurry.policy import NAME, policy_of
from tailrace.surfaces.flurry.render import EXPIRED, created, shown_request
from tailrace.surfaces.flurry.render import MEDIA_TYPE as DOCUMENT
from tailrace.surfaces.flurry.shapes import rows
from tailrace.web.bodies import read_body
from tailrace.web.downloads import Content, download
from tailrace.web.noting import begun
from tailrace.web.operations import SMALL_BODY, Call, Operation, Reply

ALL = "/pulse/v1/rawData"
ONE = "/pulse/v1/rawData/{id}"


async def post_raw_data(call: Call) -> Response:
    """Ask for the sessions of a period."""
    body = await read_body(call.request, SMALL_BODY, call.desk.settings.ingest.body_timeout_ms)
    asked = parse_request(body)
    submitted = await run_in_threadpool(_submit, call, asked)
    call.desk.bell.ring()
    return created(submitted.number or 0, asked)


def get_raw_data(call: Call) -> Response:
    """How a request stands; once it has succeeded, with a new link to its file."""
    number = call.path("id")
    return _status(call, number)


def get_raw_file(call: Call) -> Response:
    """The file of a request, by its link alone: whoever has it needs no token."""
    desk, number, name = call.desk, call.path("id"), call.path("name")
    sought = find_numbered_file(desk.database, NAME, number)
    export, file = opened(desk.identity.secret, sought, name, call.query)
    seen_as = file_name(number, export.request.format)
    content = Content(file.object, seen_as, MEDIA_TYPE, file.bytes, file.sha256, file.key_ref)
    sent = download(call.request, desk.files, content, desk.settings.downloads.accel_prefix)
    if sent.begins:
        note_downloads(desk.database, [begun(call, export.scope, export.id, file.name)])
    return sent


def _submit(call: Call, asked: Asked) -> Submitted:
    database, principal = call.desk.database, call.principal
    scope = scope_of_api_key(database, principal, asked.api_key)
    with database.read() as connection:
        limits = limits_now(connection)
    request = ExportRequest(
        app=scope.app_id,
        window=asked.window,
        format=asked.format,
        filters=_filters(database, scope, asked),
        row_shape=rows(limits["flurry.coordinate_decimals"]),
        keep_empty=True,
        file_life_ms=limits["flurry.file_life_ms"],
    )
    return submit_once(call.desk.submitter, principal, scope, request, None, policy=policy_of(limits))


def _filters(database: Database, scope: Scope, asked: Asked) -> Filters:
    """Names for the ids that were sent.

    Raises:
        Invalid: the app has none of an id.
    """
    with database.read() as connection:
        events = names_of(connection, scope, "event", asked.events, "eventIds")
        return Filters(events, names_of(connection, scope, "version", asked.versions, "app_versions"))


def _status(call: Call, number: str) -> Response:
    export = find_numbered(call.desk.database, call.principal, NAME, number)
    return shown_request(number, export, _uri(call, export, number), call.query.names)


def _uri(call: Call, export: Export, number: str) -> str | None:
    """A fresh link where there is a file, and the sentence of the document where there was one."""
    desk = call.desk
    with desk.database.read() as connection:
        now, life = desk.database.now(connection), limit(connection, "flurry.link_life_ms")
        by_storage = limit(connection, "flurry.storage_links")
        file = only_file(connection, export.scope, export.id) if by_storage and desk.settings.files else None
    if has_expired(export, now):
        return EXPIRED
    if export.state != "succeeded":
        return None
    if file is not None:
        seconds = min(life, (export.expires_at or now + life) - now) // 1000
        look = shown(number, export.request.format)
        return desk.files.link(file.object, max(1, seconds), look, file.key_ref)
    return link(Linking(desk.identity.secret, desk.base_url(call.request), now + life), export, number)


OPERATIONS: Sequence[Operation] = (
    Operation(
        "POST",
        ALL,
        post_raw_data,
        {201: Reply("The request is acknowledged.", media_type=DOCUMENT)},
        scope="exports.create",
        query=Anything,
        errors=(404,),
    ),
    Operation(
        "GET",
        ONE,
        get_raw_data,
        {200: Reply("How it stands.", media_type=DOCUMENT)},
        scope="exports.read",
        query=FieldsQuery,
        errors=(404,),
    ),
    Operation(
        "GET",
        PATH,
        get_raw_file,
        {200: Reply("The file.", media_type=MEDIA_TYPE), 206: Reply("A range of it.", media_type=MEDIA_TYPE)},
        security="signed",
        query=LinkQuery,
        errors=(404, 416),
    ),
)
