"""Jobs with leases and fences. A job belongs to one worker at a time; a silent worker's job goes to another.

Every claim raises the fence. Whatever a worker writes about its job carries the fence of its claim, so a worker that
was taken for dead can change nothing any more.
"""

from dataclasses import dataclass
from typing import Literal

from sqlalchemy import ColumnElement, Connection, and_, insert, or_, select, update

from tailrace import __version__
from tailrace.db.engine import Database
from tailrace.db.tables import jobs, owner
from tailrace.model.access import Scope
from tailrace.model.clock import HOUR
from tailrace.model.errors import FenceLost

Lane = Literal["export"]


@dataclass(frozen=True, slots=True)
class Job:
    """A claimed job: the right to work on `subject` until the lease ends or a higher fence exists."""

    number: int
    space: int
    app: int
    subject: str
    attempt: int
    fence: int


def enqueue(connection: Connection, lane: Lane, scope: Scope, subject: str, not_before: int) -> None:
    """Add a job, in the transaction that makes its subject. It is not claimed before an instant (ms)."""
    connection.execute(
        insert(jobs).values(
            **owner(scope),
            lane=lane,
            subject=subject,
            state="ready",
            not_before=not_before,
            attempt=0,
            fence=0,
            lease_until=0,
            code_version=__version__,
        )
    )


def claim(database: Database, lane: Lane, holder: str, lease_ms: int) -> Job | None:
    """The oldest job that is ready, or whose worker has been silent for its whole lease."""
    with database.write() as connection:
        now = database.now(connection)
        silent = or_(jobs.c.lease_until < now, jobs.c.lease_until > now + HOUR)  # no lease is so long
        free = or_(jobs.c.state == "ready", and_(jobs.c.state == "leased", silent))
        number = connection.scalar(
            select(jobs.c.number)
            .where(jobs.c.lane == lane, free, jobs.c.not_before <= now)
            .order_by(jobs.c.not_before, jobs.c.number)
            .limit(1)
            .with_for_update(skip_locked=True)
        )
        if number is None:
            return None
        row = connection.execute(
            update(jobs)
            .where(jobs.c.number == number)
            .values(
                state="leased",
                owner=holder,
                lease_until=now + lease_ms,
                attempt=jobs.c.attempt + 1,
                fence=jobs.c.fence + 1,
            )
            .returning(jobs)
        ).one()
    return Job(row.number, row.space, row.app, row.subject, row.attempt, row.fence)


def renew(database: Database, job: Job, lease_ms: int) -> None:
    """Say that the worker is alive.

    Raises:
        FenceLost: the job was given to another worker.
    """
    with database.write() as connection:
        _change(connection, job, lease_until=database.now(connection) + lease_ms)


def hold(connection: Connection, job: Job) -> None:
    """Make sure that the job is still this worker's, to the end of the transaction.

    Raises:
        FenceLost: it was given to another worker; the transaction must not be committed.
    """
    _change(connection, job, owner=jobs.c.owner)


def finish(connection: Connection, job: Job) -> None:
    """End a job, in the transaction that ends its subject.

    Raises:
        FenceLost: the job was given to another worker; the transaction must not be committed.
    """
    _change(connection, job, state="done", owner=None)


def give_back(database: Database, job: Job, delay_ms: int) -> None:
    """Let the job be claimed again after a while.

    Raises:
        FenceLost: it was given to another worker already.
    """
    with database.write() as connection:
        _change(connection, job, state="ready", owner=None, not_before=database.now(connection) + delay_ms)


def _change(connection: Connection, job: Job, **values: object) -> None:
    done = connection.execute(update(jobs).where(_mine(job)).values(**values))
    if done.rowcount != 1:
        raise FenceLost(f"job {job.number}")


def _mine(job: Job) -> ColumnElement[bool]:
    return and_(
        jobs.c.space == job.space,
        jobs.c.app == job.app,
        jobs.c.number == job.number,
        jobs.c.fence == job.fence,
        jobs.c.state == "leased",
    )
