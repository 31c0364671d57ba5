"""Giving way: long jobs of one space must not keep the short ones of another waiting until they are done."""

from sqlalchemy import Connection, and_, func, or_, select

from tailrace.db.engine import now_of
from tailrace.db.tables import jobs, spaces
from tailrace.jobs.leases import lapsed
from tailrace.jobs.queue import Job

PATIENCE_MS = 1_000  # an idle worker would have taken it long before


def others_wait(connection: Connection, job: Job, turn_ms: int) -> bool:
    """Whether a running job should give its place to a job of another space that waits.

    So it is when the other space has its place coming by weight, even after the change; or when nothing of it runs
    at all, and this job has had a turn of `turn_ms`.
    """
    now = now_of(connection)
    running = _running(connection, job.lane, now)
    weights = _weights(connection, job, now)
    mine = (running.get(job.space, 0) - 1) / weights.pop(job.space)
    rested = now - job.claimed_at >= turn_ms
    return any(
        (running.get(space, 0) + 1) / weight <= mine or (space not in running and rested)
        for space, weight in weights.items()
    )


def _running(connection: Connection, lane: str, now: int) -> dict[int, int]:
    """How many jobs of each space run in a lane."""
    alive = and_(jobs.c.lane == lane, jobs.c.state == "leased", ~lapsed(now))
    rows = connection.execute(select(jobs.c.space, func.count().label("running")).where(alive).group_by(jobs.c.space))
    return {row.space: row.running for row in rows}


def _weights(connection: Connection, job: Job, now: int) -> dict[int, int]:
    """Weights of the spaces that have been waiting for a while, and of this job's."""
    since = now - PATIENCE_MS
    ready = and_(jobs.c.state == "ready", jobs.c.not_before <= since, jobs.c.created_at <= since)
    unfinished = jobs.c.state.in_(("ready", "leased"))  # as the index has them
    waiting = select(jobs.c.space).where(jobs.c.lane == job.lane, unfinished, or_(ready, lapsed(since)))
    rows = connection.execute(
        select(spaces.c.number, spaces.c.weight).where(or_(spaces.c.number == job.space, spaces.c.number.in_(waiting)))
    )
    return {row.number: row.weight for row in rows}
