"""What people see of the queue."""

from msgspec import Struct
from sqlalchemy import Connection, select

from tailrace.db.engine import now_of
from tailrace.db.tables import apps, jobs, owned, spaces
from tailrace.jobs.pins import not_done
from tailrace.jobs.queue import Lane, Outcome
from tailrace.jobs.states import JobState
from tailrace.model.access import Scope


class Listed(Struct, frozen=True):
    """A job as it stands. Times in ms; `holder` is its worker while it is leased."""

    number: int
    lane: Lane
    state: JobState
    space: str
    app: str
    subject: str
    priority: int
    attempt: int
    failures: int
    outages: int
    cancel: bool
    holder: str | None
    created_at: int
    not_before: int
    lease_until: int
    outcome: Outcome | None
    error: str | None


def list_jobs(
    connection: Connection, *, unfinished: bool = False, before: int | None = None, limit: int = 100
) -> list[Listed]:
    """Jobs of every app, newest first. `before` is the number of the last one of the page before."""
    query = (
        select(jobs, spaces.c.id.label("space_id"), apps.c.id.label("app_id"))
        .join(spaces, spaces.c.number == jobs.c.space)
        .join(apps, apps.c.number == jobs.c.app)
    )
    if unfinished:
        query = query.where(not_done())
    if before is not None:
        query = query.where(jobs.c.number < before)
    rows = connection.execute(query.order_by(jobs.c.number.desc()).limit(limit))
    return [
        Listed(
            number=row.number,
            lane=row.lane,
            state=row.state,
            space=row.space_id,
            app=row.app_id,
            subject=row.subject,
            priority=row.priority,
            attempt=row.attempt,
            failures=row.failures,
            outages=row.outages,
            cancel=row.cancel,
            holder=row.owner,
            created_at=row.created_at,
            not_before=row.not_before,
            lease_until=row.lease_until,
            outcome=row.outcome,
            error=row.error,
        )
        for row in rows
    ]


def waits_until(connection: Connection, lane: Lane, scope: Scope, subject: str) -> int | None:
    """Until when (ms) a job is put off; None if it is not: it may be claimed now, is being worked on, or is done."""
    mine = (owned(jobs, scope), jobs.c.lane == lane, jobs.c.subject == subject)
    put_off = (jobs.c.state == "ready", jobs.c.not_before > now_of(connection))
    found: int | None = connection.scalar(select(jobs.c.not_before).where(*mine, *put_off))
    return found
