"""A worker that stands still until its lease is over and another one has done its work, and then goes on."""

import signal
import time

import pytest

from tailrace.model.clock import HOUR
from tests.crash.backends import Row
from tests.crash.checks import assert_whole
from tests.crash.daemons import Daemon
from tests.crash.traffic import CHAIN, DAILY, send_some
from tests.crash.worlds import World


def truth(world: World) -> list[Row]:
    """All that says what became of the work."""
    queries = (
        "SELECT * FROM exports ORDER BY id",
        "SELECT * FROM export_files ORDER BY export, name",
        "SELECT subject, state, attempt, failures, fence, outcome FROM jobs WHERE lane = 'export' ORDER BY number",
        "SELECT * FROM segments ORDER BY number",
        "SELECT * FROM commits ORDER BY app, seq",
        "SELECT * FROM sessions ORDER BY app, number",
    )
    return [row for query in queries for row in world.backend.rows(query)]


def fall(world: World, zombie: Daemon, point: str) -> None:
    """Wait until a worker comes to its point and have it stand still there, heartbeats and all."""
    world.waits(point)
    world.freeze(zombie)
    world.go_on(point)


def rouse(world: World, zombie: Daemon) -> None:
    """Let it go on and come to its end; it must change nothing of what is true."""
    before = truth(world)
    zombie.signal(signal.SIGCONT)
    world.daemons.remove(zombie)
    assert zombie.end() == 0, world.told()
    assert truth(world) == before


@pytest.mark.crash
@pytest.mark.parametrize(
    ("stands", "point"), [("embedded", "export.claimed"), ("remote", "export.before_commit")], indirect=["stands"]
)
def test_an_export_that_was_taken_over(world: World, point: str) -> None:
    """Its files are the other worker's, and stay so."""
    world.launch("server")
    zombie = world.run("worker", wait=point)
    send_some(world, world.waves, 3)
    world.sealed()
    asked = world.ask(world.waves, **DAILY)
    fall(world, zombie, point)
    world.run("worker")
    (done,) = world.finished(asked)
    assert done["state"] == "succeeded"
    rouse(world, zombie)
    assert_whole(world)


@pytest.mark.crash
@pytest.mark.parametrize("stands", ["embedded"], indirect=True)
def test_an_export_that_was_taken_over_at_a_note(world: World) -> None:
    """The same where it writes down which slices are finished."""
    world.launch("server")
    zombie = world.run("worker", wait="export.mid_assemble:1,export.before_record:1")
    send_some(world, world.waves, 3)
    world.sealed()
    asked = world.ask(world.waves, **DAILY)
    world.waits("export.mid_assemble")
    time.sleep(0.3)  # longer than between two notes
    world.go_on("export.mid_assemble")
    fall(world, zombie, "export.before_record")
    world.run("worker")
    world.finished(asked)
    rouse(world, zombie)
    assert_whole(world)


@pytest.mark.crash
@pytest.mark.parametrize("stands", ["embedded"], indirect=True)
def test_an_export_whose_parts_were_swept(world: World) -> None:
    """Another worker has finished it and swept away all that the zombie wrote: it ends all the same."""
    world.launch("server")
    zombie = world.run("worker", wait="export.mid_assemble:3")
    send_some(world, world.waves, 3)
    world.sealed()
    asked = world.ask(world.waves, **DAILY)
    fall(world, zombie, "export.mid_assemble")
    world.run("worker")
    (done,) = world.finished(asked)
    assert done["state"] == "succeeded"
    world.jump(2 * HOUR)
    world.until("it is swept", lambda: not [k for k in world.backend.objects() if f"/exports/{asked}/1/" in k])
    rouse(world, zombie)
    assert_whole(world)


@pytest.mark.crash
@pytest.mark.parametrize(
    ("stands", "point"), [("embedded", "seal.segment_written:2"), ("remote", "commit.before")], indirect=["stands"]
)
def test_a_shard_that_was_taken_over(world: World, point: str) -> None:
    """What the other worker sealed is there once, and nothing else is."""
    world.launch("server")
    zombie = world.run("worker", wait=point)
    send_some(world, world.waves, 3)
    fall(world, zombie, point)
    world.run("worker")
    world.sealed()
    world.finished(world.ask(world.waves, **CHAIN))
    rouse(world, zombie)
    assert_whole(world)


@pytest.mark.crash
@pytest.mark.parametrize("stands", ["embedded"], indirect=True)
def test_a_sweep_that_was_taken_over(world: World) -> None:
    """It wakes long after another sweep: what it still deletes is nobody's."""
    world.run("alone", kill="export.before_commit:1")
    send_some(world, world.waves, 3)
    world.sealed()
    world.finished(world.ask(world.waves, **DAILY))
    world.stop()
    world.jump(2 * HOUR)
    zombie = world.run("worker", wait="sweep.between_deletes")
    fall(world, zombie, "sweep.between_deletes")
    world.run("alone")
    world.finished(world.ask(world.waves, **CHAIN))
    rouse(world, zombie)
    assert_whole(world)
