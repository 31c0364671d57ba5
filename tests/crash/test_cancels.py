"""A cancel that races with the end: the export is cancelled or has succeeded, and its job says the same."""

import pytest

from tests.crash.checks import assert_whole
from tests.crash.traffic import DAILY, FORMS, send_some
from tests.crash.worlds import World

BEFORE = ["export.mid_assemble:2", "export.before_commit"]


@pytest.mark.crash
@pytest.mark.parametrize(
    ("stands", "point"),
    [*(("embedded", point) for point in BEFORE), ("remote", "export.before_commit")],
    indirect=["stands"],
)
def test_before_the_end(world: World, point: str) -> None:
    """The worker hears of it and leaves no file."""
    world.run("server")
    world.run("worker", wait=point)
    send_some(world, world.waves, 2)
    world.sealed()
    asked = world.ask(world.waves, **DAILY)
    world.waits(point)
    world.cancel(world.waves, asked)
    world.go_on(point)
    (row,) = world.finished(asked)
    assert row["state"] == "cancelled"
    assert world.backend.rows("SELECT * FROM export_files") == []
    assert_whole(world)


@pytest.mark.crash
@pytest.mark.parametrize("stands", ["embedded"], indirect=True)
def test_after_the_end(world: World) -> None:
    """It has succeeded, and stays so."""
    world.run("server")
    world.run("worker", wait="export.after_commit")
    send_some(world, world.waves, 2)
    world.sealed()
    asked = world.ask(world.waves, **DAILY)
    world.waits("export.after_commit")
    assert world.cancel(world.waves, asked)["state"] == "succeeded"
    world.go_on("export.after_commit")
    assert_whole(world)


@pytest.mark.crash
@pytest.mark.parametrize("stands", ["embedded"], indirect=True)
def test_at_any_moment(world: World) -> None:
    """Many exports, each cancelled a little later than the one before."""
    world.run("alone")
    send_some(world, world.waves, 2)
    world.sealed()
    for number in range(12):
        asked = world.ask(world.waves, **FORMS[number % len(FORMS)])
        for _ in range(number * 2):
            if world.exports(asked)[0]["state"] not in ("queued", "running"):
                break
        world.cancel(world.waves, asked)
    states = {row["state"] for row in world.finished()}
    assert states <= {"cancelled", "succeeded"}
    assert_whole(world)
