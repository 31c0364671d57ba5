"""The audit: who did what."""

from collections.abc import AsyncIterator, Iterator, Sequence

import msgspec
from msgspec.structs import replace
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response, StreamingResponse

from tailrace.accounts.audit import Noted, Wanted, every, page, seen_by
from tailrace.surfaces.native.accounts import entry_document
from tailrace.surfaces.native.documents.accounts import AuditDocument, AuditQuery
from tailrace.surfaces.native.parse import instant
from tailrace.surfaces.native.render import json_response
from tailrace.web.operations import Call, Operation, Reply
from tailrace.web.paging import before, cut

NDJSON = "application/x-ndjson"


def get_audit(call: Call) -> Response:
    """What was done in the space, newest first. With `Accept: application/x-ndjson` all of it, one entry per line."""
    query, wanted = call.query, _wanted(call)
    if NDJSON in call.request.headers.get("accept", ""):
        return StreamingResponse(_lines(every(call.desk.database, wanted)), media_type=NDJSON)
    found = page(call.desk.database, wanted, query.limit + 1)
    shown, after = cut("audit", found, query)
    return json_response(AuditDocument([entry_document(noted) for noted in shown], after))


def _wanted(call: Call) -> Wanted:
    query = call.query
    return replace(
        seen_by(call.principal),
        action=query.action,
        since=instant(query.since, "from"),
        until=instant(query.until, "to"),
        before=before("audit", query),
    )


async def _lines(pages: Iterator[list[Noted]]) -> AsyncIterator[bytes]:
    """Read in a thread, some at a time: the audit may be long, and its reader slow."""
    while found := await run_in_threadpool(next, pages, None):
        yield b"".join(msgspec.json.encode(entry_document(noted)) + b"\n" for noted in found)


OPERATIONS: Sequence[Operation] = (
    Operation(
        "GET",
        "/v1/audit",
        get_audit,
        {200: Reply("Entries.", AuditDocument)},
        scope="audit.read",
        query=AuditQuery,
        tag="audit",
    ),
)
