"""Fences: how far a lease has come, and that raising one voids what its holder still writes."""

import pytest
from msgspec.structs import replace
from sqlalchemy import select, update

from tailrace.db.tables import export_files, exports, id_runs, jobs, segments, shards
from tailrace.jobs.queue import finish, give_back, hold, renew
from tailrace.model.access import Scope
from tailrace.model.clock import DAY, HOUR
from tailrace.model.errors import FenceLost
from tailrace.model.objects import Writer
from tailrace.store.shards import release
from tailrace.store.shards import renew as renew_shard
from tailrace.upkeep.fences import outrun, standings
from tailrace.upkeep.garbage import Standing
from tailrace.wiring import House
from tests.unit.clocks import MovedClock
from tests.unit.upkeep.writers import LEASE, Exporter, Sealer, ask, exporter, named, sealer

SHARD = Writer("shard", "all", 1)


def held_shard(house: House, scope: Scope) -> Sealer:
    """One who holds the shard and has written."""
    found = sealer(house, scope)
    assert found is not None
    found.write()
    found.write_run()
    return found


def held_job(house: House, scope: Scope) -> Exporter:
    """One who holds the job of a new export and has written."""
    asked = ask(house, scope)
    found = exporter(house, {asked.id: asked})
    assert found is not None
    found.write()
    return found


def standing(house: House, scope: Scope, writer: Writer) -> Standing | None:
    """How far a lease has come."""
    with house.database.read() as connection:
        return standings(connection, scope, [writer]).get((writer.lessee, writer.name))


def test_a_shard_is_open_from_its_fence_on(store: House, scope: Scope) -> None:
    """Held or not: whoever has the fence of the row can commit."""
    assert standing(store, scope, SHARD) == Standing(0)
    writer = held_shard(store, scope)
    assert standing(store, scope, SHARD) == Standing(1)
    release(store.database, writer.lease)
    assert standing(store, scope, SHARD) == Standing(1)
    assert standing(store, scope, replace(SHARD, name="01")) is None


def test_a_job_is_open_from_the_fence_that_can_finish_it(store: House, scope: Scope) -> None:
    """Leased: from the holder's on. Given back: from the next one on, as the real functions have it. Done: never."""
    writer = held_job(store, scope)
    lease = Writer("export", writer.export.id, writer.job.fence)
    assert standing(store, scope, lease) == Standing(writer.job.fence)
    with store.database.write() as connection:
        give_back(connection, writer.job, 0, failed=True)
    assert standing(store, scope, lease) == Standing(writer.job.fence + 1)
    with pytest.raises(FenceLost):
        writer.commit()
    heir = exporter(store, {writer.export.id: writer.export})
    assert heir is not None
    assert standing(store, scope, lease) == Standing(heir.job.fence)
    heir.commit()
    assert standing(store, scope, lease) == Standing(None)
    assert standing(store, scope, replace(lease, name="exp_other")) is None


def test_who_holds_a_lease_is_not_outrun(store: House, scope: Scope, clock: MovedClock) -> None:
    """To the last moment of its lease, and with a renewed one, a writer's fence stays and its commit succeeds."""
    first, second = held_shard(store, scope), held_job(store, scope)
    everyone = [SHARD, Writer("export", second.export.id, second.job.fence)]
    for _ in range(3):
        clock.shift += LEASE - 20_000
        outrun(store.database, scope, everyone)
        renew_shard(store.database, first.lease, LEASE)
        assert renew(store.database, second.job, LEASE) == "go_on"
    committed = {*first.commit(), *second.commit()}
    assert named(store, scope) == committed


@pytest.mark.parametrize("away", [LEASE + 1, -2 * HOUR, 300 * DAY])
def test_who_was_taken_for_dead_can_commit_nothing(store: House, scope: Scope, clock: MovedClock, away: int) -> None:
    """When a lease has lapsed, or the clock jumped so that nobody knows, the fence is raised: FenceLost, no row."""
    first, second = held_shard(store, scope), held_job(store, scope)
    clock.shift += away
    outrun(store.database, scope, [SHARD, Writer("export", second.export.id, second.job.fence)])
    before = rows(store)
    with pytest.raises(FenceLost):
        first.commit()
    with pytest.raises(FenceLost):
        second.commit()
    with pytest.raises(FenceLost):
        renew_shard(store.database, first.lease, LEASE)
    for change in (hold, lambda connection, job: finish(connection, job, "failed")):
        with pytest.raises(FenceLost), store.database.write() as connection:
            change(connection, second.job)
    assert rows(store) == before
    assert named(store, scope) == set()


def rows(house: House) -> list[tuple[object, ...]]:
    """All rows that a commit would change."""
    tables = (segments, id_runs, shards, exports, export_files, jobs)
    with house.database.read() as connection:
        return [tuple(row) for table in tables for row in connection.execute(select(table))]


def test_what_is_outrun_goes_on_with_its_next_holder(store: House, scope: Scope, clock: MovedClock) -> None:
    """Raising a fence ends no work: shard and job are taken again, by whomever, and commit."""
    first, second = held_shard(store, scope), held_job(store, scope)
    clock.shift += LEASE + 1
    outrun(store.database, scope, [SHARD, Writer("export", second.export.id, second.job.fence)])
    heirs = sealer(store, scope, "two"), exporter(store, {second.export.id: second.export}, "two")
    for heir in heirs:
        assert heir is not None
        heir.write()
        assert set(heir.commit()) <= named(store, scope)
    assert first.lease.fence < heirs[0].lease.fence if heirs[0] else None


def test_fences_of_a_restored_database_are_raised_above_its_objects(store: House, scope: Scope) -> None:
    """Objects may be younger than a database that was restored: free leases are raised beyond all of them."""
    asked = ask(store, scope)
    outrun(store.database, scope, [replace(SHARD, fence=70), SHARD, Writer("export", asked.id, 40)])
    assert standing(store, scope, SHARD) == Standing(71)
    assert standing(store, scope, Writer("export", asked.id, 0)) == Standing(42)
    outrun(store.database, scope, [replace(SHARD, fence=3)])
    assert standing(store, scope, SHARD) == Standing(71)  # a fence never falls


def test_other_leases_are_left_alone(store: House, scope: Scope) -> None:
    """Only leases whose objects stand in the way are raised."""
    with store.database.write() as connection:
        connection.execute(update(shards).values(fence=5))
    outrun(store.database, scope, [])
    outrun(store.database, scope, [Writer("shard", "01", 9), Writer("export", "exp_none", 9)])
    with store.database.read() as connection:
        assert set(connection.scalars(select(shards.c.fence))) == {5}
