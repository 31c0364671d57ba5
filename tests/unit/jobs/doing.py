"""What workers do with jobs, each in a transaction of its own."""

from typing import Any

from sqlalchemy import select, update

from tailrace.db.tables import jobs, spaces
from tailrace.jobs.cancelling import Cancelled, cancel
from tailrace.jobs.queue import Job, Lane, Outcome, claim, enqueue, finish, give_back
from tailrace.model.access import Scope
from tailrace.model.clock import MINUTE
from tailrace.wiring import House

LEASE = MINUTE


def add(house: House, scope: Scope, *subjects: str, after: int = 0, lane: Lane = "export", **more: Any) -> None:
    """Jobs, each in a transaction of its own, not before so many ms from now."""
    for subject in subjects:
        with house.database.write() as connection:
            enqueue(connection, lane, scope, subject, house.database.now(connection) + after, **more)


def take(house: House, holder: str = "one", lane: Lane = "export") -> Job | None:
    """Claim a job."""
    return claim(house.database, lane, holder, LEASE)


def taken(house: House, holder: str = "one", lane: Lane = "export") -> Job:
    """Claim a job that must be there."""
    job = take(house, holder, lane)
    assert job is not None
    return job


def end(house: House, job: Job, outcome: Outcome = "succeeded") -> None:
    """Finish a job."""
    with house.database.write() as connection:
        finish(connection, job, outcome)


def back(house: House, job: Job, delay_ms: int = 0, *, failed: bool = False, outage: bool = False) -> None:
    """Give a job back."""
    with house.database.write() as connection:
        give_back(connection, job, delay_ms, failed=failed, outage=outage)


def call_off(house: House, scope: Scope, subject: str, lane: Lane = "export") -> Cancelled:
    """Cancel a job."""
    with house.database.write() as connection:
        return cancel(connection, scope, lane, subject)


def weigh(house: House, scope: Scope, weight: int) -> None:
    """Give a space its weight."""
    with house.database.write() as connection:
        connection.execute(update(spaces).where(spaces.c.number == scope.space).values(weight=weight))


def rows(house: House) -> list[Any]:
    """All jobs but those that a store has by itself."""
    with house.database.read() as connection:
        return list(connection.execute(select(jobs).where(jobs.c.lane != "upkeep").order_by(jobs.c.number)).all())


def row(house: House, subject: str) -> Any:
    """One job as it stands."""
    return next(row for row in rows(house) if row.subject == subject)
