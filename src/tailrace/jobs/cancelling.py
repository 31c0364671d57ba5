"""Cancelling: a job that nobody works on ends at once; a worker is asked, and sees it soon."""

from typing import Literal

from sqlalchemy import Connection, select, update

from tailrace.db.engine import now_of
from tailrace.db.tables import jobs, owned
from tailrace.jobs.leases import lapsed
from tailrace.jobs.queue import Job, Lane
from tailrace.model.access import Scope

Cancelled = Literal["ended", "asked", "over", "unknown"]


def cancel(connection: Connection, scope: Scope, lane: Lane, subject: str) -> Cancelled:
    """Cancel a job: ``ended`` says that it is done now, and its subject must end in the same transaction.

    ``asked``: its worker was asked to stop, and may still be quicker; ``over``: it was done before.
    """
    silent = lapsed(now_of(connection)).label("silent")
    job = connection.execute(
        select(jobs.c.number, jobs.c.state, silent)
        .where(owned(jobs, scope), jobs.c.lane == lane, jobs.c.subject == subject)
        .with_for_update()
    ).first()
    if job is None:
        return "unknown"
    if job.state == "done":
        return "over"
    if job.state == "leased" and not job.silent:
        connection.execute(update(jobs).where(jobs.c.number == job.number).values(cancel=True))
        return "asked"
    _end(connection, job.number)
    return "ended"


def is_cancelled(connection: Connection, job: Job) -> bool:
    """Whether the worker of a job is asked to stop; also without a lease that could be renewed."""
    return bool(connection.scalar(select(jobs.c.cancel).where(jobs.c.number == job.number)))


def _end(connection: Connection, number: int) -> None:
    values = {"state": "done", "owner": None, "cancel": True, "outcome": "cancelled", "fence": jobs.c.fence + 1}
    connection.execute(update(jobs).where(jobs.c.number == number).values(**values))
