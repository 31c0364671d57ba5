"""Estimating: what an export would hold and how long it would take, without making one."""

import math
from collections.abc import Sequence

from msgspec import Struct
from sqlalchemy import Connection, select

from tailrace.db.tables import exports
from tailrace.exports.estimate import Estimate, estimate, growth
from tailrace.exports.records import read_request
from tailrace.exports.resolve import Resolved, resolve_roughly
from tailrace.exports.submit import Submitter, check_request, seq_after
from tailrace.model.access import Scope
from tailrace.model.export import ExportRequest
from tailrace.store.snapshots import head, visible

_SPEED = 30_000_000  # bytes of segments a second, measured with two processes; for spaces that have made nothing large
_RECENT = 20  # exports that are looked at
_TELLING_MS = 1_000  # what was quicker says more of starting than of the speed


class Forecast(Struct, frozen=True):
    """What would come out, and in about how many seconds once a worker has begun."""

    estimate: Estimate
    seconds: int


def forecast(submitter: Submitter, scope: Scope, request: ExportRequest) -> Forecast:
    """Estimate an export from the statistics of segments as they are now. Nothing is kept or changed.

    Raises:
        Invalid: the window makes no sense, or no format can carry what is asked.
        CursorRefused: it cannot continue from its cursor.
    """
    check_request(request)
    with submitter.database.read() as connection:
        found = _resolve(submitter, connection, scope, request)
        segments = visible(connection, scope, found.snapshot, after=found.after_seq or 0, window=request.window)
        about = estimate(request, segments)
        speed = _speed(connection, scope)
    return Forecast(about, max(1, math.ceil(about.bytes / growth(request) / speed)))


def _resolve(submitter: Submitter, connection: Connection, scope: Scope, request: ExportRequest) -> Resolved:
    if request.window.axis != "available":
        newest = head(connection, scope)
        return Resolved(newest.seq, None, None, newest.available_at)
    return resolve_roughly(connection, scope, request.window, seq_after(submitter, connection, scope, request))


def _speed(connection: Connection, scope: Scope) -> float:
    """Bytes of segments a second, as the latest exports of the space that took a second or more had it."""
    took = exports.c.finished_at - exports.c.started_at
    rows = connection.execute(
        select(exports.c.request, exports.c.bytes, took.label("took"))
        .where(exports.c.space == scope.space, exports.c.bytes > 0, took >= _TELLING_MS)
        .order_by(exports.c.id.desc())
        .limit(_RECENT)
    ).all()
    return speed([(read_request(row.request), row.bytes, row.took) for row in rows])


def speed(made: Sequence[tuple[ExportRequest, int, int]]) -> float:
    """Bytes of segments a second of some exports: each its request, bytes that came out, and ms that it took."""
    spent = sum(took for _, _, took in made)
    return sum(size / growth(request) for request, size, _ in made) / spent * 1000 if spent else _SPEED
