"""Disks, clocks, databases and object storage go wrong in the middle of an export, while events keep coming."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tailrace.model.clock import HOUR
from tests.crash.backends import Remote, locked
from tests.crash.checks import assert_whole
from tests.crash.clusters import Cluster
from tests.crash.daemons import Daemon
from tests.crash.disks import limit_files, small_disk
from tests.crash.mishaps import is_refused
from tests.crash.traffic import DAILY, FORMS, go_on, load, send_some
from tests.crash.worlds import LEASE_MS, World

embedded = pytest.mark.parametrize("stands", ["embedded"], indirect=True)
remote = pytest.mark.parametrize("stands", ["remote"], indirect=True)

# One export in its middle, then it or another one near its end: for two outages in one world.
WAITS = "export.mid_assemble:2,export.before_commit:1"


@contextmanager
def mid_export(world: World, point: str = "export.mid_assemble:2") -> Iterator[Daemon]:
    """A block that begins while an export waits at the first of some points, until `go_on`.

    Events keep coming. After the block all must go well again, and no process may have died.
    """
    world.launch("server")
    worker = world.run("worker", wait=point)
    send_some(world, world.waves, 3)
    world.sealed()
    first, *_ = [world.ask(world.waves, **form) for form in FORMS]
    world.waits(point.split(",")[0])
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
def test_the_disk_of_objects_is_full_and_then_read_only(world: World) -> None:
    """Exports wait and say so, each time; they go on when there is room and it can be written to."""
    with small_disk(world.data / "files") as disk, mid_export(world, "export.before_commit"):
        disk.fill()
        world.go_on("export.before_commit")
        world.until("an export says that the disk is full", lambda: failing(world, "disk is full"))
        disk.free()
        world.until("the disk is read-only", lambda: disk.protect(on=True))
        world.ask(world.waves, **DAILY)
        world.until("an export says so", lambda: failing(world, "read-only"))
        world.until("it is mended", lambda: disk.protect(on=False))


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
def test_the_clock_jumps(world: World) -> None:
    """Back and forth. Exports end, whatever the clock says; the rest goes on when it is right again."""
    with mid_export(world, WAITS):
        world.jump(2 * HOUR)
        world.go_on("export.mid_assemble")
        world.waits("export.before_commit")
        world.jump(-2 * HOUR)
        world.go_on("export.before_commit")
        rows = world.finished(*[row["id"] for row in world.exports()])
        assert {row["state"] for row in rows} == {"succeeded"}
        world.jump(0)


@pytest.mark.crash
@embedded
def test_another_process_locks_the_databases(world: World) -> None:
    """One after the other, each for longer than leases last."""
    with mid_export(world, WAITS):
        with locked(world.data / "meta.db"):
            world.go_on("export.mid_assemble")
            time.sleep(1.3 * LEASE_MS / 1000)
        world.waits("export.before_commit")
        with locked(world.data / "inbox.db"):
            world.go_on("export.before_commit")
            time.sleep(1.3 * LEASE_MS / 1000)


@pytest.mark.crash
@remote
def test_postgres_stops_and_then_the_object_storage(world: World, cluster: Cluster) -> None:
    """Each is away until leases have lapsed; exports and seals wait for it."""
    assert isinstance(world.backend, Remote)
    programs = world.backend.server.programs
    with mid_export(world, WAITS) as worker:
        cluster.stop()
        world.go_on("export.mid_assemble")
        world.until("the worker notices", lambda: worker.said("lease.not_renewed"))
        time.sleep(LEASE_MS / 1000)
        cluster.start()
        world.waits("export.before_commit")
        programs.stop()
        world.go_on("export.before_commit")
        time.sleep(LEASE_MS / 1000)
        programs.start()
