"""Collecting: the paths of ingest protocols as routes. Whatever is acknowledged here is durable."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from functools import partial

import msgspec
from msgspec import Struct
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from tailrace.ingest.accept import Origin, Outcome
from tailrace.ingest.addresses import kept
from tailrace.ingest.draft import draft_small
from tailrace.ingest.plain import accept_small
from tailrace.ingest.protocols.base import ADDRESS, Answer, Inert, IngestProtocol, Intake, Sent, Split
from tailrace.model.errors import (
    Malformed,
    TailraceError,
    TooLarge,
    TooManyRecords,
    TooSlow,
    TooSoon,
    Unauthorized,
    Unavailable,
)
from tailrace.model.points import point
from tailrace.web.auth import address
from tailrace.web.bodies import read_body
from tailrace.web.desk import Desk
from tailrace.web.seen import note_error

_LONGEST_WAIT_S = 30  # what a sender is asked to wait at most: some SDKs give up on more
_STATUS: Mapping[type[TailraceError], int] = {
    Unauthorized: 401,
    TooLarge: 413,
    TooManyRecords: 413,
    TooSlow: 408,
    TooSoon: 429,
    Unavailable: 503,
}
# Browsers ask before they send to another origin. No cookie takes part, so any origin may.
_ANY_ORIGIN = {
    "access-control-allow-origin": "*",
    "access-control-allow-methods": "GET, POST, OPTIONS",
    "access-control-max-age": "86400",
    "access-control-expose-headers": "retry-after",
}


class _Way(Struct, frozen=True):
    """One of the ways through a path: a door of a protocol."""

    protocol: IngestProtocol
    door: Intake | Inert

    @property
    def tells(self) -> Callable[[Sent], bool] | None:
        """What tells its requests from those of others, if it can."""
        return self.door.mine if isinstance(self.door, Intake) else None


def protocol_routes(desk: Desk, protocols: Sequence[IngestProtocol]) -> Sequence[BaseRoute]:
    """A route for each path of all protocols; what browsers ask before sending is answered too."""
    return [
        Route(path, partial(_endpoint, desk, ways), methods=[*_methods(ways), "OPTIONS"], name=ways[0].protocol.name)
        for path, ways in _ways(protocols).items()
    ]


def _ways(protocols: Sequence[IngestProtocol]) -> Mapping[str, Sequence[_Way]]:
    """The ways through each path, in the order of the protocols.

    Raises:
        ValueError: a path and method lead two ways, and one of them does not tell its requests from others.
    """
    found: dict[str, list[_Way]] = {}
    for protocol in protocols:
        for door in protocol.doors:
            for path in door.paths:
                found.setdefault(path, []).append(_Way(protocol, door))
    for path, ways in found.items():
        for method in _methods(ways):
            through = [way for way in ways if method in way.door.methods]
            if len(through) > 1 and not all(way.tells for way in through):
                raise ValueError(f"{method} {path}: each protocol that has it must say what is its own")
    return found


def _methods(ways: Sequence[_Way]) -> set[str]:
    return {method for way in ways for method in way.door.methods}


async def _endpoint(desk: Desk, ways: Sequence[_Way], request: Request) -> Response:
    if request.method == "OPTIONS":
        asked = request.headers.get("access-control-request-headers", "*")
        return Response(status_code=204, headers=_ANY_ORIGIN | {"access-control-allow-headers": asked})
    way = ways[0]  # who is answered if the request cannot be read
    try:
        sent = await _sent(desk, request)
        if len(ways) > 1:
            way = await run_in_threadpool(_way_of, ways, sent)
        answer = await _answer(desk, way, sent)
    except TailraceError as error:
        note_error(request.scope, error.code)
        answer = _refusal(way.protocol, error)
    return Response(answer.body, answer.status, _ANY_ORIGIN | dict(answer.headers), answer.media_type)


def _way_of(ways: Sequence[_Way], sent: Sent) -> _Way:
    """Whose request it is: the first way of its method that calls it its own, else the first of its method."""
    through = [way for way in ways if sent.method in way.door.methods] or ways
    if len(through) > 1:
        return next((way for way in through if way.tells and way.tells(sent)), through[0])
    return through[0]


async def _answer(desk: Desk, way: _Way, sent: Sent) -> Answer:
    if isinstance(way.door, Inert):
        return way.door.reply(sent)
    outcome = await run_in_threadpool(_accept, desk, way.protocol, way.door, sent)
    await asyncio.wrap_future(desk.writer.submit(outcome.submission))
    point("accept.before_reply")
    return way.door.reply(sent, outcome)


async def _sent(desk: Desk, request: Request) -> Sent:
    most = desk.doors.remembered_body_limit()
    if most is None:
        most = await run_in_threadpool(desk.doors.body_limit)
    return Sent(
        method=request.method,
        path=request.url.path,
        params=request.path_params,
        query=dict(request.query_params),
        headers=dict(request.headers),
        body=await read_body(request, most, desk.settings.ingest.body_timeout_ms),
        address=address(request),
        received_at=desk.clock.now(),
    )


def _accept(desk: Desk, protocol: IngestProtocol, door: Intake, sent: Sent) -> Outcome:
    key = protocol.key_of(sent)
    if not key:
        raise Unauthorized
    gate = desk.doors.of(key)
    try:
        split = door.split(sent)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise Malformed(str(error)) from None
    if len(split.raws) > gate.max_records:
        raise TooManyRecords(gate.max_records)
    draft = draft_small(split.raws, gate.max_record_bytes, lambda small: protocol.draft(small, split.context))
    return accept_small(gate, draft, split.raws, Origin("events", _context(desk, protocol, split)), sent.received_at)


def _context(desk: Desk, protocol: IngestProtocol, split: Split) -> str:
    """What dead letters of a request keep of it: of its sender's address no more than an event keeps."""
    context = {"protocol": protocol.name, **split.context}
    if split.context.get(ADDRESS):
        context[ADDRESS] = kept(split.context[ADDRESS], desk.doors.discretion.ip) or ""
    return msgspec.json.encode(context).decode()


def _refusal(protocol: IngestProtocol, error: TailraceError) -> Answer:
    """A protocol's answer to an error, with its status and how many seconds to wait, if that helps."""
    status = next((_STATUS[kind] for kind in type(error).__mro__ if kind in _STATUS), 400)
    answer = protocol.refuse(status, error)
    if not isinstance(error, TooSoon | Unavailable):
        return answer
    wait = str(max(1, min(_LONGEST_WAIT_S, error.seconds)))
    return Answer(answer.status, answer.body, answer.media_type, {**answer.headers, "retry-after": wait})
