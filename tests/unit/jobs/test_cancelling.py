"""Cancelling: at once where nobody works, soon where somebody does, never twice."""

import pytest

from tailrace.accounts.lookup import scope_of_app
from tailrace.jobs.queue import renew
from tailrace.model.access import Scope
from tailrace.model.clock import HOUR, MINUTE
from tailrace.model.errors import FenceLost
from tailrace.wiring import House
from tests.unit.clocks import MovedClock
from tests.unit.jobs.doing import LEASE, add, back, call_off, end, row, take, taken


def test_a_job_that_waits_ends_at_once(queue: House, scope: Scope) -> None:
    """Nobody can claim it any more, whether it was due or not."""
    add(queue, scope, "now")
    add(queue, scope, "later", after=HOUR)
    assert [call_off(queue, scope, subject) for subject in ("now", "later")] == ["ended", "ended"]
    assert take(queue) is None
    assert {(row(queue, each).state, row(queue, each).outcome) for each in ("now", "later")} == {("done", "cancelled")}


def test_a_worker_is_asked(queue: House, scope: Scope) -> None:
    """It may finish all the same: its transaction decides, and what it said stays."""
    add(queue, scope, "e")
    job = taken(queue)
    assert [call_off(queue, scope, "e") for _ in range(2)] == ["asked", "asked"]
    end(queue, job)
    assert call_off(queue, scope, "e") == "over"
    assert row(queue, "e").outcome == "succeeded"


def test_a_cancelled_job_that_is_given_back_does_not_wait(queue: House, scope: Scope) -> None:
    """Its next worker ends it, without the pause that a retry has."""
    add(queue, scope, "e")
    job = taken(queue)
    call_off(queue, scope, "e")
    back(queue, job, HOUR, failed=True)
    again = taken(queue)
    assert renew(queue.database, again, LEASE) == "cancel"
    end(queue, again, "cancelled")


def test_a_dead_workers_job_ends_at_once(queue: House, scope: Scope, clock: MovedClock) -> None:
    """When its lease is over nobody need be asked; should the worker still live, it can change nothing."""
    add(queue, scope, "e")
    job = taken(queue)
    clock.shift += LEASE + MINUTE
    assert call_off(queue, scope, "e") == "ended"
    with pytest.raises(FenceLost):
        end(queue, job)
    assert row(queue, "e").outcome == "cancelled"


def test_only_ones_own_jobs_can_be_cancelled(queue: House, scope: Scope, other: Scope) -> None:
    """A job of another app or space, of another lane, or of no such name is unknown, and goes on."""
    add(queue, scope, "e")
    tides = scope_of_app(queue.database, "app_tides")
    assert {call_off(queue, each, "e") for each in (other, tides)} == {"unknown"}
    assert call_off(queue, scope, "e", lane="delivery") == "unknown"
    assert call_off(queue, scope, "f") == "unknown"
    assert taken(queue).subject == "e"
