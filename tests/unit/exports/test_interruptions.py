"""Exports that are interrupted: cancelled at whatever stage, given back, cut off, or not to be made at all."""

import json
import threading
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import select, update

from tailrace.accounts.lookup import scope_of_app
from tailrace.compute.stops import look
from tailrace.db.tables import exports, jobs
from tailrace.exports import run as run_module
from tailrace.exports.cancelling import cancel_export
from tailrace.exports.records import Export, find_export
from tailrace.exports.run import run_export
from tailrace.exports.slices import SliceSpec
from tailrace.jobs.queue import Job, claim
from tailrace.model.access import Scope
from tailrace.model.clock import MINUTE
from tailrace.model.errors import ExportFailed, Unavailable
from tailrace.wiring import House
from tests.sending import principal, request, rows_of
from tests.unit.clocks import MovedClock, moved
from tests.unit.exports.attempts import Slices, ask, attempt, job_of, now, objects, recorded, run, steered, take
from tests.unit.store.history import History

WAIT_S = 30


@pytest.fixture
def clock() -> MovedClock:
    """A clock that a test moves."""
    return MovedClock()


@pytest.fixture
def moving(house: House, clock: MovedClock, history: History) -> House:  # noqa: ARG001 - what the store was told
    """A store with a history by that clock, its slices made one after the other."""
    return steered(moved(house, clock))


@pytest.fixture
def slices(monkeypatch: pytest.MonkeyPatch) -> Slices:
    """What happens in slices."""
    monkeypatch.setattr(run_module, "_LOOK_MS", 20)
    return Slices(monkeypatch)


def cancel(house: House, export: Export) -> Export:
    """Cancel as its owner does."""
    return cancel_export(house.database, principal(house, export.scope), export.id)


def check_cancelled(house: House, export: Export) -> None:
    """It and its job have ended so, and nothing of it is left."""
    ended, job = now(house, export), job_of(house, export)
    assert (ended.state, ended.error, ended.manifest) == ("cancelled", None, None)
    assert ended.finished_at is not None
    assert (job.state, job.outcome) == ("done", "cancelled")
    assert recorded(house, export) == []
    assert objects(house, export) == []


def check_whole(house: House, export: Export, *, died: bool = False) -> None:
    """It has succeeded with all rows, and nothing else stays but what a worker that died has left to the sweeper."""
    done = now(house, export)
    assert done.state == "succeeded", done.error
    manifest = json.loads(done.manifest or "")
    assert len([row for file in manifest["files"] for row in rows_of(house, done, file["name"])]) == 100
    assert (job_of(house, export).state, job_of(house, export).outcome) == ("done", "succeeded")
    named = {one["name"] for one in (*manifest["files"], manifest["schema"])}
    assert named <= set(objects(house, export)) if died else sorted(named) == objects(house, export)


def test_cancelled_before_it_is_claimed(moving: House, scope: Scope, slices: Slices) -> None:
    """It ends at once, and nobody gets its job."""
    export = ask(moving, scope)
    assert cancel(moving, export).state == "cancelled"
    assert claim(moving.database, "export", "worker", MINUTE) is None
    check_cancelled(moving, export)
    assert not slices.made


def test_cancelled_between_claim_and_start(moving: House, scope: Scope, slices: Slices) -> None:
    """The worker makes no slice."""
    export = ask(moving, scope)
    job = take(moving)
    assert cancel(moving, export).state == "queued"
    run(moving, job)
    check_cancelled(moving, export)
    assert not slices.made


def test_cancelled_in_a_slice(moving: House, scope: Scope, slices: Slices) -> None:
    """The slice hears of it while it runs, by its flag, and ends."""
    export = ask(moving, scope)

    def until_stopped(spec: SliceSpec) -> None:
        cancel(moving, export)
        for _ in range(WAIT_S * 100):
            look(spec.stop)
            threading.Event().wait(0.01)

    slices.hooks[1] = until_stopped
    attempt(moving)
    check_cancelled(moving, export)
    assert slices.made[2] <= 1


def test_cancelled_between_slices(moving: House, scope: Scope, slices: Slices) -> None:
    """The next note hears of it."""
    export = ask(moving, scope)
    slices.hooks[1] = lambda _: cancel(moving, export)
    attempt(moving)
    check_cancelled(moving, export)


@pytest.mark.parametrize(
    "form", [{}, {"split": "day"}, {"shape": "tables", "packing": "zip", "split": "event"}], ids=str
)
def test_cancelled_while_files_are_made(
    moving: House, scope: Scope, slices: Slices, monkeypatch: pytest.MonkeyPatch, form: dict[str, Any]
) -> None:
    """Also when no slice runs any more: files that are finished are gone, too."""
    monkeypatch.setattr("tailrace.exports.noting.EVERY_S", 1e9)  # only the last transaction will hear of it
    export = ask(moving, scope, request(scope, **form))
    slices.hooks[2] = lambda _: cancel(moving, export)
    attempt(moving)
    check_cancelled(moving, export)


@pytest.mark.parametrize(
    ("name", "state"), [("export.before_commit", "cancelled"), ("export.after_commit", "succeeded")]
)
def test_one_transaction_decides(
    moving: House, scope: Scope, slices: Slices, monkeypatch: pytest.MonkeyPatch, name: str, state: str
) -> None:
    """Cancelled before the last commit it is cancelled; after it, it has succeeded; never both."""
    export = ask(moving, scope)
    answers: list[Export] = []

    def passing(point: str) -> None:
        if point == name:
            answers.append(cancel(moving, export))

    monkeypatch.setattr(run_module, "point", passing)
    attempt(moving)
    assert slices.made == {0: 1, 1: 1, 2: 1}
    if state == "cancelled":
        check_cancelled(moving, export)
    else:
        check_whole(moving, export)
        assert answers[0].state == "succeeded"
        assert cancel(moving, export).state == "succeeded"


def test_cancelled_while_it_waits_to_be_tried_again(moving: House, scope: Scope, slices: Slices) -> None:
    """It ends at once, and what was finished of it is forgotten; its parts are for the sweeper."""
    export = ask(moving, scope)

    def broken(_: SliceSpec) -> None:
        raise ValueError("broken")

    slices.hooks[2] = broken
    attempt(moving)
    assert recorded(moving, export) == [0, 1]
    assert cancel(moving, export).state == "cancelled"
    assert recorded(moving, export) == []
    assert claim(moving.database, "export", "worker", MINUTE) is None


def test_giving_way_to_a_space_that_waits(moving: House, scope: Scope, slices: Slices, clock: MovedClock) -> None:
    """After its turn an export lets one of another space go first, loses nothing by it, and is finished after."""
    other = scope_of_app(moving.database, "app_other")
    long = ask(moving, scope)
    short: list[Export] = []

    def come(_: SliceSpec) -> None:
        short.append(ask(moving, other))
        clock.shift += moving.settings.jobs.turn_ms + 1_000

    slices.hooks[1] = come
    attempt(moving)
    given = job_of(moving, long)
    assert (given.state, given.failures, given.outages) == ("ready", 0, 0)
    assert recorded(moving, long) in ([0], [0, 1])
    next_job = take(moving)
    assert next_job.subject == short[0].id
    run(moving, next_job)
    assert now(moving, short[0]).state == "succeeded"
    attempt(moving)
    check_whole(moving, long)
    assert slices.made[0] == 1


def test_it_keeps_its_place_while_nobody_waits(moving: House, scope: Scope, slices: Slices, clock: MovedClock) -> None:
    """However long it runs, and also beside another of its own space."""
    export = ask(moving, scope)
    ask(moving, scope)

    def take_long(_: SliceSpec) -> None:
        clock.shift += moving.settings.jobs.turn_ms + 1_000

    slices.hooks[1] = take_long
    attempt(moving)
    check_whole(moving, export)


def test_shutdown_gives_it_back_at_the_next_slice(moving: House, scope: Scope, slices: Slices) -> None:
    """Nothing is failed, and another worker goes on at once from there."""
    export = ask(moving, scope)
    closing = threading.Event()
    slices.hooks[1] = lambda _: closing.set()
    run(moving, take(moving), closing=closing)
    given = job_of(moving, export)
    assert (given.state, given.failures) == ("ready", 0)
    done = recorded(moving, export)
    assert done in ([0], [0, 1])
    attempt(moving)
    check_whole(moving, export)
    assert all(slices.made[number] == 1 for number in done)


class Away:
    """A database that does not answer writers, so many times or for good."""

    def __init__(self, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
        self.left = 0
        self.refused = 0
        self._write = house.database.write
        monkeypatch.setattr(house.database, "write", self)

    @contextmanager
    def __call__(self) -> Any:
        if self.left > 0:
            self.left -= 1
            self.refused += 1
            raise Unavailable("the database did not answer", 5)
        with self._write() as connection:
            yield connection


@pytest.fixture
def away(moving: House, monkeypatch: pytest.MonkeyPatch) -> Away:
    """A database that a test takes away."""
    return Away(moving, monkeypatch)


def test_a_database_that_comes_back_costs_nothing(moving: House, scope: Scope, slices: Slices, away: Away) -> None:
    """It was away at notes and at the end: what could not be written is written later, and no slice is made again."""
    export = ask(moving, scope)

    def leave(_: SliceSpec) -> None:
        away.left = 5

    slices.hooks[1] = leave
    attempt(moving)
    assert away.refused == 5
    check_whole(moving, export)
    assert set(slices.made.values()) == {1}
    assert (job_of(moving, export).failures, job_of(moving, export).outages) == (0, 0)


def test_a_database_that_stays_away_ends_the_attempt_with_its_lease(
    moving: House, scope: Scope, slices: Slices, away: Away, clock: MovedClock
) -> None:
    """The worker lets go when its lease must have lapsed; the job is another's then, and is finished."""
    export = ask(moving, scope)

    def leave(_: SliceSpec) -> None:
        away.left = 1 << 30

    slices.hooks[2] = leave
    run(moving, take(moving), lease_ms=300)
    away.left = 0
    assert now(moving, export).state == "running"
    clock.shift += moving.settings.exports.lease_ms + MINUTE
    attempt(moving)
    check_whole(moving, export, died=True)
    assert (slices.made[0], slices.made[2]) == (1, 2)


def test_shutdown_does_not_wait_for_a_database(moving: House, scope: Scope, slices: Slices, away: Away) -> None:
    """A process that is asked to end while the database is away ends; the lease frees the job."""
    export = ask(moving, scope)
    closing = threading.Event()

    def leave(_: SliceSpec) -> None:
        away.left = 1 << 30
        closing.set()

    slices.hooks[1] = leave
    run(moving, take(moving), closing=closing)
    away.left = 0
    assert job_of(moving, export).state == "leased"


def test_an_answer_that_was_lost_changes_nothing(
    moving: House, scope: Scope, slices: Slices, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last commit was done, but its answer never came: the worker sees that it is done, and all is there once."""
    export = ask(moving, scope)
    write = moving.database.write
    armed: list[str] = []

    @contextmanager
    def lossy() -> Any:
        with write() as connection:
            yield connection
        if armed:
            armed.clear()
            raise Unavailable("the database did not answer", 5)

    monkeypatch.setattr(moving.database, "write", lossy)
    monkeypatch.setattr(
        run_module, "point", lambda name: armed.extend(["now"] if name == "export.before_commit" else [])
    )
    attempt(moving)
    assert now(moving, export).state == "succeeded"
    assert slices.made == {0: 1, 1: 1, 2: 1}
    manifest = json.loads(now(moving, export).manifest or "")
    assert len(rows_of(moving, now(moving, export), manifest["files"][0]["name"])) == 100


def test_a_request_that_cannot_be_read_ends_the_export(moving: House, scope: Scope) -> None:
    """Another release wrote it: the job fails at once with what to do, and does not come again."""
    export = ask(moving, scope)
    with moving.database.write() as connection:
        connection.execute(update(exports).values(request='{"app": "app_waves", "window": 7}'))
    attempt(moving)
    with moving.database.read() as connection:
        row = connection.execute(select(exports.c.state, exports.c.error)).one()
        job = connection.execute(select(jobs).where(jobs.c.subject == export.id)).one()
    assert row.state == "failed"
    assert "cannot read its request" in row.error
    assert "ask for the export again" in row.error
    assert (job.state, job.outcome) == ("done", "failed")
    with pytest.raises(ExportFailed):
        find_export(moving.database, principal(moving, scope), export.id)


def test_a_worker_that_lost_its_job_stops_its_slices(
    moving: House, scope: Scope, slices: Slices, clock: MovedClock
) -> None:
    """The heartbeat finds out while a slice runs; that ends by its flag, and the heir is left alone."""
    export = ask(moving, scope)
    heirs: list[Job] = []

    def wait_for_the_news(spec: SliceSpec) -> None:
        while not heirs:  # the heartbeat may come between the end of the lease and the heir
            clock.shift += 2 * MINUTE
            if heir := claim(moving.database, "export", "heir", moving.settings.exports.lease_ms):
                heirs.append(heir)
        for _ in range(WAIT_S * 100):
            look(spec.stop)
            threading.Event().wait(0.01)

    slices.hooks[1] = wait_for_the_news
    run(moving, take(moving), lease_ms=60)
    assert job_of(moving, export).owner == "heir"
    run(moving, heirs[0])
    check_whole(moving, export, died=True)


def test_runners_share_a_pool_and_all_end(moving: House, scope: Scope, slices: Slices) -> None:
    """Four exports at once on one worker of slices: they take turns, and each is whole."""
    asked = [ask(moving, scope) for _ in range(4)]
    with moving.runner() as runner:
        threads = [threading.Thread(target=run_export, args=(runner, take(moving))) for _ in asked]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(WAIT_S)
    for export in asked:
        check_whole(moving, export)
    assert sum(slices.made.values()) == 12
