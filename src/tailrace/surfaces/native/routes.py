"""The paths of the native API. Each handler reads as its sentence in docs/api.md."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from tailrace.accounts.lookup import principal_of_token, scope_for, scope_of_write_key
from tailrace.accounts.tokens import token_for_login
from tailrace.exports.cancelling import cancel_export
from tailrace.exports.records import Export, check_succeeded, find_export, find_file
from tailrace.exports.submit import submit
from tailrace.ingest.accept import Door, Origin, Outcome, accept
from tailrace.ingest.doors import door_of
from tailrace.ingest.protocols.native import decode_body, draft_batch
from tailrace.model.access import Principal
from tailrace.model.errors import Forbidden, Malformed, TooManyRecords
from tailrace.model.points import point
from tailrace.surfaces.native.parse import parse_export
from tailrace.surfaces.native.render import (
    accepted_document,
    base_url,
    export_document,
    json_response,
    manifest_document,
)
from tailrace.web.auth import basic, bearer, key
from tailrace.web.bodies import read_body
from tailrace.web.downloads import download
from tailrace.web.surface import Desk

READ = "exports.read"
_SMALL_BODY = 1 << 20  # an export request is never larger, bytes
_POLL_S = 1

Handler = Callable[[Desk, Request], Awaitable[Response]]


def routes(desk: Desk) -> Sequence[BaseRoute]:
    """All routes of the surface."""
    return [
        _route(desk, "/v1/events", POST=post_events),
        _route(desk, "/v1/tokens", POST=post_token),
        _route(desk, "/v1/exports", POST=post_export),
        _route(desk, "/v1/exports/{id}", GET=get_export, DELETE=delete_export),
        _route(desk, "/v1/exports/{id}/manifest", GET=get_manifest),
        _route(desk, "/v1/exports/{id}/files/{name}", GET=get_file),
    ]


async def post_events(desk: Desk, request: Request) -> Response:
    """Take a batch of events: 200 once every good record is durable; bad ones are listed and kept as dead letters."""
    scope = await run_in_threadpool(scope_of_write_key, desk.database, key(request))
    door = await run_in_threadpool(door_of, desk.database, scope)
    body = await read_body(request, door.max_body_bytes)
    outcome = await run_in_threadpool(_accept, desk, door, body)
    await asyncio.wrap_future(desk.writer.submit(outcome.submission))
    point("accept.before_reply")
    return json_response(accepted_document(outcome))


async def post_token(desk: Desk, request: Request) -> Response:
    """Exchange an admin's login for a token with every right of the space; it is shown this once."""
    email, password = basic(request)
    token = await run_in_threadpool(token_for_login, desk.database, desk.identity.secret, email, password)
    return json_response({"token": token}, 201)


async def post_export(desk: Desk, request: Request) -> Response:
    """Ask for an export: 202, and where to look for it."""
    principal = await _principal(desk, request)
    asked = parse_export(await read_body(request, _SMALL_BODY))
    scope = await run_in_threadpool(scope_for, desk.database, principal, asked.app)
    export = await run_in_threadpool(submit, desk.submitter, principal, scope, asked)
    desk.bell.ring()
    location = f"{base_url(desk.public_url, request)}/v1/exports/{export.id}"
    return json_response(export_document(export), 202, {"location": location, "retry-after": str(_POLL_S)})


async def get_export(desk: Desk, request: Request) -> Response:
    """State and progress of an export."""
    export = await _export(desk, request)
    waiting = export.state in ("queued", "running")
    return json_response(export_document(export), headers={"retry-after": str(_POLL_S)} if waiting else None)


async def delete_export(desk: Desk, request: Request) -> Response:
    """Cancel an export: 202 while a worker still has to let go of it, 200 when it has ended, as it then is."""
    principal = await _principal(desk, request)
    export = await run_in_threadpool(cancel_export, desk.database, principal, request.path_params["id"])
    if export.state in ("queued", "running"):
        return json_response(export_document(export), 202, {"retry-after": str(_POLL_S)})
    return json_response(export_document(export))


async def get_manifest(desk: Desk, request: Request) -> Response:
    """The manifest of an export that has succeeded."""
    export = await _succeeded(desk, request)
    return json_response(manifest_document(export, base_url(desk.public_url, request)))


async def get_file(desk: Desk, request: Request) -> Response:
    """A file of an export, byte for byte as the manifest describes it."""
    export = await _succeeded(desk, request)
    file = await run_in_threadpool(find_file, desk.database, export, request.path_params["name"])
    return download(
        desk.files,
        file.object,
        key_ref=file.key_ref,
        size=file.bytes,
        name=file.name,
        media_type=file.media_type,
        sha256=file.sha256,
        head=request.method == "HEAD",
    )


def _route(desk: Desk, path: str, **handlers: Handler) -> Route:
    """A path with a handler for each method; what answers GET answers HEAD."""

    async def endpoint(request: Request) -> Response:
        return await handlers["GET" if request.method == "HEAD" else request.method](desk, request)

    return Route(path, endpoint, methods=list(handlers), name=next(iter(handlers.values())).__name__)


def _accept(desk: Desk, door: Door, body: bytes) -> Outcome:
    try:
        raws, sent_at = decode_body(body)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise Malformed(str(error)) from None
    if len(raws) > door.max_records:
        raise TooManyRecords(door.max_records)
    context = msgspec.json.encode({"protocol": "native", "sent_at": sent_at}).decode()
    return accept(door, draft_batch(raws, sent_at), raws, Origin("events", context), desk.clock.now())


async def _principal(desk: Desk, request: Request) -> Principal:
    return await run_in_threadpool(principal_of_token, desk.database, desk.identity.secret, bearer(request))


async def _export(desk: Desk, request: Request) -> Export:
    principal = await _principal(desk, request)
    if not principal.may(READ):
        raise Forbidden(READ)
    return await run_in_threadpool(find_export, desk.database, principal, request.path_params["id"])


async def _succeeded(desk: Desk, request: Request) -> Export:
    export = await _export(desk, request)
    check_succeeded(export)
    return export
