"""The queue: one worker per job, and a silent one loses it."""

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import product

import pytest
from msgspec.structs import replace
from sqlalchemy import Connection, select, update

from tailrace import __version__
from tailrace.db.tables import jobs
from tailrace.jobs.queue import Job, adopt, ensure, finish, hold, pin, renew, repeat
from tailrace.model.access import Scope
from tailrace.model.clock import DAY, HOUR, MINUTE
from tailrace.model.errors import FenceLost
from tailrace.wiring import House
from tests.unit.clocks import MovedClock
from tests.unit.jobs.doing import LEASE, add, back, call_off, end, row, rows, take, taken


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


def test_jobs_of_a_space_are_claimed_in_order(queue: House, scope: Scope) -> None:
    """The most important one comes first; of equals the oldest, whenever it was ready."""
    add(queue, scope, "first", "second", after=-HOUR)
    add(queue, scope, "third", after=-DAY)
    add(queue, scope, "urgent", priority=1)
    add(queue, scope, "idle", priority=-1, after=-DAY)
    assert [taken(queue).subject for _ in range(5)] == ["urgent", "first", "second", "third", "idle"]
    assert take(queue) is None


def test_lanes_do_not_mix(queue: House, scope: Scope) -> None:
    """A worker of a lane sees the jobs of that lane only."""
    add(queue, scope, "sweep", lane="delivery")
    assert take(queue) is None
    assert (taken(queue, lane="delivery").subject, taken_lane(queue)) == ("sweep", "delivery")


def taken_lane(house: House) -> str:
    """The lane of the only job."""
    (only,) = rows(house)
    return str(only.lane)


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
    """After the lease another worker gets the job, as the next attempt under a higher fence; it counts as a failure."""
    add(queue, scope, "e")
    first = taken(queue)
    clock.shift += LEASE + MINUTE
    second = taken(queue, "other")
    assert (second.subject, second.attempt, second.failures) == ("e", first.attempt + 1, first.failures + 1)
    assert second.fence > first.fence
    assert take(queue, "third") is None


@pytest.mark.parametrize("jump", [-DAY, DAY])
def test_clocks_that_jump_stop_no_job(queue: House, scope: Scope, clock: MovedClock, jump: int) -> None:
    """What was added or leased before the clock was set, back or forth, is claimed after it, in an hour at most."""
    add(queue, scope, "leased", "ready")
    taken(queue)
    clock.shift += jump
    assert sorted(taken(queue, "other").subject for _ in range(2)) == ["leased", "ready"]


CHANGES: dict[str, Callable[[House, Job], object]] = {
    "finish": end,
    "renew": lambda house, job: renew(house.database, job, LEASE),
    "give back": back,
    "hold": lambda house, job: within(house, job, hold),
    "adopt": lambda house, job: within(house, job, adopt),
    "pin": lambda house, job: within(house, job, lambda connection, held: pin(connection, held, 7)),
    "repeat": lambda house, job: within(house, job, lambda connection, held: repeat(connection, held, 0)),
}


def within(house: House, job: Job, change: Callable[[Connection, Job], object]) -> None:
    """Change a job in a transaction of its own."""
    with house.database.write() as connection:
        change(connection, job)


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
        finish(connection, job, "succeeded")
        raise ZeroDivisionError


def test_a_job_given_back_comes_again_after_its_pause(queue: House, scope: Scope, clock: MovedClock) -> None:
    """A job that was given back is not claimed before its delay, then as the next attempt; others go first."""
    add(queue, scope, "e", "f")
    back(queue, taken(queue), HOUR)
    assert taken(queue).subject == "f"
    assert take(queue) is None
    clock.shift += HOUR + MINUTE
    end_of_f = [taken(queue), taken(queue)]
    assert sorted((job.subject, job.attempt, job.failures) for job in end_of_f) == [("e", 2, 0), ("f", 2, 1)]


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


def test_what_is_counted_is_why_it_was_given_back(queue: House, scope: Scope) -> None:
    """Failures and outages are counted apart, and giving way is neither; each claim is an attempt."""
    add(queue, scope, "e")
    for kinds in ({"failed": True}, {"outage": True}, {}, {"failed": True}):
        back(queue, taken(queue), **kinds)
    job = taken(queue)
    assert (job.attempt, job.failures, job.outages) == (5, 2, 1)


def test_a_recurring_job_comes_again_with_a_clean_slate(queue: House, scope: Scope, clock: MovedClock) -> None:
    """It is made once however often it is ensured, comes at its instant, and what went wrong before is forgotten."""
    for _ in range(3):
        with queue.database.write() as connection:
            ensure(connection, "delivery", scope, "sweep")
    back(queue, taken(queue, lane="delivery"), failed=True, outage=True)
    job = taken(queue, lane="delivery")
    with queue.database.write() as connection:
        repeat(connection, job, queue.database.now(connection) + HOUR)
    assert take(queue, lane="delivery") is None
    clock.shift += HOUR + MINUTE
    again = taken(queue, lane="delivery")
    assert (again.subject, again.failures, again.outages, len(rows(queue))) == ("sweep", 0, 0, 1)


def test_jobs_that_recur_take_turns(queue: House) -> None:
    """However soon the first app's sweep is due again, every app's comes round: each is claimed as often."""
    claimed: Counter[int] = Counter()
    for _ in range(12):
        job = taken(queue, lane="upkeep")
        claimed[job.app] += 1
        within(queue, job, lambda connection, held: repeat(connection, held, queue.database.now(connection)))
    assert sorted(claimed.values()) == [3, 3, 6]  # two apps of one space, one of another


def test_a_job_knows_which_release_worked_on_it(queue: House, scope: Scope) -> None:
    """A claim says who worked on it last; adopting writes this release down."""
    add(queue, scope, "e")
    with queue.database.write() as connection:
        connection.execute(update(jobs).where(jobs.c.subject == "e").values(code_version="0.0.1"))
    job = taken(queue)
    assert job.code_version == "0.0.1"
    within(queue, job, adopt)
    back(queue, job)
    assert taken(queue).code_version == __version__


def test_a_finished_job_says_how(queue: House, scope: Scope) -> None:
    """Outcome and error are kept with the job, and the worker's name is not."""
    add(queue, scope, "e")
    job = taken(queue)
    within(queue, job, lambda connection, held: finish(connection, held, "failed", "no luck"))
    done = row(queue, "e")
    assert (done.state, done.outcome, done.error, done.owner) == ("done", "failed", "no luck", None)


def test_a_worker_hears_that_it_is_to_stop(queue: House, scope: Scope) -> None:
    """At each renewal and each note, once someone has cancelled the job."""
    add(queue, scope, "e")
    job = taken(queue)
    assert renew(queue.database, job, LEASE) == "go_on"
    assert call_off(queue, scope, "e") == "asked"
    assert renew(queue.database, job, LEASE) == "cancel"
    with queue.database.write() as connection:
        assert hold(connection, job) == "cancel"


def test_looking_in_vain_takes_no_lock(queue: House, scope: Scope) -> None:
    """A worker that finds nothing keeps nobody from writing, and is kept by nobody."""
    add(queue, scope, "later", after=HOUR)
    with queue.database.write() as connection:
        connection.execute(update(jobs).values(priority=0))
        assert take(queue) is None
