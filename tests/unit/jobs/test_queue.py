"""The queue: one worker per job, and a silent one loses it."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import product

import pytest
from sqlalchemy import select

from tailrace.db.tables import jobs
from tailrace.jobs.queue import Job, claim, enqueue, finish, give_back, renew
from tailrace.model.access import Scope
from tailrace.model.clock import HOUR, MINUTE
from tailrace.model.errors import FenceLost
from tailrace.wiring import House
from tests.unit.clocks import MovedClock, moved

LEASE = MINUTE


@pytest.fixture
def clock() -> MovedClock:
    """A clock that a test moves."""
    return MovedClock()


@pytest.fixture
def queue(house: House, clock: MovedClock) -> House:
    """A store by that clock."""
    return moved(house, clock)


def add(house: House, scope: Scope, *subjects: str, after: int = 0) -> None:
    """Jobs, each in a transaction of its own, not before so many ms from now."""
    for subject in subjects:
        with house.database.write() as connection:
            enqueue(connection, "export", scope, subject, house.database.now(connection) + after)


def take(house: House, holder: str = "one") -> Job | None:
    """Claim a job."""
    return claim(house.database, "export", holder, LEASE)


def taken(house: House, holder: str = "one") -> Job:
    """Claim a job that must be there."""
    job = take(house, holder)
    assert job is not None
    return job


def end(house: House, job: Job) -> None:
    """Finish a job in a transaction of its own."""
    with house.database.write() as connection:
        finish(connection, job)


def test_a_job_is_claimed_once_among_many_threads(queue: House, scope: Scope) -> None:
    """Six workers that claim until nothing is left get each job once, at its first attempt."""
    subjects = [f"e{number:02d}" for number in range(30)]
    add(queue, scope, *subjects)

    def work(number: int) -> list[Job]:
        mine = []
        while (job := take(queue, f"worker {number}")) is not None:
            mine.append(job)
        return mine

    with ThreadPoolExecutor(6) as pool:
        claimed = [job for mine in pool.map(work, range(6)) for job in mine]
    assert sorted(job.subject for job in claimed) == subjects
    assert {(job.attempt, job.fence, job.space, job.app) for job in claimed} == {(1, 1, scope.space, scope.app)}


def test_jobs_are_claimed_in_order(queue: House, scope: Scope) -> None:
    """The one that may run first comes first; of two with one time, the older."""
    add(queue, scope, "late", after=-MINUTE)
    add(queue, scope, "first", "second", after=-HOUR)
    assert [taken(queue).subject for _ in range(3)] == ["first", "second", "late"]
    assert take(queue) is None


def test_a_job_waits_for_its_time(queue: House, scope: Scope, clock: MovedClock) -> None:
    """A job is not claimed before its instant, and is claimed after it."""
    add(queue, scope, "later", after=HOUR)
    assert take(queue) is None
    clock.shift += HOUR
    assert taken(queue).subject == "later"


def test_a_leased_job_is_nobody_elses(queue: House, scope: Scope, clock: MovedClock) -> None:
    """While its worker is heard of, a job is not given away, however long it takes."""
    add(queue, scope, "e")
    job = taken(queue)
    for _ in range(5):
        clock.shift += LEASE // 2
        assert take(queue, "other") is None
        renew(queue.database, job, LEASE)
    end(queue, job)
    clock.shift += 2 * LEASE
    assert take(queue, "other") is None


def test_a_silent_workers_job_goes_to_another(queue: House, scope: Scope, clock: MovedClock) -> None:
    """After the lease another worker gets the job, as the next attempt under a higher fence."""
    add(queue, scope, "e")
    first = taken(queue)
    clock.shift += LEASE + MINUTE
    second = taken(queue, "other")
    assert (second.subject, second.attempt, second.fence) == ("e", first.attempt + 1, first.fence + 1)
    assert take(queue, "third") is None


CHANGES: dict[str, Callable[[House, Job], None]] = {
    "finish": end,
    "renew": lambda house, job: renew(house.database, job, LEASE),
    "give_back": lambda house, job: give_back(house.database, job, 0),
}


def test_a_worker_taken_for_dead_can_change_nothing(queue: House, scope: Scope, clock: MovedClock) -> None:
    """With the fence of an old claim each change is refused, and the new worker's claim stays as it was."""
    add(queue, scope, "e")
    old = taken(queue)
    clock.shift += LEASE + MINUTE
    new = taken(queue, "other")
    before = rows(queue)
    for change in CHANGES.values():
        with pytest.raises(FenceLost):
            change(queue, old)
        assert rows(queue) == before
    end(queue, new)


def test_a_finished_job_stays_finished(queue: House, scope: Scope) -> None:
    """Even its own worker cannot finish, renew or give back a job that has ended."""
    add(queue, scope, "e")
    job = taken(queue)
    end(queue, job)
    for change in CHANGES.values():
        with pytest.raises(FenceLost):
            change(queue, job)
    assert take(queue) is None


def test_a_job_of_another_app_is_out_of_reach(queue: House, scope: Scope) -> None:
    """The right number and fence are not enough: space and app must be the job's."""
    add(queue, scope, "e")
    job = taken(queue)
    strangers = (replace(job, app=job.app + 1), replace(job, space=job.space + 1))
    for change, stranger in product(CHANGES.values(), strangers):
        with pytest.raises(FenceLost):
            change(queue, stranger)
    end(queue, job)


def test_finishing_counts_only_with_its_transaction(queue: House, scope: Scope) -> None:
    """When what a job made cannot be committed, the job is not finished either."""
    add(queue, scope, "e")
    job = taken(queue)
    with pytest.raises(ZeroDivisionError):
        finish_and_fail(queue, job)
    renew(queue.database, job, LEASE)
    end(queue, job)


def finish_and_fail(house: House, job: Job) -> None:
    """A transaction that finishes a job and then fails."""
    with house.database.write() as connection:
        finish(connection, job)
        raise ZeroDivisionError


def test_a_job_given_back_comes_again_after_its_pause(queue: House, scope: Scope, clock: MovedClock) -> None:
    """A job that was given back is not claimed before its delay, then as the next attempt; others go first."""
    add(queue, scope, "e", "f")
    give_back(queue.database, taken(queue), HOUR)
    assert taken(queue).subject == "f"
    assert take(queue) is None
    clock.shift += HOUR + MINUTE
    end_of_f = [taken(queue), taken(queue)]
    assert sorted((job.subject, job.attempt, job.fence) for job in end_of_f) == [("e", 2, 2), ("f", 2, 2)]


def test_a_claim_does_not_wait_for_a_job_that_is_being_changed(queue: House, scope: Scope) -> None:
    """On PostgreSQL a row that another transaction holds is passed over, so one slow worker stops no other."""
    if queue.database.sqlite:
        pytest.skip("SQLite has one writer at a time")
    add(queue, scope, "e", "f")
    found: list[Job | None] = []
    with queue.database.write() as connection:
        connection.execute(select(jobs).where(jobs.c.subject == "e").with_for_update()).one()
        thread = threading.Thread(target=lambda: found.append(take(queue, "other")))
        thread.start()
        thread.join(30)
    assert [job.subject if job else None for job in found] == ["f"]


def rows(house: House) -> list[object]:
    """The whole table."""
    with house.database.read() as connection:
        return [tuple(row) for row in connection.execute(select(jobs).order_by(jobs.c.number))]
