"""How an export is: asked once, waited for, or followed."""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Sequence
from typing import Any

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from tailrace.exports.records import Export, find_export
from tailrace.model.export import FINAL_STATES
from tailrace.surfaces.native.documents.exports import ExportDocument, ExportQuery
from tailrace.surfaces.native.render import export_document
from tailrace.surfaces.native.routes.exports import ONE, POLL, POLL_S, READ
from tailrace.web.conditions import etag_of, has_already
from tailrace.web.operations import Call, Operation, Reply
from tailrace.web.streams import HEADERS, KEEP_ALIVE, MEDIA_TYPE, EventStream, event, gone
from tailrace.web.watcher import Watch

_KEEP_ALIVE_S = 15.0
_STREAM_S = 300.0  # a stream asks for its token once; whoever has lost it loses the stream with the next one


async def get_export(call: Call) -> Response:
    """State and progress of an export; with `wait` as soon as its state has changed, or when the time is over."""
    export = await run_in_threadpool(find_export, call.desk.database, call.principal, call.path("id"))
    if call.query.wait and export.state not in FINAL_STATES and not _has_news(call, export):
        export = await _next_state(call, export, call.query.wait)
    return _status(call, export)


async def get_progress(call: Call) -> Response:
    """Follow an export: an event whenever something has changed, until it has ended."""
    export = await run_in_threadpool(find_export, call.desk.database, call.principal, call.path("id"))
    if call.request.method == "HEAD":
        return Response(headers=HEADERS, media_type=MEDIA_TYPE)
    watcher = call.desk.watcher
    watch = watcher.add(export)
    return EventStream(_progress(watch), lambda: watcher.remove(watch))


def _has_news(call: Call, export: Export) -> bool:
    """Whether the client has seen the export otherwise than it is now, so that it need not wait for more."""
    known = "if-none-match" in call.request.headers
    return known and not has_already(call.request.headers, etag_of(_body(export)))


async def _next_state(call: Call, export: Export, seconds: int) -> Export:
    """The export when its state has changed or so many seconds are over; early when nobody waits any more."""
    with call.desk.watcher.watching(export) as watch:
        await _first(watch.until(lambda now: now.state != export.state, seconds), gone(call.request))
        return watch.export


async def _first(*each: Coroutine[Any, Any, None]) -> None:
    """Wait for the first of some to end; the others are cancelled."""
    tasks = [asyncio.ensure_future(one) for one in each]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()


def _status(call: Call, export: Export) -> Response:
    body = _body(export)
    headers = {"etag": etag_of(body), "cache-control": "private, no-cache"}
    if export.state not in FINAL_STATES:
        headers["retry-after"] = str(POLL_S)
    if has_already(call.request.headers, headers["etag"]):
        return Response(None, 304, headers)
    return Response(body, 200, headers, "application/json")


async def _progress(watch: Watch) -> AsyncIterator[bytes]:
    """The export as it is, then each time that something has changed; quiet streams are kept alive."""
    clock = asyncio.get_running_loop().time
    end = clock() + _STREAM_S
    yield event("progress", _body(watch.export))
    while watch.export.state not in FINAL_STATES and not watch.closed and clock() < end:
        if not await watch.news(_KEEP_ALIVE_S):
            yield KEEP_ALIVE
        elif not watch.closed:
            yield event("progress", _body(watch.export))


def _body(export: Export) -> bytes:
    return msgspec.json.encode(export_document(export))


OPERATIONS: Sequence[Operation] = (
    Operation(
        "GET",
        ONE,
        get_export,
        {
            200: Reply("As it is now.", ExportDocument, headers=POLL | {"etag": "Changes with the document."}),
            304: Reply("It is as `If-None-Match` says."),
        },
        scope=READ,
        query=ExportQuery,
        headers={"if-none-match": "The ETag of what you have seen."},
        errors=(404, 503),
        tag="exports",
    ),
    Operation(
        "GET",
        f"{ONE}/progress",
        get_progress,
        {200: Reply("Events `progress`, each with the export as JSON.", media_type=MEDIA_TYPE)},
        scope=READ,
        errors=(404, 503),
        tag="exports",
    ),
)
