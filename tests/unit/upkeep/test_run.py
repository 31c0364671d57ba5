"""The sweep's job: it is there for every app, it recurs, it backs off, and it ends when it is told to."""

import time
from threading import Event

import pytest
from sqlalchemy import Row, delete, select, update

from tailrace.db.tables import jobs
from tailrace.jobs.queue import Job, claim
from tailrace.model.access import Scope
from tailrace.model.clock import DAY, MINUTE, SECOND
from tailrace.model.errors import Unavailable
from tailrace.upkeep import run as run_module
from tailrace.upkeep.run import run_upkeep
from tailrace.upkeep.sweep import GoOn
from tailrace.wiring import House, ensure_upkeep
from tests.unit.clocks import MovedClock
from tests.unit.upkeep.writers import LEASE, objects, sealer

INTERVAL = 3_600_000


def sweeps(house: House) -> list[Row[tuple[object, ...]]]:
    """The jobs of the lane."""
    with house.database.read() as connection:
        return list(connection.execute(select(jobs).where(jobs.c.lane == "upkeep").order_by(jobs.c.app)))


def now(house: House) -> int:
    """The present of the database, which jobs go by."""
    with house.database.read() as connection:
        return house.database.now(connection)


def of(house: House, scope: Scope) -> Row[tuple[object, ...]]:
    """The job of an app."""
    return next(job for job in sweeps(house) if job.app == scope.app)


def take(house: House, scope: Scope) -> Job:
    """Claim the job of an app."""
    with house.database.write() as connection:
        connection.execute(delete(jobs).where(jobs.c.lane == "upkeep", jobs.c.app != scope.app))
    job = claim(house.database, "upkeep", "test", house.settings.upkeep.lease_ms)
    assert job is not None
    return job


def run(house: House, scope: Scope, stop: Event | None = None) -> None:
    """Claim and run it."""
    run_upkeep(house.sweeper(), take(house, scope), scope, stop or Event())


def garbage(house: House, scope: Scope, clock: MovedClock) -> None:
    """Something to sweep."""
    dead = sealer(house, scope)
    assert dead is not None
    dead.write()
    clock.shift += LEASE + DAY


def test_every_app_has_its_sweep(store: House) -> None:
    """Provisioning makes one; an app of an older release gets it when a worker starts; never a second one."""
    assert [(job.subject, job.state) for job in sweeps(store)] == [("sweep", "ready")] * 3
    with store.database.write() as connection:
        connection.execute(delete(jobs).where(jobs.c.number == sweeps(store)[1].number))
    for _ in range(2):
        ensure_upkeep(store)
    assert len(sweeps(store)) == len({job.app for job in sweeps(store)}) == 3


def test_a_sweep_comes_again_after_its_interval(store: House, scope: Scope, clock: MovedClock) -> None:
    """Done, its job waits for the interval and has a clean slate; then it can be claimed again."""
    garbage(store, scope, clock)
    run(store, scope)
    assert objects(store, scope) == set()
    job = of(store, scope)
    assert (job.state, job.failures, job.error) == ("ready", 0, None)
    assert abs(job.not_before - store.clock.now() - INTERVAL) < MINUTE
    assert claim(store.database, "upkeep", "test", LEASE) is None
    clock.shift += INTERVAL + MINUTE
    run(store, scope)


def test_a_sweep_that_fails_backs_off_and_never_ends(
    store: House, scope: Scope, clock: MovedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each failure is counted and waits longer, at most the interval; the first success forgets them all."""

    def fails(*_: object) -> None:
        raise ValueError("no luck")

    with monkeypatch.context() as patched:
        patched.setattr(run_module, "sweep", fails)
        for count, pause in enumerate((1, 2, 4, 8, 16, 32, *[60] * 8), 1):
            before = now(store)
            run(store, scope)
            job = of(store, scope)
            assert (job.state, job.failures, job.error) == ("ready", count, "no luck")
            assert before <= job.not_before - pause * SECOND <= now(store)
            clock.shift += INTERVAL + MINUTE
    run(store, scope)
    assert of(store, scope).failures == 0


def test_an_outage_is_no_failure(store: House, scope: Scope, monkeypatch: pytest.MonkeyPatch) -> None:
    """When storage or database is away it is counted apart."""

    def away(*_: object) -> None:
        raise Unavailable("the storage did not answer", 5)

    monkeypatch.setattr(run_module, "sweep", away)
    run(store, scope)
    job = of(store, scope)
    assert (job.state, job.failures, job.outages) == ("ready", 0, 1)


def test_a_stopping_server_leaves_the_sweep_to_the_next(store: House, scope: Scope, clock: MovedClock) -> None:
    """It ends before its next step, deletes nothing more, and its job can be claimed at once."""
    garbage(store, scope, clock)
    stop = Event()
    stop.set()
    run(store, scope, stop)
    assert len(objects(store, scope)) == 1
    job = of(store, scope)
    assert (job.state, job.failures) == ("ready", 0)
    run(store, scope)
    assert objects(store, scope) == set()


def test_a_cancelled_sweep_ends_and_comes_again(store: House, scope: Scope, monkeypatch: pytest.MonkeyPatch) -> None:
    """The holder sees it at its next renewal; the job waits for its interval and is not cancelled for ever."""
    told = Event()

    def endless(_sweeper: object, _scope: object, go_on: GoOn) -> None:
        with store.database.write() as connection:
            connection.execute(update(jobs).where(jobs.c.lane == "upkeep").values(cancel=True))
        while not told.wait(0.01):
            go_on()

    monkeypatch.setattr(run_module, "sweep", endless)
    store.settings.upkeep.lease_ms = 90
    run(store, scope)
    job = of(store, scope)
    assert (job.state, job.cancel) == ("ready", False)
    assert job.not_before > store.clock.now()


def test_a_sweep_that_was_taken_over_ends(store: House, scope: Scope, monkeypatch: pytest.MonkeyPatch) -> None:
    """The holder hears of it at its next renewal, deletes nothing more and leaves the job to the other."""
    never = Event()

    def endless(_sweeper: object, _scope: object, go_on: GoOn) -> None:
        with store.database.write() as connection:
            connection.execute(
                update(jobs).where(jobs.c.lane == "upkeep").values(fence=jobs.c.fence + 1, owner="other")
            )
        while not never.wait(0.01):
            go_on()

    monkeypatch.setattr(run_module, "sweep", endless)
    store.settings.upkeep.lease_ms = 90
    run(store, scope)
    job = of(store, scope)
    assert (job.state, job.owner) == ("leased", "other")


def test_a_running_server_sweeps(store: House, scope: Scope, clock: MovedClock) -> None:
    """A worker's thread claims what is due without being told, and again after its interval."""
    from tailrace.jobs.bell import Bell
    from tailrace.worker import Worker

    store.settings.upkeep.interval_ms = 20
    garbage(store, scope, clock)
    with Worker(store, Bell(), 0):
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            if not objects(store, scope) and all(job.attempt >= 2 for job in sweeps(store)):
                break
            time.sleep(0.01)
    assert objects(store, scope) == set()
    assert [(job.state, job.attempt >= 2) for job in sweeps(store)] == [("ready", True)] * 3
