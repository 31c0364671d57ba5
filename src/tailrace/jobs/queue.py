"""Jobs with leases and fences. A job belongs to one worker at a time; a silent worker's job goes to another.

Every claim raises the fence. Whatever a worker writes about its job carries the fence of its claim, so a worker that
was taken for dead can change nothing any more. docs/jobs.md draws the states.
"""

from typing import Any, Literal

from msgspec import Struct
from sqlalchemy import ColumnElement, Connection, Row, and_, case, exists, insert, or_, select, update

from tailrace import __version__
from tailrace.db.engine import Database, now_of
from tailrace.db.tables import jobs, owner
from tailrace.db.upserts import insert_into
from tailrace.jobs.leases import end_lapsed, lapsed
from tailrace.jobs.listening import notify
from tailrace.jobs.turns import due, next_turns, take_turn
from tailrace.model.access import Scope
from tailrace.model.errors import FenceLost

Lane = Literal["seal", "export", "delivery", "upkeep"]
Outcome = Literal["succeeded", "failed", "cancelled"]
Signal = Literal["go_on", "cancel"]
_RECURRING: frozenset[Lane] = frozenset(("upkeep",))  # lanes whose jobs come again


class Job(Struct, frozen=True):
    """A claimed job: the right to work on `subject` until the lease ends or a higher fence exists.

    `attempt` counts claims, this one included; `failures` how often it failed or lost its worker; `outages` how often
    it was given back because storage or database did not answer. `code_version` is the release that worked on it last.
    """

    number: int
    space: int
    app: int
    subject: str
    lane: Lane
    priority: int
    attempt: int
    failures: int
    outages: int
    fence: int
    code_version: str
    claimed_at: int


def enqueue(
    connection: Connection,
    lane: Lane,
    scope: Scope,
    subject: str,
    not_before: int,
    *,
    priority: int = 0,
    snapshot: int | None = None,
) -> None:
    """Add a job, in the transaction that makes its subject. It is not claimed before an instant (ms).

    Of one space's jobs those of higher priority go first. `snapshot` pins a commit until the job is done.
    """
    now = now_of(connection)
    row = _new(lane, scope, subject, now) | {"priority": priority, "snapshot": snapshot}
    if not_before > now:  # else at any time, even if the clock is set back
        row["not_before"] = not_before
    connection.execute(insert(jobs).values(row))
    notify(connection, lane)


def ensure(connection: Connection, lane: Lane, scope: Scope, subject: str) -> None:
    """Add a job unless there is one of that lane and subject: for jobs that recur."""
    row = _new(lane, scope, subject, now_of(connection))
    connection.execute(insert_into(connection, jobs).values(row).on_conflict_do_nothing())


def claim(database: Database, lane: Lane, holder: str, lease_ms: int) -> Job | None:
    """The next job of the space whose turn it is: its most important one, of these the oldest."""
    if not _anything(database, lane):
        return None
    with database.write() as connection:
        now = database.now(connection)
        end_lapsed(connection, lane, now)
        for turn in next_turns(connection, lane, now):
            number = _next_of(connection, lane, turn.space, now)
            if number is not None:
                take_turn(connection, lane, turn)
                return _lease(connection, number, holder, now, lease_ms)
    return None


def adopt(connection: Connection, job: Job) -> None:
    """Let this release take a job over from the one that worked on it before.

    Raises:
        FenceLost: as `hold`.
    """
    _change(connection, job, code_version=__version__)


def renew(database: Database, job: Job, lease_ms: int) -> Signal:
    """Say that the worker is alive; hear whether it is to stop.

    Raises:
        FenceLost: the job was given to another worker, or has ended.
    """
    with database.write() as connection:
        return _change(connection, job, lease_until=database.now(connection) + lease_ms)


def hold(connection: Connection, job: Job) -> Signal:
    """Make sure that the job is still this worker's, to the end of the transaction; hear whether it is to stop.

    Raises:
        FenceLost: it was given to another worker, or has ended; the transaction must not be committed.
    """
    return _change(connection, job, owner=jobs.c.owner)


def pin(connection: Connection, job: Job, snapshot: int) -> None:
    """Keep what is visible at a commit from being deleted until the job is done.

    Raises:
        FenceLost: as `hold`.
    """
    _change(connection, job, snapshot=snapshot)


def finish(connection: Connection, job: Job, outcome: Outcome, error: str | None = None) -> None:
    """End a job, in the transaction that ends its subject.

    Raises:
        FenceLost: as `hold`.
    """
    _change(connection, job, state="done", owner=None, outcome=outcome, error=error)


def give_back(
    connection: Connection, job: Job, delay_ms: int, *, failed: bool, outage: bool = False, error: str | None = None
) -> None:
    """Let the job be claimed again after a while, at once if it is to be cancelled. `error` is for whoever looks.

    Raises:
        FenceLost: as `hold`.
    """
    _change(
        connection,
        job,
        state="ready",
        owner=None,
        not_before=case((jobs.c.cancel, 0), else_=now_of(connection) + delay_ms),
        failures=jobs.c.failures + int(failed),
        outages=jobs.c.outages + int(outage),
        error=error,
    )


def repeat(connection: Connection, job: Job, not_before: int) -> None:
    """Let a recurring job that went well, or was asked to stop, come again at an instant (ms), with a clean slate.

    Raises:
        FenceLost: as `hold`.
    """
    clean = {"failures": 0, "outages": 0, "error": None, "cancel": False}
    _change(connection, job, state="ready", owner=None, not_before=not_before, **clean)


def _new(lane: Lane, scope: Scope, subject: str, now: int) -> dict[str, Any]:
    start = {"not_before": 0, "attempt": 0, "fence": 0, "lease_until": 0, "code_version": __version__}
    return owner(scope) | start | {"lane": lane, "subject": subject, "state": "ready", "created_at": now}


def _anything(database: Database, lane: Lane) -> bool:
    """Whether a claim could find something: most looks are in vain, and this one keeps nobody from writing."""
    with database.read() as connection:
        now = database.now(connection)
        ready, silent = exists().where(due(lane, now)), exists().where(jobs.c.lane == lane, lapsed(now))
        return bool(connection.scalar(select(or_(ready, silent))))


def _next_of(connection: Connection, lane: Lane, space: int, now: int) -> int | None:
    """The most important job of a space, of these the oldest; of jobs that recur the one that is due for longest, or
    those with low numbers would be due again before the others had their turn.
    """
    age = (jobs.c.not_before, jobs.c.number) if lane in _RECURRING else (jobs.c.number,)
    return connection.scalar(
        select(jobs.c.number)
        .where(due(lane, now), jobs.c.space == space)
        .order_by(jobs.c.priority.desc(), *age)
        .limit(1)
        .with_for_update(skip_locked=True)
    )


def _lease(connection: Connection, number: int, holder: str, now: int, lease_ms: int) -> Job:
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
    return _job(row, now)


def _job(row: Row[Any], now: int) -> Job:
    return Job(
        number=row.number,
        space=row.space,
        app=row.app,
        subject=row.subject,
        lane=row.lane,
        priority=row.priority,
        attempt=row.attempt,
        failures=row.failures,
        outages=row.outages,
        fence=row.fence,
        code_version=row.code_version,
        claimed_at=now,
    )


def _change(connection: Connection, job: Job, **values: Any) -> Signal:
    """Change a job that its worker holds."""
    cancel = connection.scalar(update(jobs).where(_mine(job)).values(**values).returning(jobs.c.cancel))
    if cancel is None:
        raise FenceLost(f"job {job.number}")
    return "cancel" if cancel else "go_on"


def _mine(job: Job) -> ColumnElement[bool]:
    return and_(
        jobs.c.space == job.space,
        jobs.c.app == job.app,
        jobs.c.number == job.number,
        jobs.c.fence == job.fence,
        jobs.c.state == "leased",
    )
