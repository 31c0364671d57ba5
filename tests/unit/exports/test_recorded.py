"""Finished slices are recorded and not made again, as long as what they would write is the same and is there."""

import errno
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from tailrace import __version__
from tailrace.db.tables import export_parts, exports, jobs
from tailrace.exports.records import Export
from tailrace.exports.slices import SliceSpec
from tailrace.model.access import Scope
from tailrace.model.clock import MINUTE
from tailrace.model.export import ExportRequest
from tailrace.wiring import House
from tests.sending import file_bytes, request
from tests.unit.clocks import MovedClock, moved
from tests.unit.exports.attempts import Slices, ask, attempt, job_of, now, objects, recorded, run, steered, take
from tests.unit.store.history import History

FORMS: list[dict[str, Any]] = [
    {},
    {"shape": "sessions", "packing": "zip"},
    {"shape": "tables", "format": "csv", "split": "event"},
]


@pytest.fixture
def clock() -> MovedClock:
    """A clock that a test moves."""
    return MovedClock()


@pytest.fixture
def moving(house: House, clock: MovedClock, history: History) -> House:  # noqa: ARG001 - what the store was told
    """A store with a history by that clock, its slices made one after the other."""
    return steered(moved(house, clock))


@pytest.fixture
def slices(monkeypatch: pytest.MonkeyPatch) -> Slices:
    """What happens in slices."""
    return Slices(monkeypatch)


def disk_full(_: SliceSpec) -> None:
    """What the system says then."""
    raise OSError(errno.ENOSPC, "No space left on device")


def content(house: House, done: Export) -> list[bytes]:
    """The bytes of all files."""
    assert done.state == "succeeded", done.error
    return [file_bytes(house, done, file["name"]) for file in json.loads(done.manifest or "")["files"]]


def half_done(house: House, slices: Slices, scope: Scope, asked: ExportRequest | None = None) -> Export:
    """An export whose first attempt has finished all slices but the last."""
    export = ask(house, scope, asked)
    slices.hooks[2] = disk_full
    attempt(house)
    assert dict(slices.made) == {0: 1, 1: 1, 2: 1}
    assert recorded(house, export) == [0, 1]
    assert objects(house, export) == ["part-000000", "part-000001"]
    return export


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_what_is_recorded_is_not_made_again(
    moving: House, scope: Scope, slices: Slices, clock: MovedClock, form: dict[str, Any]
) -> None:
    """The next attempt makes the rest alone; the bytes are as of one that was never interrupted; no part stays."""
    asked = request(scope, **form)
    export = half_done(moving, slices, scope, asked)
    clock.shift += MINUTE
    attempt(moving)
    assert dict(slices.made) == {0: 1, 1: 1, 2: 2}
    done = now(moving, export)
    made = content(moving, done)
    files = json.loads(done.manifest or "")
    assert objects(moving, export) == sorted(file["name"] for file in (*files["files"], files["schema"]))
    assert recorded(moving, export) == []
    undisturbed = ask(moving, scope, asked)
    attempt(moving)
    assert made == content(moving, now(moving, undisturbed))


def test_an_outage_is_no_failure_and_says_what_to_do(moving: House, scope: Scope, slices: Slices) -> None:
    """A full disk is told to the asker and the operator, counts as no failure, and is gone when it has worked out."""
    export = half_done(moving, slices, scope)
    waiting, job = now(moving, export), job_of(moving, export)
    assert (waiting.state, waiting.error) == (
        "running",
        "the disk is full: free some space; it will be tried again",
    )
    assert (job.state, job.failures, job.outages, job.error) == (
        "ready",
        0,
        1,
        "the disk is full: free some space",
    )


def test_another_release_makes_everything_again(moving: House, scope: Scope, slices: Slices, clock: MovedClock) -> None:
    """It takes the job over as its own, and does not mix its parts with those of the other."""
    export = half_done(moving, slices, scope)
    with moving.database.write() as connection:
        connection.execute(update(jobs).values(code_version="0.0.0"))
        connection.execute(update(export_parts).values(code_version="0.0.0"))
    clock.shift += MINUTE
    slices.hooks[1] = disk_full
    attempt(moving)
    assert (slices.made[0], slices.made[1]) == (2, 2)
    assert job_of(moving, export).code_version == __version__
    assert recorded(moving, export) == [0]
    clock.shift += 10 * MINUTE
    attempt(moving)
    assert (slices.made[0], slices.made[1]) == (2, 3)
    content(moving, now(moving, export))


def test_another_digest_is_another_slice(moving: House, scope: Scope, slices: Slices, clock: MovedClock) -> None:
    """A record of something else under the same number is not taken for it."""
    export = half_done(moving, slices, scope)
    with moving.database.write() as connection:
        connection.execute(update(export_parts).where(export_parts.c.number == 1).values(digest="0" * 64))
    clock.shift += MINUTE
    attempt(moving)
    assert dict(slices.made) == {0: 1, 1: 2, 2: 2}
    content(moving, now(moving, export))


def flip(part: Path) -> None:
    """The file system kept its length, not its bytes."""
    part.write_bytes(bytes(part.stat().st_size))


def cut(part: Path) -> None:
    """Its end is missing."""
    part.write_bytes(part.read_bytes()[:-1])


def parts_of(house: House, export: Export) -> dict[str, Path]:
    """Parts on disk by name."""
    folder = house.data / "files" / export.scope.prefix / "exports" / export.id
    return {path.name: path for path in folder.rglob("part-*")}


@pytest.mark.parametrize(("form", "both"), [(FORMS[0], False), (FORMS[0], True), (FORMS[1], True)], ids=str)
def test_parts_that_a_power_cut_tore_are_made_again(
    moving: House, scope: Scope, slices: Slices, clock: MovedClock, form: dict[str, Any], both: bool
) -> None:
    """However many are torn, one attempt finds them all; it is no failure, since what it made itself is good."""
    export = half_done(moving, slices, scope, request(scope, **form))
    for name in ("part-000000", "part-000001") if both else ("part-000001",):
        flip(parts_of(moving, export)[name])
    clock.shift += MINUTE
    attempt(moving)
    assert (job_of(moving, export).state, job_of(moving, export).failures) == ("ready", 0)
    assert not {0, 1}.intersection(recorded(moving, export)) - (set() if both else {0})
    attempt(moving)
    assert slices.made[1] == 2
    assert slices.made[0] == (2 if both else 1)
    content(moving, now(moving, export))
    assert not parts_of(moving, export)


@pytest.mark.parametrize("damage", [Path.unlink, cut])
def test_a_part_that_is_gone_or_short_is_made_again_at_once(
    moving: House, scope: Scope, slices: Slices, clock: MovedClock, damage: Callable[[Path], None]
) -> None:
    """That is seen before anything is assembled, and costs no attempt."""
    export = half_done(moving, slices, scope)
    damage(parts_of(moving, export)["part-000000"])
    clock.shift += MINUTE
    attempt(moving)
    assert dict(slices.made) == {0: 2, 1: 1, 2: 2}
    content(moving, now(moving, export))


def test_a_disk_that_spoils_what_is_written_fails_the_export(
    moving: House, scope: Scope, slices: Slices, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Parts that are damaged when they have just been made count, so that it ends."""
    export = ask(moving, scope)
    make = slices._make

    def spoil(data: str, spec: SliceSpec) -> object:
        part = make(data, spec)
        flip(Path(data) / "files" / spec.object)
        return part

    monkeypatch.setattr(slices, "_make", spoil)
    for _ in range(moving.settings.exports.max_attempts):
        attempt(moving)
    done = now(moving, export)
    assert (done.state, job_of(moving, export).state) == ("failed", "done")
    assert "look at the disk" in (done.error or "")
    assert objects(moving, export) == []
    assert recorded(moving, export) == []


def wait_for_records(house: House, export: Export) -> None:
    """Wait until the other slices are recorded, which happens in another thread."""
    deadline = time.monotonic() + 20
    while recorded(house, export) != [0, 1]:
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_a_worker_taken_for_dead_spoils_nothing_that_its_heir_took_over(
    moving: House, scope: Scope, slices: Slices, clock: MovedClock
) -> None:
    """It wakes up in its last slice when another has finished with the parts that it had recorded: all stays whole."""
    export = ask(moving, scope)
    ended: list[Export] = []

    def sleep(_: SliceSpec) -> None:
        wait_for_records(moving, export)
        clock.shift += moving.settings.exports.lease_ms + MINUTE
        run(moving, take(moving, "heir"))
        ended.append(now(moving, export))

    slices.hooks[2] = sleep
    attempt(moving)
    assert dict(slices.made) == {0: 1, 1: 1, 2: 2}
    assert [now(moving, export)] == ended
    assert job_of(moving, export).failures == 1
    content(moving, ended[0])


def test_a_worker_taken_for_dead_leaves_what_its_heir_still_reads(
    moving: House, scope: Scope, slices: Slices, clock: MovedClock
) -> None:
    """Its recorded parts stay when it finds out that it has lost the job, since the heir counts on them."""
    export = ask(moving, scope)
    heirs = []

    def sleep(_: SliceSpec) -> None:
        wait_for_records(moving, export)
        clock.shift += moving.settings.exports.lease_ms + MINUTE
        heirs.append(take(moving, "heir"))

    slices.hooks[2] = sleep
    attempt(moving)
    assert recorded(moving, export) == [0, 1]
    assert {"part-000000", "part-000001"} <= parts_of(moving, export).keys()
    run(moving, heirs[0])
    assert dict(slices.made) == {0: 1, 1: 1, 2: 2}
    content(moving, now(moving, export))


def test_progress_goes_on_where_it_was(moving: House, scope: Scope, slices: Slices, clock: MovedClock) -> None:
    """Slices done are those that are there, taken over or new."""
    export = half_done(moving, slices, scope)
    assert (now(moving, export).slices, now(moving, export).slices_done) == (3, 2)
    clock.shift += MINUTE
    seen: list[int] = []

    def look(_: SliceSpec) -> None:
        with moving.database.read() as connection:
            seen.append(connection.scalar(exports.select().with_only_columns(exports.c.slices)) or 0)

    slices.hooks[2] = look
    attempt(moving)
    assert seen == [3]
    assert now(moving, export).slices_done == 3
