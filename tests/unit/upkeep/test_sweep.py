"""A sweep of a real store: what is needed stays, all else goes, and it may end anywhere."""

import json
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from sqlalchemy import select

from tailrace.accounts.lookup import scope_of_app
from tailrace.db.tables import exports
from tailrace.exports.records import load_export
from tailrace.files.base import Listed
from tailrace.files.local import LocalFiles
from tailrace.model.access import Scope
from tailrace.model.clock import DAY, HOUR, MINUTE
from tailrace.model.errors import FenceLost
from tailrace.model.policy import LIMITS
from tailrace.remote import FILES_DIRECTORY
from tailrace.store.shards import release
from tailrace.upkeep import judging
from tailrace.upkeep import sweep as sweep_module
from tailrace.upkeep.references import referenced
from tailrace.upkeep.survey import survey_objects
from tailrace.upkeep.sweep import Swept, sweep
from tailrace.wiring import House
from tests.sending import T0, event, export, make, request, rows_of, seal, send
from tests.unit.clocks import MovedClock
from tests.unit.upkeep.writers import (
    GRACE,
    LEASE,
    Sealer,
    ask,
    exporter,
    named,
    objects,
    path_of,
    put,
    sealer,
    swept,
)

LIFE = LIMITS["exports.file_life_ms"].default


def held(house: House, scope: Scope) -> Sealer:
    """One who holds the shard."""
    found = sealer(house, scope)
    assert found is not None
    return found


def fill(house: House, scope: Scope, wave: int) -> None:
    """Send and seal some events."""
    send(house, scope, [event("e", T0 + n, device=f"d{n}", session=f"s{wave}-{n}") for n in range(5)])
    seal(house, scope)


def test_nothing_that_is_in_use_goes(store: House, scope: Scope, clock: MovedClock) -> None:
    """Seals and exports by the real code: however often and late it is swept, every row comes out and every file."""
    for wave in range(5):  # the fourth run swallows the first three
        fill(store, scope, wave)
    done = make(store, scope, request(scope))
    before = objects(store, scope)
    for _ in range(3):
        clock.shift += DAY
        assert swept(store, scope) == Swept(0, 0, 0, 0, 0)
    assert objects(store, scope) == before == named(store, scope)
    assert len(export(store, scope, request(scope))[1]) == 25
    assert len(rows_of(store, done, json.loads(done.manifest or "")["files"][0]["name"])) == 25
    send(store, scope, [event("e", T0, device="d0", session="s0-0")])  # a resend: the runs are all there
    assert [(s.duplicates, s.events) for s in seal(store, scope)] == [(1, 0)]


def test_files_of_an_expired_export_go(store: House, scope: Scope, clock: MovedClock) -> None:
    """At the end of their life the state says so; after the grace the objects are gone, and the data is not."""
    fill(store, scope, 0)
    done = make(store, scope, request(scope))
    files = {key for key in objects(store, scope) if done.id in key}
    assert len(files) == 2
    clock.shift += LIFE + MINUTE
    first = swept(store, scope)
    assert (first.expired, first.objects) == (1, 0)
    assert load_export(store.database, scope.space, scope.app, done.id).state == "expired"
    assert files <= objects(store, scope)
    clock.shift += GRACE
    second = swept(store, scope)
    assert (second.expired, second.let_go, second.objects) == (0, 2, 2)
    assert second.bytes > 0
    assert objects(store, scope) == named(store, scope)
    assert len(export(store, scope, request(scope))[1]) == 5


def test_what_a_dead_sealer_left_goes(store: House, scope: Scope, clock: MovedClock) -> None:
    """It is kept while the lease lives and for the grace; then it goes, and the dead one cannot commit it any more."""
    dead = held(store, scope)
    left = {dead.write(), dead.write_run()}
    for shift in (0, LEASE - MINUTE // 2):
        clock.shift += shift
        assert swept(store, scope).objects == 0
    clock.shift += GRACE
    assert swept(store, scope) == Swept(0, 0, 2, 2, 0)
    assert objects(store, scope).isdisjoint(left)
    with pytest.raises(FenceLost):
        dead.commit()
    assert named(store, scope) == set()


def test_what_a_failed_seal_left_goes_though_nobody_seals_again(store: House, scope: Scope, clock: MovedClock) -> None:
    """The shard was given back at once; the fence is raised for the sake of what is left."""
    failed = held(store, scope)
    failed.write()
    release(store.database, failed.lease)
    assert swept(store, scope).objects == 0
    clock.shift += GRACE
    assert swept(store, scope).objects == 1


def test_what_dead_exporters_left_goes(store: House, scope: Scope, clock: MovedClock) -> None:
    """Objects of earlier attempts go while the next one runs and after it; those of the winner are named."""
    asked = ask(store, scope)
    for _ in range(2):
        dead = exporter(store, {asked.id: asked})
        assert dead is not None
        dead.write()
        clock.shift += LEASE + GRACE
    assert dead is not None
    winner = exporter(store, {asked.id: asked}, "two")
    assert winner is not None
    winner.write()
    assert swept(store, scope).objects == 2
    assert objects(store, scope) == set(winner.commit())
    assert swept(store, scope).objects == 0
    late = dead.write()  # a zombie may still write; what it writes is found like anything else
    clock.shift += GRACE
    assert swept(store, scope).objects == 1
    assert late not in objects(store, scope)


def test_strays_of_the_command_line_rest_a_day(store: House, scope: Scope, clock: MovedClock) -> None:
    """Parts of an export that has no job are left alone for a day, since it may be running; then they go."""
    part = f"{scope.prefix}/exports/exp_cli/0/part-000000"
    put(store, part)
    for wait, left in ((0, True), (GRACE, True), (DAY - GRACE - MINUTE, True), (2 * MINUTE, False)):
        clock.shift += wait
        swept(store, scope)
        assert (part in objects(store, scope)) is left


def test_names_that_are_not_ours_are_left_alone(store: House, scope: Scope, clock: MovedClock) -> None:
    """What an older release wrote, and what an operator put there, stays for ever; a look at the store counts it."""
    strange = {
        f"{scope.prefix}/segments/2026-01-02/all/seg_01hz.parquet",
        f"{scope.prefix}/ids/all/run_01hz",
        f"{scope.prefix}/notes.txt",
        f"{scope.prefix}/segments/2026-01-02/01/3-seg_01hz.parquet",  # of a shard that is not there
    }
    for key in strange:
        put(store, key)
    clock.shift += 400 * DAY
    assert swept(store, scope).objects == 0
    assert objects(store, scope) == strange
    found = survey_objects(store.database, store.files, scope)
    assert (found.unknown, found.unknown_bytes, found.unreferenced) == (4, 4, 0)


def test_an_app_sweeps_its_own(store: House, scope: Scope, clock: MovedClock) -> None:
    """Another app's objects, and those of an app whose name begins alike, are not even looked at."""
    dead = held(store, scope)
    dead.write()
    alike = f"{scope.prefix}2/exports/exp_1/1/part-000000"
    put(store, alike)
    clock.shift += 9 * DAY
    assert swept(store, scope_of_app(store.database, "app_tides")).objects == 0
    assert swept(store, scope).objects == 1
    assert path_of(store, alike).exists()


def test_leftovers_of_killed_writers_go(store: House, scope: Scope, clock: MovedClock) -> None:
    """A file that never got its name is removed once its writer can commit nothing, and not while it writes."""
    writer = held(store, scope)
    key = writer.write()
    writer.commit()
    begun = path_of(store, key + ".0123abcd.tmp")
    begun.write_bytes(b"half")
    foreign = path_of(store, f"{scope.prefix}/notes.0123abcd.tmp")
    foreign.write_bytes(b"half")
    assert swept(store, scope).leftovers == 0
    clock.shift += LEASE + MINUTE
    assert swept(store, scope).leftovers == 1
    assert not begun.exists()
    assert objects(store, scope) == {key, foreign.relative_to(store.data / "files").as_posix()}


def test_a_writer_whose_leftover_was_removed_fails(store: House, scope: Scope, clock: MovedClock) -> None:
    """It was only taken for dead: its object never shows, and it could not have committed it."""
    writer = held(store, scope)
    key = writer.write().replace("x_", "y_")

    def write_slowly() -> None:
        with store.files.create(key) as sink:
            sink.write(b"x")
            clock.shift += LEASE + 2 * GRACE
            swept(store, scope)

    with pytest.raises(FileNotFoundError):
        write_slowly()
    assert not path_of(store, key).exists()
    with pytest.raises(FenceLost):
        writer.commit()


class Watched(LocalFiles):
    """A storage that calls a test before each step that a sweep takes on it."""

    def __init__(self, root: Path, step: Callable[[str], None]) -> None:
        super().__init__(root)
        self._step = step

    def list(self, prefix: str) -> Iterator[Listed]:
        for found in super().list(prefix):
            self._step("listed")
            yield found

    def delete(self, key: str) -> None:
        self._step(f"delete {key}")
        super().delete(key)


def test_a_sweep_may_end_anywhere(store: House, scope: Scope, clock: MovedClock) -> None:
    """Ended at its first, second, … step, nothing in use is gone, and the next sweep finishes the work."""
    fill(store, scope, 0)
    make(store, scope, request(scope))
    kept = named(store, scope)
    for steps in range(60):
        dead = held(store, scope)
        for _ in range(3):
            dead.write()
        release(store.database, dead.lease)
        clock.shift += GRACE + MINUTE
        ended = end_after(store, scope, steps)
        assert kept <= objects(store, scope)
        if not ended:
            break
    assert steps > 6
    swept(store, scope)
    assert objects(store, scope) == kept


class Enough(Exception):
    """The test ends the sweep."""


def end_after(house: House, scope: Scope, steps: int) -> bool:
    """Sweep so many steps; whether it was ended by that."""
    left = [steps]

    def go_on() -> None:
        if not left[0]:
            raise Enough
        left[0] -= 1

    try:
        sweep(house.sweeper(), scope, go_on)
    except Enough:
        return True
    return False


def test_pages_are_looked_at_one_by_one(
    store: House, scope: Scope, clock: MovedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page is judged and its garbage deleted before the next is listed: no more than a page is held."""
    dead = held(store, scope)
    for _ in range(23):
        dead.write()
    clock.shift += LEASE + GRACE
    monkeypatch.setattr(sweep_module, "PAGE", 5)
    steps: list[str] = []
    files = Watched(store.data / FILES_DIRECTORY, lambda step: steps.append(step.split()[0]))
    found = sweep(replace(store.sweeper(), files=files), scope, lambda: None)
    assert found.objects == 23
    assert steps == [*(["listed"] * 5 + ["delete"] * 5) * 4, *["listed"] * 3, *["delete"] * 3]


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_commit_that_comes_between_is_seen(
    store: House, scope: Scope, clock: MovedClock, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    """A writer commits just before or after rows are asked for, and another raises the fence: its object stays."""
    first = held(store, scope)
    key = first.write()
    clock.shift += GRACE  # old enough; its lease was kept by a clock that others do not see

    def between(*asked: Any) -> Any:
        before = referenced(*asked)
        if first.written:
            first.commit()
            release(store.database, first.lease)
            held(store, scope)
        return before if moment == "after" else referenced(*asked)

    monkeypatch.setattr(sweep_module, "garbage", partial(judging.garbage, named=between))
    monkeypatch.setattr(judging, "outrun", lambda *_: None)
    swept(store, scope)
    assert named(store, scope) == {key} <= objects(store, scope)


def test_a_look_changes_nothing_and_is_bounded(store: House, scope: Scope, clock: MovedClock) -> None:
    """It counts what no row names, with bytes, raises no fence, and stops after so many objects."""
    fill(store, scope, 0)
    in_use = len(objects(store, scope))
    dead = held(store, scope)
    for _ in range(3):
        dead.write()
    clock.shift += DAY
    found = survey_objects(store.database, store.files, scope)
    assert (found.seen, found.all, found.unreferenced, found.unreferenced_bytes) == (in_use + 3, True, 3, 3)
    short = survey_objects(store.database, store.files, scope, most=2)
    assert (short.seen, short.all) == (2, False)
    assert len(objects(store, scope)) == in_use + 3
    dead.commit()
    assert survey_objects(store.database, store.files, scope).unreferenced == 0


def test_a_sweep_of_an_app_without_objects_is_nothing(store: House, scope: Scope) -> None:
    """There need not even be a directory."""
    assert swept(store, scope) == Swept(0, 0, 0, 0, 0)
    with store.database.read() as connection:
        assert connection.execute(select(exports)).all() == []
    assert HOUR == GRACE
