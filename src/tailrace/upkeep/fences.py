"""Fences of the leases under which objects were written: how far they have come, and pushing them on."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Table, and_, case, or_, select, update

from tailrace.db.engine import Database
from tailrace.db.tables import jobs, owned, shards
from tailrace.jobs.leases import end_lapsed
from tailrace.model.access import Scope
from tailrace.model.clock import HOUR
from tailrace.model.objects import Lessee, Writer
from tailrace.model.shards import Shard
from tailrace.upkeep.garbage import Standing

Standings = Mapping[tuple[Lessee, str], Standing]


def standings(connection: Connection, scope: Scope, writers: Collection[Writer]) -> Standings:
    """How far the leases of some writers have come; those that the database does not know are left out."""
    found: dict[tuple[Lessee, str], Standing] = {}
    for row in _shards(connection, scope) if any(writer.lessee == "shard" for writer in writers) else ():
        found["shard", _bucket(row)] = Standing(row.fence)
    for row in connection.execute(select(jobs).where(_jobs_of(scope, _highest(writers, "export")))):
        found["export", row.subject] = _standing_of_job(row)
    return found


def outrun(database: Database, scope: Scope, writers: Collection[Writer]) -> None:
    """Raise the fences of leases that nobody holds, or whose holder is silent, above those of these writers.

    A holder that was only taken for dead can then commit nothing more: it is told `FenceLost`.
    """
    with database.write() as connection:
        now = database.now(connection)
        _outrun_shards(connection, scope, _highest(writers, "shard"), now)
        end_lapsed(connection, "export", now)
        for subject, highest in _highest(writers, "export").items():
            _raise(connection, jobs, and_(_jobs_of(scope, [subject]), jobs.c.state == "ready"), highest)


def _outrun_shards(connection: Connection, scope: Scope, highest: Mapping[str, int], now: int) -> None:
    for row in _shards(connection, scope):
        if _bucket(row) in highest:
            this = and_(owned(shards, scope), shards.c.shard == row.shard)
            _raise(connection, shards, and_(this, _free(now)), highest[_bucket(row)])


def _standing_of_job(row: Row[Any]) -> Standing:
    """What became of a job. One that is ready has no holder, and its next one gets a higher fence."""
    if row.state == "done":
        return Standing(None)
    return Standing(row.fence + 1 if row.state == "ready" else row.fence)


def _free(now: int) -> ColumnElement[bool]:
    """No lease, a lapsed one, or one that is longer than any: it was given before the clock was set back."""
    return or_(shards.c.owner.is_(None), shards.c.lease_until < now, shards.c.lease_until > now + HOUR)


def _raise(connection: Connection, table: Table, where: ColumnElement[bool], highest: int) -> None:
    fence = case((table.c.fence > highest, table.c.fence), else_=highest + 1)
    connection.execute(update(table).where(where).values(fence=fence))


def _highest(writers: Iterable[Writer], lessee: Lessee) -> dict[str, int]:
    """The highest fence of each lease of a kind."""
    found: dict[str, int] = {}
    for writer in writers:
        if writer.lessee == lessee:
            found[writer.name] = max(writer.fence, found.get(writer.name, 0))
    return found


def _jobs_of(scope: Scope, exports: Iterable[str]) -> ColumnElement[bool]:
    return and_(owned(jobs, scope), jobs.c.lane == "export", jobs.c.subject.in_(sorted(exports)))


def _shards(connection: Connection, scope: Scope) -> Iterable[Row[Any]]:
    return connection.execute(select(shards).where(owned(shards, scope))).all()


def _bucket(row: Row[Any]) -> str:
    return Shard(row.shard, row.bits, row.prefix).bucket
