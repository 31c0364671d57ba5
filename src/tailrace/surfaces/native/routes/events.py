"""Events in."""

import asyncio
from collections.abc import Sequence

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from tailrace.ingest.accept import Door, Origin, Outcome
from tailrace.ingest.doubts import Doubt, doubts
from tailrace.ingest.draft import draft_small
from tailrace.ingest.plain import accept_plain, accept_small
from tailrace.ingest.protocols.native import decode_body, draft_batch, draft_whole
from tailrace.model.errors import Malformed, TooManyRecords
from tailrace.model.points import point
from tailrace.surfaces.native.documents.events import AcceptedDocument
from tailrace.surfaces.native.documents.sending import BatchBody
from tailrace.surfaces.native.render import accepted_document, json_response
from tailrace.web.auth import key
from tailrace.web.bodies import read_body
from tailrace.web.operations import Call, Operation, Reply

_Decided = tuple[Outcome, list[Doubt]]
# A plain body up to here is decided in a few milliseconds, which threads would take from one another. Bigger ones, and
# what is odd, get a thread: they would keep all others waiting.
_AT_ONCE_BYTES = 256 << 10
_AT_ONCE_RECORDS = 1_000


async def post_events(call: Call) -> Response:
    """Take a batch of events: 200 once every good record is durable; bad ones are listed and kept as dead letters."""
    desk = call.desk
    write_key = key(call.request)
    door = desk.doors.remembered(write_key)
    if door is None:
        door = await run_in_threadpool(desk.doors.of, write_key)
    body = await read_body(call.request, door.max_body_bytes, desk.settings.ingest.body_timeout_ms)
    received_at = desk.clock.now()
    decided = _at_once(door, body, received_at)
    if decided is None:
        decided = await run_in_threadpool(_look_closer, door, body, received_at)
    outcome, odd = decided
    await asyncio.wrap_future(desk.writer.submit(outcome.submission))
    point("accept.before_reply")
    return json_response(accepted_document(outcome, odd))


def _at_once(door: Door, body: bytes, received_at: int) -> _Decided | None:
    """Decide about a small body in which nothing is out of the ordinary."""
    most = min(_AT_ONCE_BYTES, door.max_record_bytes)
    small = len(body) <= most and body.count(b'"event"') <= _AT_ONCE_RECORDS
    draft = draft_whole(body) if small else None
    outcome = None if draft is None else accept_plain(door, draft, received_at)
    if draft is None or outcome is None:
        return None
    return outcome, doubts(draft, outcome.rejected, door.discretion.rates, received_at)


def _look_closer(door: Door, body: bytes, received_at: int) -> _Decided:
    """Decide about any body, record by record."""
    try:
        raws, sent_at = decode_body(body)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise Malformed(str(error)) from None
    if len(raws) > door.max_records:
        raise TooManyRecords(door.max_records)
    context = msgspec.json.encode({"protocol": "native", "sent_at": sent_at}).decode()
    draft = draft_small(raws, door.max_record_bytes, lambda small: draft_batch(small, sent_at))
    outcome = accept_small(door, draft, raws, Origin("events", context), received_at)
    return outcome, doubts(draft, outcome.rejected, door.discretion.rates, received_at)


OPERATIONS: Sequence[Operation] = (
    Operation(
        "POST",
        "/v1/events",
        post_events,
        {200: Reply("Every good record is durable.", AcceptedDocument)},
        security="write_key",
        takes=("application/json", "application/x-ndjson"),
        shows=BatchBody,
        errors=(408, 413, 503),
        tag="events",
    ),
)
