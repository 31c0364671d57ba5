"""Giving way: when a running job leaves its place to another space."""

from tailrace.jobs.queue import Job, renew
from tailrace.jobs.yielding import PATIENCE_MS, others_wait
from tailrace.model.access import Scope
from tailrace.model.clock import HOUR, SECOND
from tailrace.wiring import House
from tests.unit.clocks import MovedClock
from tests.unit.jobs.doing import LEASE, add, taken, weigh

TURN = 30 * SECOND
LONG = PATIENCE_MS + SECOND


def asked(house: House, job: Job) -> bool:
    """Whether a job is asked to give way."""
    with house.database.read() as connection:
        return others_wait(connection, job, TURN)


def running(house: House, scope: Scope, jobs: int) -> list[Job]:
    """So many jobs of a space, all of them running."""
    add(house, scope, *(f"{scope.app}-{number}" for number in range(jobs)))
    return [taken(house) for _ in range(jobs)]


def test_nobody_gives_way_to_nobody(queue: House, scope: Scope, clock: MovedClock) -> None:
    """However long it runs and however many of its own space wait."""
    job, *_ = running(queue, scope, 2)
    add(queue, scope, "mine")
    clock.shift += TURN
    assert not asked(queue, job)


def test_a_lone_job_has_its_turn(queue: House, scope: Scope, other: Scope, clock: MovedClock) -> None:
    """One that runs alone gives way to a space of which nothing runs, after its turn and not before."""
    (job,) = running(queue, scope, 1)
    add(queue, other, "waits")
    clock.shift += TURN - SECOND
    assert not asked(queue, job)
    clock.shift += 2 * SECOND
    assert asked(queue, job)


def test_many_give_way_to_one_at_once(queue: House, scope: Scope, other: Scope, clock: MovedClock) -> None:
    """A space that runs two more than one that waits has more than its share, turn or not."""
    job, *_ = running(queue, scope, 2)
    add(queue, other, "waits")
    clock.shift += LONG
    assert asked(queue, job)


def test_an_even_share_stays(queue: House, scope: Scope, other: Scope, clock: MovedClock) -> None:
    """Two of one and one of the other: changing places would only turn it round."""
    job, *_ = running(queue, scope, 2)
    running(queue, other, 1)
    add(queue, other, "waits")
    clock.shift += LONG
    assert not asked(queue, job)


def test_shares_go_by_weight(queue: House, scope: Scope, other: Scope, clock: MovedClock) -> None:
    """With weight 3 a space may run three beside one of another."""
    weigh(queue, scope, 3)
    job, *_ = running(queue, scope, 3)
    running(queue, other, 1)
    add(queue, other, "waits")
    clock.shift += LONG
    assert not asked(queue, job)
    weigh(queue, scope, 1)
    assert asked(queue, job)


def test_a_job_that_has_just_come_is_left_to_idle_workers(
    queue: House, scope: Scope, other: Scope, clock: MovedClock
) -> None:
    """Nobody stops working for a job that another worker is about to take, nor for one that is not due."""
    job, *_ = running(queue, scope, 2)
    add(queue, other, "later", after=HOUR)
    clock.shift += LONG
    add(queue, other, "new")
    assert not asked(queue, job)
    clock.shift += LONG
    assert asked(queue, job)


def test_other_lanes_do_not_count(queue: House, scope: Scope, other: Scope, clock: MovedClock) -> None:
    """Each lane has workers of its own."""
    job, *_ = running(queue, scope, 2)
    add(queue, other, "waits", lane="delivery")
    clock.shift += TURN
    assert not asked(queue, job)


def test_a_job_whose_worker_died_waits_too(queue: House, scope: Scope, other: Scope, clock: MovedClock) -> None:
    """When all workers are busy nobody ends its lease, so it is looked for here."""
    running(queue, other, 1)
    mine = running(queue, scope, 2)
    clock.shift += LEASE + LONG
    for job in mine:
        renew(queue.database, job, LEASE)
    assert asked(queue, mine[0])
