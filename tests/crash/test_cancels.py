"""A cancel that races with the end: the export is cancelled or has succeeded, and its job says the same."""

import pytest

from tests.crash.checks import assert_whole
from tests.crash.traffic import DAILY, FORMS, send_some
from tests.crash.worlds import World


@pytest.mark.crash
@pytest.mark.parametrize(
    ("stands", "before"),
    [("embedded", "export.mid_assemble:2"), ("remote", "export.before_commit:1")],
    indirect=["stands"],
)
def test_around_the_end(world: World, before: str) -> None:
    """Before it the worker hears of the cancel and leaves no file; after it the export has succeeded, and stays so."""
    world.launch("server")
    world.run("worker", wait=f"{before},export.after_commit:1")
    send_some(world, world.waves, 2)
    world.sealed()
    early = world.ask(world.waves, **DAILY)
    world.waits(before)
    world.cancel(world.waves, early)
    world.go_on(before)
    (row,) = world.finished(early)
    assert row["state"] == "cancelled"
    assert world.backend.rows("SELECT * FROM export_files") == []

    late = world.ask(world.waves, **DAILY)
    world.waits("export.after_commit")
    assert world.cancel(world.waves, late)["state"] == "succeeded"
    world.go_on("export.after_commit")
    assert_whole(world)
    assert [row["state"] for row in world.exports(early, late)] == ["cancelled", "succeeded"]


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
