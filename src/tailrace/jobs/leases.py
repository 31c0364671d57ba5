"""Leases that nobody renews: their workers died, or were cut off for so long that it comes to the same."""

from sqlalchemy import ColumnElement, Connection, and_, or_, select, update

from tailrace.db.tables import jobs
from tailrace.model.clock import HOUR


def lapsed(now: int) -> ColumnElement[bool]:
    """Jobs whose lease is over at an instant (ms). None is longer than an hour, whatever a clock said when it began."""
    over = or_(jobs.c.lease_until < now, jobs.c.lease_until > now + HOUR)
    return and_(jobs.c.state == "leased", over)


def end_lapsed(connection: Connection, lane: str, now: int) -> None:
    """Make such jobs of a lane ready again, under a higher fence: what their workers still write is void.

    It counts as a failure: a job that kills its workers must not go round for ever.
    """
    silent = select(jobs.c.number).where(jobs.c.lane == lane, lapsed(now)).with_for_update(skip_locked=True)
    connection.execute(
        update(jobs)
        .where(jobs.c.number.in_(silent))
        .values(state="ready", owner=None, fence=jobs.c.fence + 1, failures=jobs.c.failures + 1)
    )
