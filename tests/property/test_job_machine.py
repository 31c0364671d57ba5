"""Whatever workers, clients and clocks do, in whatever order: each job has one worker, and comes to one end.

A state machine drives the queue beside a model of it, a table in memory. Time is counted in whole minutes and every
lease and pause ends at half of one, so that the seconds that a run takes decide nothing.
"""

from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from sqlalchemy import Connection, delete, select

from tailrace.accounts.lookup import scope_of_app
from tailrace.db.tables import jobs, lane_turns
from tailrace.jobs.cancelling import cancel
from tailrace.jobs.pins import oldest_pin
from tailrace.jobs.queue import Job, Outcome, claim, enqueue, finish, give_back, hold, pin, renew, repeat
from tailrace.jobs.states import ARROWS
from tailrace.model.access import Scope
from tailrace.model.clock import HOUR, MINUTE
from tailrace.model.errors import FenceLost
from tailrace.wiring import House, provision
from tests.conftest import wanted
from tests.effort import examples
from tests.unit.clocks import MovedClock, moved

HALF = MINUTE // 2
AT_ONCE = -(10**15)  # whatever the clock says
LEASE = 2 * MINUTE + HALF
APPS = ("app_waves", "app_tides", "app_other", "app_heavy")  # two of one space, and two spaces more
WEIGHTS = {"acme": 1, "other": 1, "heavy": 3}
HEAVY = '[[spaces]]\nid = "heavy"\nweight = 3\n[[spaces.apps]]\nid = "app_heavy"\n'
COLUMNS = ("state", "priority", "attempt", "failures", "outages", "fence", "owner", "cancel", "snapshot", "outcome")


@dataclass
class Model:
    """What is known of a job. Times in ms from the beginning."""

    number: int
    scope: Scope
    priority: int
    not_before: int
    snapshot: int | None
    state: str = "ready"
    attempt: int = 0
    failures: int = 0
    outages: int = 0
    fence: int = 0
    owner: str | None = None
    lease_until: int = 0
    cancel: bool = False
    outcome: str | None = None
    walked: list[str] = field(default_factory=list)

    def walk(self, name: str, target: str) -> None:
        """Go along an arrow, which must be one of the table."""
        assert (self.state, target, name) in ARROWS
        self.state = target
        self.walked.append(name)

    def free(self) -> None:
        """Nobody works on it any more."""
        self.owner = None

    def lapsed(self, now: int) -> bool:
        """Whether its worker is taken for dead."""
        return self.state == "leased" and not now <= self.lease_until <= now + HOUR

    def due(self, now: int) -> bool:
        """Whether it can be claimed."""
        return self.state == "ready" and self.not_before <= now


class Jobs(RuleBasedStateMachine):
    """Rules are what workers, clients and clocks do."""

    def __init__(self, house: House) -> None:
        super().__init__()
        self.clock = MovedClock()
        self.house = moved(house, self.clock)
        self.scopes = [scope_of_app(house.database, name) for name in APPS]
        self.models: dict[int, Model] = {}
        self.held: list[Job] = []  # every claim that ever was: those of the dead are tried as well
        self.passed: dict[str, Counter[str]] = defaultdict(Counter)
        with house.database.write() as connection:
            connection.execute(delete(jobs))
            connection.execute(delete(lane_turns))

    @initialize()
    def begin(self) -> None:
        """Nothing is interesting without jobs."""
        for place in (0, 0, 2, 3):
            self.submit(place, 0, 0, None)

    @property
    def now(self) -> int:
        """The model's time."""
        return self.clock.shift

    @rule(
        app=st.integers(0, len(APPS) - 1),
        delay=st.sampled_from([0, 0, -5, 1, 3]),
        priority=st.sampled_from([0, 0, 0, 1, -1]),
        snapshot=st.sampled_from([None, 1, 2, 3]),
    )
    def submit(self, app: int, delay: int, priority: int, snapshot: int | None) -> None:
        """A client asks for something, now or for later."""
        scope, number = self.scopes[app], len(self.models)
        later = delay * MINUTE + HALF if delay > 0 else delay * MINUTE
        with self.house.database.write() as connection:
            when = self.house.database.now(connection) + later
            enqueue(connection, "export", scope, str(number), when, priority=priority, snapshot=snapshot)
        self.models[number] = Model(number, scope, priority, self.now + later if delay > 0 else AT_ONCE, snapshot)

    @rule(app=st.integers(0, len(APPS) - 1), times=st.integers(3, 6))
    def flood(self, app: int, times: int) -> None:
        """A client asks for many things at once."""
        for _ in range(times):
            self.submit(app, 0, 0, None)

    @rule(times=st.integers(1, 6))
    def take(self, times: int) -> None:
        """Workers look for something to do."""
        for _ in range(times):
            self.claim()

    def claim(self) -> Job | None:
        """One worker looks: it gets the first job of a space, if there is one anywhere."""
        holder = f"worker {len(self.held)}"
        job = claim(self.house.database, "export", holder, LEASE)
        self.lapse()
        waiting = [model for model in self.models.values() if model.due(self.now)]
        if job is None:
            assert waiting == []
            return None
        self.held.append(job)
        model = self.models[int(job.subject)]
        mine = [other for other in waiting if other.scope.space == job.space]
        assert model is min(mine, key=lambda each: (-each.priority, each.number))
        assert job.fence > model.fence
        self.serve(model, {each.scope.space_id for each in waiting})
        model.walk("claim", "leased")
        model.attempt, model.fence, model.owner = model.attempt + 1, job.fence, holder
        model.lease_until = self.now + LEASE
        assert (job.attempt, job.failures, job.outages) == (model.attempt, model.failures, model.outages)
        return job

    def lapse(self) -> None:
        """A look ends every lease that is over, under a fence that no worker has."""
        for model in self.models.values():
            if model.lapsed(self.now):
                model.walk("lapse", "ready")
                model.fence, model.failures = model.fence + 1, model.failures + 1
                model.free()

    def serve(self, model: Model, waiting: set[str]) -> None:
        """Bounded unfairness: while a space waits, no other has more turns than its weight buys, and one."""
        served = model.scope.space_id
        for space in WEIGHTS:
            if space == served or space not in waiting:
                self.passed[space].clear()
            else:
                self.passed[space][served] += 1
                assert self.passed[space][served] <= 1 + WEIGHTS[served] / WEIGHTS[space]

    def worker(self, pick: int) -> tuple[Job, Model] | None:
        """One of all workers there ever were, the latest first."""
        if not self.held:
            return None
        job = self.held[-1 - pick % len(self.held)]
        return job, self.models[int(job.subject)]

    def write(self, pick: int, change: Callable[[Connection, Job], Any]) -> Model | None:
        """A worker writes. Only the holder of the newest fence can; the writes of all others change nothing."""
        found = self.worker(pick)
        if found is None:
            return None
        job, model = found
        mine = model.state == "leased" and model.fence == job.fence
        try:
            with self.house.database.write() as connection:
                signal = change(connection, job)
        except FenceLost:
            assert not mine
            return None
        assert mine
        assert signal in (None, "cancel" if model.cancel else "go_on")
        return model

    @rule(pick=st.integers(0, 50))
    def renew(self, pick: int) -> None:
        """A worker says that it is alive, maybe after it was taken for dead."""

        def change(connection: Connection, job: Job) -> Any:
            connection.commit()  # renewing has a transaction of its own
            return renew(self.house.database, job, LEASE)

        if model := self.write(pick, change):
            model.walk("renew", "leased")
            model.lease_until = self.now + LEASE

    @rule(pick=st.integers(0, 50))
    def note(self, pick: int) -> None:
        """A worker notes progress under its fence."""
        self.write(pick, hold)

    @rule(pick=st.integers(0, 50), snapshot=st.integers(1, 3))
    def pin(self, pick: int, snapshot: int) -> None:
        """A worker has found out what it reads."""
        if model := self.write(pick, lambda connection, job: pin(connection, job, snapshot)):
            model.snapshot = snapshot

    @rule(
        pick=st.integers(0, 50), kind=st.sampled_from(["failed", "outage", "way"]), delay=st.sampled_from([0, 0, 1, 4])
    )
    def give_back(self, pick: int, kind: str, delay: int) -> None:
        """A worker failed, met an outage, or gives way."""
        later = delay * MINUTE + HALF if delay else 0

        def change(connection: Connection, job: Job) -> None:
            give_back(connection, job, later, failed=kind == "failed", outage=kind == "outage")

        if model := self.write(pick, change):
            model.walk("give back", "ready")
            model.failures += kind == "failed"
            model.outages += kind == "outage"
            model.not_before = AT_ONCE if model.cancel else self.now + later
            model.free()

    @rule(pick=st.integers(0, 50), outcome=st.sampled_from(["succeeded", "succeeded", "failed", "cancelled"]))
    def finish(self, pick: int, outcome: Outcome) -> None:
        """A worker is done, in whatever way."""
        if model := self.write(pick, lambda connection, job: finish(connection, job, outcome)):
            self.end("finish", model, outcome)

    @rule(pick=st.integers(0, 50), delay=st.integers(1, 5))
    def repeat(self, pick: int, delay: int) -> None:
        """A recurring job is done for now."""

        def change(connection: Connection, job: Job) -> None:
            repeat(connection, job, self.house.database.now(connection) + delay * MINUTE + HALF)

        if model := self.write(pick, change):
            model.walk("repeat", "ready")
            model.failures, model.outages, model.cancel = 0, 0, False
            model.not_before = self.now + delay * MINUTE + HALF
            model.free()

    def end(self, name: str, model: Model, outcome: str) -> None:
        """A job is done, for ever."""
        model.walk(name, "done")
        model.outcome = outcome
        model.free()

    @rule(pick=st.integers(0, 50))
    def cancel(self, pick: int) -> None:
        """A client no longer wants it: it ends now unless somebody works on it, and that one is asked."""
        model = self.models[pick % len(self.models)]
        with self.house.database.write() as connection:
            answer = cancel(connection, model.scope, "export", str(model.number))
        if model.state == "done":
            assert answer == "over"
            return
        asked = model.state == "leased" and not model.lapsed(self.now)
        assert answer == ("asked" if asked else "ended")
        model.cancel = True
        if not asked:
            model.fence += 1
            self.end("cancel" if model.state == "ready" else "cancel lapsed", model, "cancelled")

    @rule(minutes=st.sampled_from([1, 1, 2, 3, 5]))
    def wait(self, minutes: int) -> None:
        """Time passes; who does not renew is taken for dead."""
        self.clock.shift += minutes * MINUTE

    @rule(minutes=st.sampled_from([-10, -90, -1500, 1500]))
    def jump(self, minutes: int) -> None:
        """Somebody sets the clock."""
        self.clock.shift += minutes * MINUTE

    @invariant()
    def the_table_is_as_the_model(self) -> None:
        """In every column: so nothing changed but by the rules, and a job that is done stays as it was."""
        with self.house.database.read() as connection:
            found = connection.execute(select(jobs)).all()
        assert {int(row.subject): tuple(getattr(row, name) for name in COLUMNS) for row in found} == {
            number: tuple(getattr(model, name) for name in COLUMNS) for number, model in self.models.items()
        }

    @invariant()
    def pins_are_those_of_unfinished_jobs(self) -> None:
        """For each app the lowest."""
        with self.house.database.read() as connection:
            for scope in self.scopes:
                mine = [m for m in self.models.values() if m.scope == scope and m.state != "done"]
                lowest = min((m.snapshot for m in mine if m.snapshot is not None), default=None)
                assert oldest_pin(connection, scope) == lowest

    def teardown(self) -> None:
        """From wherever it is, every job comes to an end, by workers alone and in one go when its time has come."""
        latest = max((model.not_before for model in self.models.values()), default=0)
        self.clock.shift = max(self.clock.shift, latest) + 2 * HOUR
        open_ = sum(model.state != "done" for model in self.models.values())
        for _ in range(open_):
            job = self.claim()
            assert job is not None
            with self.house.database.write() as connection:
                finish(connection, job, "succeeded")
            self.end("finish", self.models[int(job.subject)], "succeeded")
        assert self.claim() is None
        self.the_table_is_as_the_model()
        assert all(model.outcome is not None for model in self.models.values())


@pytest.fixture
def spaces(house: House, tmp_path: Path) -> House:
    """A store with a heavy space beside the others."""
    file = tmp_path / "heavy.toml"
    file.write_text(HEAVY)
    provision(house, wanted(file))
    return house


def test_jobs(spaces: House) -> None:
    """The machine, on both databases; on PostgreSQL with fewer examples, for each step is a journey."""

    class Here(Jobs):
        def __init__(self) -> None:
            super().__init__(spaces)

    run_state_machine_as_test(
        Here,
        settings=settings(
            max_examples=examples(14 if spaces.database.sqlite else 6),
            stateful_step_count=40,
            deadline=None,
            phases=[Phase.explicit, Phase.reuse, Phase.generate],  # a failure is printed as it was found, at once
            suppress_health_check=list(HealthCheck),
        ),
    )
