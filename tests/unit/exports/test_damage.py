"""Parts are scratch: one that is not what was written fails the attempt, and the next one makes it again."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from tailrace import wiring
from tailrace.exports.records import load_export
from tailrace.exports.run import run_export
from tailrace.exports.slices import SliceSpec
from tailrace.exports.submit import submit
from tailrace.jobs.queue import claim
from tailrace.model.access import Scope
from tailrace.model.clock import MINUTE
from tailrace.model.export import Part
from tailrace.remote import run_slice_here
from tailrace.wiring import House
from tests.sending import principal, request, rows_of
from tests.unit.clocks import MovedClock, moved

Damage = Callable[[Path], None]
FORMS: list[dict[str, Any]] = [
    {},
    {"packing": "zstd", "split": "size"},
    {"shape": "sessions", "packing": "zip"},
    {"shape": "tables", "split": "event"},
    {"format": "parquet", "packing": "none", "split": "day"},
]


@pytest.fixture
def backend() -> str:
    """Parts are files; that an attempt failed is written to both databases in `test_run.py`."""
    return "sqlite"


def flipped(part: Path) -> None:
    """One bit of it is another."""
    data = bytearray(part.read_bytes())
    data[len(data) // 2] ^= 1
    part.write_bytes(data)


def cut(part: Path) -> None:
    """Its end is missing."""
    part.write_bytes(part.read_bytes()[:-1])


def gone(part: Path) -> None:
    """It is not there."""
    part.unlink()


class Spoiler:
    """Runs slices, and spoils the parts of the first attempt."""

    def __init__(self, damage: Damage) -> None:
        self._damage = damage
        self._run = run_slice_here
        self.active = True

    def __call__(self, data: str, spec: SliceSpec) -> Part:
        part = self._run(data, spec)
        if self.active:
            self._damage(Path(data) / "files" / spec.object)
        return part


def objects(house: House, scope: Scope) -> list[str]:
    """All objects of exports."""
    return sorted(p.name for p in (house.data / "files" / scope.prefix / "exports").rglob("*") if p.is_file())


def run_one(house: House) -> None:
    """Claim and run the export that waits."""
    with house.runner() as runner:
        job = claim(house.database, "export", "test", runner.lease_ms)
        assert job is not None
        run_export(runner, job)


@pytest.mark.usefixtures("history")
@pytest.mark.parametrize("damage", [flipped, cut, gone])
@pytest.mark.parametrize("form", FORMS, ids=str)
def test_a_damaged_part_is_made_again(
    house: House, scope: Scope, monkeypatch: pytest.MonkeyPatch, form: dict[str, Any], damage: Damage
) -> None:
    """The attempt fails with the reason in the log, and leaves nothing; the next one succeeds with all rows."""
    clock = MovedClock()
    moving = moved(house, clock)
    spoiler = Spoiler(damage)
    monkeypatch.setattr(wiring, "run_slice_here", spoiler)
    submitted = submit(moving.submitter(), principal(moving, scope), scope, request(scope, **form))
    with capture_logs() as logs:
        run_one(moving)
    assert [(one["event"], one["attempt"]) for one in logs if one["log_level"] == "error"] == [("export.error", 1)]
    assert load_export(moving.database, scope.space, scope.app, submitted.id).state == "running"
    assert objects(moving, scope) == []
    spoiler.active = False
    clock.shift += MINUTE
    run_one(moving)
    done = load_export(moving.database, scope.space, scope.app, submitted.id)
    assert done.state == "succeeded"
    check_whole(moving, scope, done)


def check_whole(house: House, scope: Scope, done: Any) -> None:
    """All rows are there, and nothing else than what the manifest names."""
    manifest = json.loads(done.manifest)
    rows = [row for file in manifest["files"] for row in rows_of(house, done, file["name"])]
    events = [event for row in rows for event in row.get("events", [row])] if manifest["shape"] == "sessions" else rows
    assert len([row for row in events if "id" in row]) == 100
    assert objects(house, scope) == sorted(one["name"] for one in (*manifest["files"], manifest["schema"]))
