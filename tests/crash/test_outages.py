"""Disks, clocks, databases and object storage go wrong in the middle of an export, while events keep coming."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from tailrace.model.clock import HOUR
from tests.crash.backends import Remote, locked
from tests.crash.checks import assert_whole
from tests.crash.clusters import Cluster
from tests.crash.daemons import Daemon
from tests.crash.disks import limit_files, small_disk
from tests.crash.mishaps import is_refused
from tests.crash.traffic import FORMS, go_on, load, send_some
from tests.crash.worlds import LEASE_MS, World

embedded = pytest.mark.parametrize("stands", ["embedded"], indirect=True)
remote = pytest.mark.parametrize("stands", ["remote"], indirect=True)

Step = Callable[[], object]


@contextmanager
def mid_export(world: World, point: str = "export.mid_assemble:2") -> Iterator[Daemon]:
    """A block that begins while an export waits in the middle, until `go_on`.

    Events keep coming. After the block all must go well again, and no process may have died.
    """
    world.run("server")
    worker = world.run("worker", wait=point)
    send_some(world, world.waves, 3)
    world.sealed()
    first, *_ = [world.ask(world.waves, **form) for form in FORMS]
    world.waits(point)
    with load(world, world.other):
        yield worker
    world.finished()
    go_on(world, world.waves, first)
    assert world.codes == []
    assert_whole(world)


def failing(world: World, why: str) -> bool:
    """Whether an export waits because of an error."""
    return any(why in (row["error"] or "") for row in world.exports())


@pytest.mark.crash
@embedded
def test_no_room_for_objects(world: World) -> None:
    """Exports wait and say so; they go on when there is room."""
    with small_disk(world.data / "files") as disk, mid_export(world, "export.before_commit"):
        disk.fill()
        world.go_on("export.before_commit")
        world.until("an export says that the disk is full", lambda: failing(world, "disk is full"))
        disk.free()


@pytest.mark.crash
@embedded
def test_no_room_at_all(world: World) -> None:
    """Nor for the database: events are not acknowledged then, and what was acknowledged stays."""
    with small_disk(world.data) as disk, mid_export(world):
        disk.fill()
        world.go_on("export.mid_assemble")
        acknowledged = world.until("an event is refused", lambda: is_refused(world))
        disk.free()
        assert acknowledged


@pytest.mark.crash
@embedded
def test_no_process_may_write(world: World) -> None:
    """Not to any file, its own log included."""
    with mid_export(world):
        limit_files(world.processes(), 0)
        world.go_on("export.mid_assemble")
        world.until("an event is refused", lambda: is_refused(world))
        time.sleep(LEASE_MS / 1000)
        limit_files(world.processes(), None)


@pytest.mark.crash
@embedded
def test_a_disk_turns_read_only(world: World) -> None:
    """Exports wait and say so, until it is mended."""
    with small_disk(world.data / "files") as disk, mid_export(world, "export.before_commit"):
        world.until("the disk is read-only", lambda: disk.protect(on=True))
        world.go_on("export.before_commit")
        world.until("an export says so", lambda: failing(world, "read-only"))
        world.until("it is mended", lambda: disk.protect(on=False))


@pytest.mark.crash
@pytest.mark.parametrize(("stands", "hours"), [("embedded", 2), ("embedded", -2), ("remote", 2)], indirect=["stands"])
def test_the_clock_jumps(world: World, hours: int) -> None:
    """Exports end, whatever the clock says; the rest goes on when it is right again."""
    with mid_export(world):
        world.jump(hours * HOUR)
        world.go_on("export.mid_assemble")
        rows = world.finished(*[row["id"] for row in world.exports()])
        assert {row["state"] for row in rows} == {"succeeded"}
        world.jump(0)


@pytest.mark.crash
@embedded
@pytest.mark.parametrize("file", ["meta.db", "inbox.db"])
def test_another_process_locks_the_database(world: World, file: str) -> None:
    """For longer than leases last."""
    with mid_export(world), locked(world.data / file):
        world.go_on("export.mid_assemble")
        time.sleep(1.3 * LEASE_MS / 1000)


@pytest.mark.crash
@remote
def test_postgres_stops(world: World, cluster: Cluster) -> None:
    """It is away until leases have lapsed."""
    with mid_export(world) as worker:
        cluster.stop()
        world.go_on("export.mid_assemble")
        world.until("the worker notices", lambda: worker.said("lease.not_renewed"))
        time.sleep(LEASE_MS / 1000)
        cluster.start()


@pytest.mark.crash
@remote
def test_the_object_storage_stops(world: World) -> None:
    """Exports and seals wait for it."""
    assert isinstance(world.backend, Remote)
    programs = world.backend.server.programs
    with mid_export(world, "export.before_commit"):
        programs.stop()
        world.go_on("export.before_commit")
        time.sleep(LEASE_MS / 1000)
        programs.start()
