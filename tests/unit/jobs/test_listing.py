"""What an operator sees of the queue."""

from tailrace.jobs.listing import Listed, list_jobs, waits_until
from tailrace.model.access import Scope
from tailrace.model.clock import MINUTE
from tailrace.wiring import House
from tests.unit.clocks import MovedClock
from tests.unit.jobs.doing import add, back, call_off, end, row, taken


def listed(house: House, *, unfinished: bool = False, before: int | None = None, limit: int = 100) -> list[Listed]:
    """A page, without what a store has by itself."""
    with house.database.read() as connection:
        found = list_jobs(connection, unfinished=unfinished, before=before, limit=limit)
    return [job for job in found if job.lane != "upkeep"]


def test_pages_hold_every_job_once(queue: House, scope: Scope, other: Scope) -> None:
    """Newest first, over all spaces, also when jobs are added between two pages."""
    subjects = [f"e{number}" for number in range(10)]
    for number, subject in enumerate(subjects):
        add(queue, (scope, other)[number % 2], subject)
    found: list[Listed] = []
    page = listed(queue, limit=3)
    while page:
        found += page
        add(queue, scope, f"new {len(found)}")
        page = listed(queue, before=page[-1].number, limit=3)
    assert [job.subject for job in found] == subjects[::-1]
    assert {job.app for job in found} == {"app_waves", "app_other"}


def test_finished_jobs_can_be_left_out(queue: House, scope: Scope) -> None:
    """What waits and what runs is shown, what has ended is not."""
    add(queue, scope, "done", "runs", "waits", "cancelled")
    end(queue, taken(queue))
    taken(queue)
    call_off(queue, scope, "cancelled")
    assert [job.subject for job in listed(queue, unfinished=True)] == ["waits", "runs"]
    assert len(listed(queue)) == 4


def test_a_job_is_shown_as_it_stands(queue: House, scope: Scope) -> None:
    """State, worker and counts, each after what happened."""
    add(queue, scope, "e", priority=2)
    back(queue, taken(queue), failed=True)
    taken(queue, "worker 7")
    call_off(queue, scope, "e")
    (job,) = listed(queue)
    assert (job.space, job.app, job.lane, job.subject) == ("acme", "app_waves", "export", "e")
    assert (job.state, job.holder, job.cancel, job.priority) == ("leased", "worker 7", True, 2)
    assert (job.attempt, job.failures, job.outages) == (2, 1, 0)
    assert (job.outcome, job.error) == (None, None)
    assert job.created_at == row(queue, "e").created_at > 0


def test_what_is_put_off_says_until_when(queue: House, scope: Scope, other: Scope, clock: MovedClock) -> None:
    """A job that failed tells when it comes again, to its own app alone, until it is due; at all other times none."""

    def told(of: Scope = scope) -> int | None:
        with queue.database.read() as connection:
            return waits_until(connection, "export", of, "e")

    add(queue, scope, "e")
    before = [told()]
    job = taken(queue)
    before.append(told())
    since = clock.now()
    back(queue, job, MINUTE, failed=True)
    assert before == [None, None]
    at = told()
    assert at is not None
    assert since <= at - MINUTE <= clock.now()
    assert told(other) is None
    clock.shift = MINUTE
    assert told() is None
    end(queue, taken(queue))
    assert told() is None
