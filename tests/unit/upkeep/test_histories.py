"""Random histories of writers that commit, die and come back as zombies, with sweeps interleaved at every step.

Nothing that a row names is ever lost, nobody who may commit finds an object gone, and in the end nothing else is left.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, insert, select, update

from tailrace import __version__
from tailrace.accounts.lookup import scope_of_app
from tailrace.accounts.provisioning import AppEntry, ProvisioningFile, SpaceEntry
from tailrace.db.tables import export_parts, exports, jobs, owner
from tailrace.exports.records import Export
from tailrace.jobs.queue import finish, give_back, hold
from tailrace.model.access import Scope
from tailrace.model.clock import DAY, HOUR
from tailrace.model.errors import FenceLost
from tailrace.model.export import Part
from tailrace.remote import FILES_DIRECTORY
from tailrace.store.shards import release
from tailrace.upkeep import judging
from tailrace.upkeep import sweep as sweep_module
from tailrace.upkeep.references import referenced
from tailrace.upkeep.sweep import sweep
from tailrace.wiring import House, provision
from tests.effort import examples
from tests.unit.clocks import MovedClock
from tests.unit.upkeep.test_sweep import Watched
from tests.unit.upkeep.writers import (
    GRACE,
    LEASE,
    LIFE,
    Exporter,
    Sealer,
    ask,
    exporter,
    named,
    objects,
    sealer,
    unique,
)

Step = tuple[str, int]


class History:
    """One app, all who ever wrote to it, and what must be there."""

    def __init__(self, house: House, clock: MovedClock, scope: Scope) -> None:
        self.house = house
        self.clock = clock
        self.scope = scope
        self.sealers: list[Sealer] = []
        self.exporters: list[Exporter] = []
        self.exports: dict[str, Export] = {}
        self.recorded: dict[str, set[str]] = {}
        self.committed: set[str] = set()
        self.files: dict[str, int] = {}  # those of finished exports, and when they may be gone
        self.latest = 0  # clocks go back, what is gone is gone
        self.meanwhile: list[list[Step]] = []

    def do(self, step: Step) -> None:
        """Take a step; a number chooses among those who can take it, zombies as well."""
        kind, number = step
        getattr(self, kind)(number)
        self.check()

    def check(self) -> None:
        """Nothing that is named is gone, and nothing is forgotten but files that have had their time."""
        self.latest = max(self.latest, self.house.clock.now())
        there, known = objects(self.house, self.scope), named(self.house, self.scope)
        assert known <= there
        assert known <= self.committed
        assert all(self.files[key] <= self.latest for key in self.committed - known)
        self.committed = known
        assert set().union(*self.recorded.values()) <= there

    def take_shard(self, number: int) -> None:
        found = sealer(self.house, self.scope, ("one", "two")[number % 2])
        self.sealers += [found] if found else []

    def write_segment(self, number: int) -> None:
        if not self.sealers:
            self.take_shard(number)
        for one in self._some(self.sealers, number):
            one.write()

    def write_run(self, number: int) -> None:
        for one in self._some(self.sealers, number):
            if one.run is None:
                one.write_run()

    def commit_seal(self, number: int) -> None:
        for one in self._some(self.sealers, number):
            if one.written:
                self._commit(one)

    def give_shard_back(self, number: int) -> None:
        for one in self._some(self.sealers, number):
            release(self.house.database, one.lease)

    def ask(self, _number: int) -> None:
        found = ask(self.house, self.scope)
        self.exports[found.id] = found

    def take_job(self, number: int) -> None:
        if number > 4 or not self.exports:
            self.ask(number)
        found = exporter(self.house, self.exports, ("one", "two")[number % 2])
        self.exporters += [found] if found else []

    def write_file(self, number: int) -> None:
        if not self.exporters:
            self.take_job(number)
        for one in self._some(self.exporters, number):
            one.write()

    def record_part(self, number: int) -> None:
        """As a running export notes a finished slice: in a transaction that has made sure of the job."""
        if not self.exporters:
            self.take_job(number)
        for one in self._some(self.exporters, number):
            part = one.write()
            one.written.remove(part)
            row = {"export": one.export.id, "number": len(self.recorded.get(one.export.id, ())), "digest": ""}
            text = msgspec.json.encode(Part(part, ())).decode()
            with suppress(FenceLost), self.house.database.write() as connection:
                hold(connection, one.job)
                row |= owner(self.scope) | {"code_version": __version__, "part": text}
                connection.execute(insert(export_parts).values(row))
                self.recorded.setdefault(one.export.id, set()).add(part)

    def commit_export(self, number: int) -> None:
        for one in self._some(self.exporters, number):
            if self._commit(one):
                self._over(one)
                self.files |= dict.fromkeys(one.written, self.house.clock.now() + LIFE)

    def fail_export(self, number: int) -> None:
        for one in self._some(self.exporters, number):
            with suppress(FenceLost):
                with self.house.database.write() as connection:
                    finish(connection, one.job, "failed")
                self._over(one)

    def give_job_back(self, number: int) -> None:
        for one in self._some(self.exporters, number):
            with suppress(FenceLost), self.house.database.write() as connection:
                give_back(connection, one.job, 0, failed=False)

    def wait(self, number: int) -> None:
        self.clock.shift += (LEASE // 3, 2 * LEASE, GRACE + LEASE, DAY, -2 * HOUR)[number % 5]

    def sweep(self, _number: int) -> None:
        """A whole sweep; what is to come meanwhile comes between its steps."""

        def between(function: Callable[..., Any]) -> Callable[..., Any]:
            def called(*given: Any, **more: Any) -> Any:
                self._next()
                result = function(*given, **more)
                self._next()
                return result

            return called

        files = Watched(self.house.data / FILES_DIRECTORY, lambda _step: self._next())
        sweeper = sweep_module.Sweeper(self.house.database, files, self.house.settings.upkeep)
        with pytest.MonkeyPatch.context() as patched:
            asking = partial(judging.garbage, named=between(referenced))
            patched.setattr(sweep_module, "garbage", asking)
            for name in ("standings", "outrun"):
                patched.setattr(judging, name, between(getattr(judging, name)))
            sweep(sweeper, self.scope, self._next)

    def finish(self) -> None:
        """All leases lapse, the grace passes, files have had their time, and a last sweep comes."""
        self.meanwhile = []
        self.clock.shift += 30 * DAY
        with self.house.database.write() as connection:
            connection.execute(delete(export_parts).where(export_parts.c.app == self.scope.app))
        self.recorded = {}
        sweep(self.house.sweeper(), self.scope, lambda: None)
        self.check()
        assert objects(self.house, self.scope) == named(self.house, self.scope)

    def _next(self) -> None:
        for step in self.meanwhile.pop() if self.meanwhile else ():
            self.do(step)

    def _commit(self, one: Sealer | Exporter) -> bool:
        """Try to commit. Whoever succeeds must find all that it has written."""
        try:
            done = one.commit()
        except FenceLost:
            return False
        self.committed |= set(done)
        return True

    def _over(self, one: Exporter) -> None:
        """Nobody needs its parts any more."""
        self.recorded.pop(one.export.id, None)

    def _some(self, ones: Sequence[Any], number: int) -> Iterator[Any]:
        """One of the last four."""
        return iter([ones[-1 - number % min(4, len(ones))]] if ones else [])


KINDS = (
    *("take_shard", "write_segment", "write_run", "commit_seal", "give_shard_back", "ask", "take_job", "write_file"),
    *("record_part", "commit_export", "fail_export", "give_job_back", "wait"),
)
STEPS = st.tuples(st.sampled_from(KINDS), st.integers(0, 9))
BURSTS = st.lists(st.lists(STEPS, min_size=1, max_size=4), max_size=20)  # each comes between two steps of a sweep
HISTORIES = st.lists(st.tuples(st.lists(STEPS, min_size=4, max_size=14), BURSTS), min_size=1, max_size=4)


@given(history=HISTORIES, grace=st.sampled_from([0, GRACE]))
@settings(
    max_examples=examples(10),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_sweeps_lose_nothing_and_leave_nothing(
    store: House, clock: MovedClock, history: list[tuple[list[Step], list[list[Step]]]], grace: int
) -> None:
    """Steps, then a sweep with further steps between its own, and so on; at the end only what is named is left."""
    told = History(store, clock, new_app(store))
    store.settings.upkeep.grace_ms = grace
    try:
        for steps, meanwhile in history:
            for step in steps:
                told.do(step)
            told.meanwhile = list(meanwhile)
            told.do(("sweep", 0))
        told.finish()
    finally:  # no later history shall find this one's jobs
        with store.database.write() as connection:
            connection.execute(delete(jobs).where(jobs.c.app == told.scope.app))
            connection.execute(update(exports).values(state="failed"))


def new_app(house: House) -> Scope:
    """An app of its own for each history."""
    name = unique()
    provision(house, ProvisioningFile(spaces=[SpaceEntry("acme", apps=[AppEntry(name)])]))
    return scope_of_app(house.database, name)


def test_the_steps_do_what_they_say(store: House, clock: MovedClock) -> None:
    """A plain history commits a segment, a run and a file, and records a part: random ones are not empty talk."""
    told = History(store, clock, new_app(store))
    plain = ["take_shard", "write_segment", "write_run", "commit_seal", "write_segment"]
    plain += ["ask", "take_job", "write_file", "record_part"]
    for kind in plain:
        told.do((kind, 0))
    assert (len(told.committed), len(told.recorded)) == (2, 1)
    told.do(("commit_export", 0))
    assert (len(told.committed), len(told.recorded)) == (3, 0)
    assert len(objects(store, told.scope)) == 5
    with store.database.read() as connection:
        assert connection.scalars(select(jobs.c.state).where(jobs.c.lane == "export")).all() == ["done"]
    told.finish()
    assert len(objects(store, told.scope)) == 2  # the file has had its time
