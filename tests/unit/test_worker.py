"""The worker: a thread per lane, exports side by side on one pool, and an orderly end."""

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from tailrace.exports.slices import SliceSpec
from tailrace.jobs.bell import Bell
from tailrace.jobs.queue import Job, claim
from tailrace.model.access import Scope
from tailrace.model.errors import Unavailable
from tailrace.wiring import House
from tailrace.worker import Worker
from tests.fulldisk import full_disk
from tests.sending import T0, event, seal, send
from tests.unit.exports.attempts import Slices, ask, job_of, now, recorded, steered

WAIT_S = 30


@pytest.fixture
def filled(house: House, scope: Scope) -> House:
    """A store with one slice to export, and two workers of slices."""
    send(house, scope, [event("e", T0)])
    seal(house, scope)
    one = steered(house)
    exports = one.settings.exports.model_copy(update={"workers": 2})
    return replace(one, settings=one.settings.model_copy(update={"exports": exports}))


@pytest.fixture
def slices(monkeypatch: pytest.MonkeyPatch) -> Slices:
    """What happens in slices."""
    return Slices(monkeypatch)


def wait_until(true: Callable[[], bool]) -> None:
    """Wait for another thread."""
    deadline = time.monotonic() + WAIT_S
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_exports_run_side_by_side(filled: House, scope: Scope, slices: Slices) -> None:
    """Two that wait for each other in their slices can only end if both run."""
    meeting = threading.Barrier(2, timeout=WAIT_S)
    exports = [ask(filled, scope) for _ in range(2)]
    make = slices._make

    def meet(data: str, spec: SliceSpec) -> object:
        meeting.wait()
        return make(data, spec)

    slices._make = meet  # type: ignore[assignment]
    with Worker(filled, Bell(), 2):
        wait_until(lambda: all(now(filled, export).state == "succeeded" for export in exports))


def test_a_log_on_a_full_disk_ends_no_thread(filled: House, scope: Scope, monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread whose database is away says so where nothing can be written, and goes on all the same."""
    refused = threading.Event()

    def away(*arguments: Any) -> Job | None:
        if arguments[1] == "export" and not refused.is_set():
            refused.set()
            raise Unavailable("the database did not answer", 1)
        return claim(*arguments)

    monkeypatch.setattr("tailrace.worker.claim", away)
    export = ask(filled, scope)
    with full_disk(), Worker(filled, Bell(), 1) as worker:
        wait_until(lambda: now(filled, export).state == "succeeded")
        assert worker.alive
    assert refused.is_set()


def test_leaving_gives_back_what_runs(filled: House, scope: Scope, slices: Slices) -> None:
    """The worker ends though an export is not done; that goes on where the next worker is, without a failure."""
    filled_days = [event("e", T0 + day * 86_400_000, session=f"s{day}") for day in range(1, 5)]
    send(filled, scope, filled_days)
    seal(filled, scope)
    export = ask(filled, scope)
    begun, go_on = threading.Event(), threading.Event()

    def hold(_: SliceSpec) -> None:
        begun.set()
        assert go_on.wait(WAIT_S)

    slices.hooks[0] = hold
    worker = Worker(filled, Bell(), 1)
    with worker:
        assert begun.wait(WAIT_S)
        leaving = threading.Thread(target=worker.__exit__)
        leaving.start()
        wait_until(worker._runner.closing.is_set)
        go_on.set()
        leaving.join(WAIT_S)
    given = job_of(filled, export)
    assert (given.state, given.failures) == ("ready", 0)
    before = recorded(filled, export)
    assert before
    with Worker(filled, Bell(), 1):
        wait_until(lambda: now(filled, export).state == "succeeded")
    assert [slices.made[number] for number in before] == [1] * len(before)
