"""Sizing: what a window holds is estimated before it is queued; too much is refused with a window that is granted."""

from collections.abc import Mapping, Sequence
from hashlib import sha256
from itertools import accumulate

import msgspec
from msgspec.structs import replace
from sqlalchemy import Connection, insert, select

from tailrace.db.engine import Database
from tailrace.db.tables import owned, owner, window_grants
from tailrace.exports.estimate import estimate
from tailrace.model.access import Scope
from tailrace.model.clock import DAY
from tailrace.model.errors import TooMuchData
from tailrace.model.export import ExportRequest
from tailrace.model.policy import Policy
from tailrace.model.segment import Segment
from tailrace.model.window import Window
from tailrace.store.snapshots import head, visible


def check_size(database: Database, scope: Scope, request: ExportRequest, policy: Policy) -> None:
    """Make sure that a window holds no more than a policy lets it, or was granted before. What is named is granted.

    A window no longer than the shortest one that can be named is never too much: there is nothing better to say.

    Raises:
        TooMuchData: it holds more; it names what is granted.
    """
    start, end = request.window.start, request.window.end
    if not policy.max_events or start is None or end is None or end - start <= min(policy.offers):
        return
    with database.read() as connection:
        segments = visible(connection, scope, head(connection, scope).seq, window=request.window)
        if estimate(request, segments).events <= policy.max_events or is_granted(connection, scope, request):
            return
    works = best_offer(by_day(request, segments), policy)
    with database.write() as connection:
        grant(connection, scope, request, works, database.now(connection))
    raise TooMuchData(works)


def best_offer(events: Mapping[int, int], policy: Policy) -> int:
    """The longest window (ms) that a policy can name, so that any one of that length holds little enough.

    `events` are those of each day, counted from 1970. A window of seven days touches eight, so eight must fit; if none
    of them fits, it is the shortest.
    """
    days = range(min(events, default=0), max(events, default=0) + 1)
    sums = [0, *accumulate(events.get(day, 0) for day in days)]
    for offer in sorted(policy.offers, reverse=True)[:-1]:
        touched = offer // DAY + 1
        most = max(sums[min(first + touched, len(days))] - sums[first] for first in range(len(days)))
        if most <= policy.max_events:
            return offer
    return min(policy.offers)


def by_day(request: ExportRequest, segments: Sequence[Segment]) -> dict[int, int]:
    """About how many events each day holds that a window touches."""
    found: dict[int, int] = {}
    for segment in segments:
        known = segment.statistics
        for day in range(known.min_start // DAY, known.max_start // DAY + 1):
            window = Window(request.window.axis, day * DAY, (day + 1) * DAY)
            if request.window.touches(day * DAY, (day + 1) * DAY - 1):
                inside = estimate(replace(request, window=window), [segment]).events
                found[day] = found.get(day, 0) + inside
    return found


def grant(connection: Connection, scope: Scope, request: ExportRequest, width: int, now: int) -> None:
    """Grant every window of a width on the days that a window touches, for the same filters; once, however often it is
    asked for.
    """
    start, end, of = request.window.start or 0, request.window.end or 0, window_grants.c
    row = {"start": start - start % DAY, "end": end + -end % DAY, "width": width, "filters": _digest(request)}
    same = (of[name] == value for name, value in row.items())
    if connection.execute(select(of.number).where(owned(window_grants, scope), *same)).first() is None:
        connection.execute(insert(window_grants).values(owner(scope) | row | {"created_at": now}))


def is_granted(connection: Connection, scope: Scope, request: ExportRequest) -> bool:
    """Whether a window lies in days of which windows of its width were granted, for the same filters."""
    start, end, of = request.window.start or 0, request.window.end or 0, window_grants.c
    inside = of.start <= start, of.end >= end, of.width >= end - start, of.filters == _digest(request)
    return connection.execute(select(of.number).where(owned(window_grants, scope), *inside)).first() is not None


def _digest(request: ExportRequest) -> str:
    names = [sorted(request.reading.events), sorted(request.filters.versions)]
    where = [predicate.document() for predicate in request.filters.where]
    return sha256(msgspec.json.encode([names, where], order="sorted")).hexdigest()
