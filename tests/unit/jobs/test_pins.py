"""Pins: unfinished jobs say what they still read."""

from tailrace.accounts.lookup import scope_of_app
from tailrace.jobs.pins import oldest_pin
from tailrace.jobs.queue import pin
from tailrace.model.access import Scope
from tailrace.wiring import House
from tests.unit.jobs.doing import add, call_off, end, taken


def pinned(house: House, scope: Scope) -> int | None:
    """The oldest pin of an app."""
    with house.database.read() as connection:
        return oldest_pin(connection, scope)


def test_the_oldest_unfinished_job_pins(queue: House, scope: Scope) -> None:
    """Waiting or running, until it is done or cancelled."""
    assert pinned(queue, scope) is None
    add(queue, scope, "five", snapshot=5)
    add(queue, scope, "three", snapshot=3)
    add(queue, scope, "four", snapshot=4)
    job = taken(queue)
    assert (job.subject, pinned(queue, scope)) == ("five", 3)
    assert call_off(queue, scope, "three") == "ended"
    assert pinned(queue, scope) == 4
    end(queue, taken(queue))
    assert pinned(queue, scope) == 5
    end(queue, job)
    assert pinned(queue, scope) is None


def test_a_job_pins_from_when_it_knows_what(queue: House, scope: Scope) -> None:
    """One that waits for the end of its window pins nothing before its worker has resolved it."""
    add(queue, scope, "e")
    assert pinned(queue, scope) is None
    job = taken(queue)
    with queue.database.write() as connection:
        pin(connection, job, 8)
    assert pinned(queue, scope) == 8


def test_apps_pin_apart(queue: House, scope: Scope, other: Scope) -> None:
    """Commits are numbered per app, so one app's jobs say nothing of another's."""
    add(queue, scope, "e", snapshot=9)
    tides = scope_of_app(queue.database, "app_tides")
    add(queue, tides, "f", snapshot=2)
    assert [pinned(queue, app) for app in (scope, tides, other)] == [9, 2, None]


def test_jobs_of_all_lanes_pin(queue: House, scope: Scope) -> None:
    """Whoever reads, what is read must stay."""
    add(queue, scope, "e", snapshot=9)
    add(queue, scope, "sweep", lane="delivery", snapshot=1)
    assert pinned(queue, scope) == 1
