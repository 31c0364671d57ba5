"""SIGKILL at each named point, of server, worker or slice process: everything ends well all the same."""

import signal
import time
from collections.abc import Mapping, Sequence
from functools import partial

import pytest

from tailrace.model.clock import HOUR
from tailrace.model.points import POINTS
from tests.crash.backends import Embedded
from tests.crash.checks import assert_whole, check_balance
from tests.crash.traffic import CHAIN, DAILY, send_some, tell
from tests.crash.worlds import World

# Stories, and at which passing of which points somebody dies in each: the first one, or a later one where something is
# there already. Whoever has died starts to count anew, so that a point of a story is one that must still be passed
# after all other deaths in it: those of a seal come before its commit and those of exports in order, while four of five
# are left. No export dies more than three times, which is less often than makes it fail.
ALONE = {
    "seal": (
        *("accept.before_reply:1", "seal.sessions_closed:1", "seal.segment_written:1", "commit.before:1"),
        *("commit.after:1", "slice.part_written:4", "export.after_commit:4"),
    ),
    "export": ("export.claimed:1", "slice.mid_part:1", "export.mid_assemble:1", "export.before_commit:4"),
}
# The same of a server and a worker: each dies only where it comes.
APART = {
    "seal": (
        *("accept.before_reply:3", "seal.sessions_closed:1", "seal.segment_written:3", "commit.before:1"),
        *("commit.after:1", "slice.part_written:1", "export.after_commit:1"),
    ),
    "export": ("export.claimed:1", "slice.mid_part:1", "export.mid_assemble:5", "export.before_commit:1"),
}
ELSEWHERE = (
    *("export.before_record", "sweep.between_deletes", "bundles.before_commit"),
    *("delivery.file_copied", "delivery.before_end"),
)


@pytest.mark.parametrize("stories", [ALONE, APART])
def test_no_point_is_left_out(stories: Mapping[str, Sequence[str]]) -> None:
    """Each named point has a story here, on either pair of backends but for those of ELSEWHERE, which have one each."""
    named = {point.split(":")[0] for points in stories.values() for point in points}
    assert named | {*ELSEWHERE} == set(POINTS)


@pytest.mark.crash
@pytest.mark.parametrize("stands", ["embedded"], indirect=True)
@pytest.mark.parametrize("story", ALONE)
def test_one_process_does_everything(world: World, story: str) -> None:
    """A server with its worker dies at each point: the ledger holds at once, and all goes on when it is started again.

    Of the death of a slice process it does not die.
    """
    world.at_death = partial(check_balance, world)
    world.run("alone", kill=",".join(ALONE[story]))
    tell(world)
    check_deaths(world, *ALONE[story])
    assert_whole(world)


@pytest.mark.crash
@pytest.mark.parametrize("stands", ["remote"], indirect=True)
@pytest.mark.parametrize("story", APART)
def test_server_and_workers(world: World, story: str) -> None:
    """Whichever process of a larger house dies at a point, another one or the next one goes on with its work."""
    world.launch("server", kill=",".join(APART[story]))
    world.run("worker", kill=",".join(APART[story]))
    tell(world)
    check_deaths(world, *APART[story])
    assert_whole(world)


def check_deaths(world: World, *points: str) -> None:
    """They happened, and nobody died but who was meant to."""
    assert [point for point in points if not world.killed(point)] == []
    assert world.codes == [-signal.SIGKILL for point in points if not point.startswith("slice.")]


@pytest.mark.crash
@pytest.mark.parametrize("stands", ["remote"], indirect=True)
def test_before_finished_slices_are_recorded(world: World) -> None:
    """A note is written a while after the last one: the worker waits for so long, goes on and dies at it."""
    world.launch("server")
    world.run("worker", wait="export.mid_assemble:1", kill="export.before_record:1")
    send_some(world, world.waves, 4)
    world.sealed()
    world.ask(world.waves, **DAILY)
    world.waits("export.mid_assemble")
    time.sleep(0.3)  # longer than between two notes
    world.go_on("export.mid_assemble")
    world.finished()
    check_deaths(world, "export.before_record:1")
    assert_whole(world)


@pytest.mark.crash
@pytest.mark.parametrize("stands", ["embedded"], indirect=True)
def test_in_mid_sweep(world: World) -> None:
    """A worker dies before its export's files get their rows; the next one dies while it sweeps them."""
    world.run("alone", kill="export.before_commit:1")
    send_some(world, world.waves, 3)
    world.sealed()
    export = world.ask(world.waves, **DAILY)
    (done,) = world.finished(export)
    assert done["state"] == "succeeded"
    assert len(garbage(world, export)) > 3
    world.stop()
    world.jump(2 * HOUR)
    world.run("alone", kill="sweep.between_deletes:3")
    world.until("the sweep dies", lambda: world.killed("sweep.between_deletes"))
    world.ask(world.waves, **CHAIN)
    world.until("another sweep ends it", lambda: not garbage(world, export))
    assert world.codes == 2 * [-signal.SIGKILL]
    assert_whole(world)


def garbage(world: World, export: str) -> set[str]:
    """Objects of the fence under which the first worker wrote."""
    return {key for key in world.backend.objects() if f"/exports/{export}/1/" in key}


@pytest.mark.crash
@pytest.mark.parametrize("stands", ["embedded"], indirect=True)
def test_a_slice_that_kills_whoever_makes_it(world: World) -> None:
    """Every slice process dies: exports end with an error that names what they read, and the worker lives on."""
    assert isinstance(world.backend, Embedded)
    world.launch("server")
    world.run("worker", kill="slice.mid_part:1", every=True)
    send_some(world, world.waves, 2)
    world.sealed()
    asked = [world.ask(world.waves, **DAILY), world.ask(world.waves, **CHAIN)]
    for row in world.finished(*asked):
        assert row["state"] == "failed"
        assert "/segments/" in row["error"]
    assert world.codes == []
    world.stop()
    world.run("alone")
    assert_whole(world)
