"""A slice that ends the process that makes it: the export fails and says which, and nobody else notices."""

import os
import signal
import threading
from pathlib import Path

import pytest
from msgspec.structs import replace

from tailrace.exports.attempts import Runner
from tailrace.exports.records import Export
from tailrace.exports.run import run_export
from tailrace.exports.slices import SliceSpec
from tailrace.model.access import Scope
from tailrace.model.export import Part
from tailrace.remote import run_slice_here
from tailrace.wiring import House
from tests.sending import T0, file_bytes, request
from tests.unit.exports.attempts import ask, job_of, now, objects, recorded, take
from tests.unit.store.history import History

WAIT_S = 60


@pytest.fixture
def backend() -> str:
    """Processes die the same beside either database."""
    return "sqlite"


class Poison:
    """Ends the process in one slice, of one export if it is named; travels to the process that runs slices."""

    def __init__(self, data: Path, marks: Path, *, export: str = "", times: int = 1 << 30) -> None:
        self._data, self._marks, self._export, self._times = str(data), marks, export, times

    def __call__(self, spec: SliceSpec) -> Part:
        if self._export in spec.object and spec.object.endswith("part-000001"):
            with self._marks.open("a") as file:
                file.write(f"{os.getpid()}\n")
            if len(self._marks.read_text().splitlines()) <= self._times:
                os.kill(os.getpid(), signal.SIGKILL)
        return run_slice_here(self._data, spec)


def uncached(house: House) -> House:
    """The same store without a cache of parts, its exports made by processes."""
    made = house.settings.exports.model_copy(update={"cache_bytes": 0, "pool": "processes"})
    return replace(house, settings=house.settings.model_copy(update={"exports": made}))


def poisoned(runner: Runner, poison: Poison) -> Runner:
    """A runner whose slices meet the poison."""
    return replace(runner, maker=replace(runner.maker, run_slice=poison))


def content(house: House, done: Export) -> bytes:
    """The bytes of its file."""
    return file_bytes(house, done, f"app_waves-{done.id}-events.ndjson.gz")


def test_a_poison_slice_fails_its_export_and_is_named(
    house: House, scope: Scope, history: History, tmp_path: Path
) -> None:
    """After one death in company and three alone: the day, the window and what it reads are in the error."""
    plain = uncached(house)
    export = ask(plain, scope, request(scope, "event_time", T0, T0 + 3 * 86_400_000))
    with plain.runner() as runner:
        run_export(poisoned(runner, Poison(house.data, tmp_path / "marks")), take(plain))
    assert len((tmp_path / "marks").read_text().splitlines()) == 1 + plain.settings.exports.slice_attempts
    done, job = now(plain, export), job_of(plain, export)
    assert (done.state, job.state, job.outcome) == ("failed", "done", "failed")
    error = done.error or ""
    day = sorted({segment.day for segment in history.segments})[1]
    for segment in history.segments:
        assert (segment.location.object in error) == (segment.day == day)
    assert "the window 2026-01-02T03:04:05.678Z to 2026-01-05T03:04:05.678Z on event_time" in error
    assert objects(plain, export) == []
    assert recorded(plain, export) == []


@pytest.mark.usefixtures("history")
def test_a_slice_that_dies_of_bad_luck_is_made(house: House, scope: Scope, tmp_path: Path) -> None:
    """Killed twice, it is tried until it succeeds: no attempt is lost, no failure counted, and the bytes are right."""
    plain = uncached(house)
    unlucky, lucky = ask(plain, scope), ask(plain, scope)
    with plain.runner() as runner:
        run_export(poisoned(runner, Poison(house.data, tmp_path / "marks", times=2)), take(plain))
        run_export(runner, take(plain))
    assert len((tmp_path / "marks").read_text().splitlines()) == 3
    assert (job_of(plain, unlucky).failures, job_of(plain, unlucky).attempt) == (0, 1)
    assert content(plain, now(plain, unlucky)) == content(plain, now(plain, lucky))


@pytest.mark.usefixtures("history")
def test_others_that_share_the_pool_do_not_fail(house: House, scope: Scope, tmp_path: Path) -> None:
    """Three exports at once, one of them poison: the two others succeed at their first attempt, byte for byte alike."""
    plain = uncached(house)
    asked = [ask(plain, scope) for _ in range(3)]
    with plain.runner() as runner:
        bad = poisoned(runner, Poison(house.data, tmp_path / "marks", export=asked[1].id))
        threads = [threading.Thread(target=run_export, args=(bad, take(plain))) for _ in asked]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(WAIT_S)
    ended = [now(plain, export) for export in asked]
    assert [export.state for export in ended] == ["succeeded", "failed", "succeeded"]
    assert [(job_of(plain, export).attempt, job_of(plain, export).failures) for export in asked] == [(1, 0)] * 3
    assert content(plain, ended[0]) == content(plain, ended[2])
