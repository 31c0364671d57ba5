"""Running exports: the same bytes every time, and an end for every job."""

import gzip
import json
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest
from msgspec.structs import replace
from sqlalchemy import select
from structlog.testing import capture_logs
from xxhash import xxh3_128

from tailrace.db.tables import export_files, exports, jobs
from tailrace.exports.records import Export, load_export
from tailrace.exports.run import run_export
from tailrace.exports.submit import submit
from tailrace.jobs.queue import Job, claim
from tailrace.model.access import Scope
from tailrace.model.clock import DAY, MINUTE
from tailrace.model.export import ExportRequest
from tailrace.wiring import House
from tests.sending import T0, Row, event, export, file_bytes, inflated, principal, request, rows_of, seal, send, work
from tests.unit.clocks import MovedClock, moved


@pytest.fixture
def clock() -> MovedClock:
    """A clock that a test moves."""
    return MovedClock()


@pytest.fixture
def moving(house: House, clock: MovedClock) -> House:
    """A store by that clock."""
    return moved(house, clock)


def pooled(house: House, pool: str, workers: int) -> House:
    """The same store with another pool."""
    made = house.settings.exports.model_copy(update={"pool": pool, "workers": workers, "cache_bytes": 0})
    return replace(house, settings=house.settings.model_copy(update={"exports": made}))


def ask(house: House, scope: Scope, asked: ExportRequest | None = None) -> Export:
    """Submit an export of everything."""
    return submit(house.submitter(), principal(house, scope), scope, asked or request(scope))


def take(house: House) -> Job:
    """Claim its job and do nothing."""
    job = claim(house.database, "export", "worker", house.settings.exports.lease_ms)
    assert job is not None
    return job


def run(house: House, job: Job) -> None:
    """Run a claimed job."""
    with house.runner() as runner:
        run_export(runner, job)


def now(house: House, scope: Scope, submitted: Export) -> Export:
    """An export as it is now."""
    return load_export(house.database, scope.space, scope.app, submitted.id)


def content(house: House, done: Export) -> bytes:
    """The bytes of its one file."""
    [file] = json.loads(done.manifest or "")["files"]
    return file_bytes(house, done, file["name"])


def all_content(house: House, done: Export) -> list[bytes]:
    """The bytes of all its files, inflated."""
    return [inflated(file_bytes(house, done, file["name"])) for file in json.loads(done.manifest or "")["files"]]


@pytest.mark.usefixtures("history")
def test_the_same_request_gives_the_same_bytes(house: House, scope: Scope) -> None:
    """With one worker and with four, threads and processes, and run again: what is packed is equal byte for byte."""
    for asked in (
        request(scope),
        request(scope, "event_time", T0, T0 + 2 * DAY, columns=("params", "id", "number")),
        request(scope, shape="sessions", format="parquet", packing="none"),
        request(scope, shape="tables", format="csv", packing="zip", split="event"),
    ):
        made = []
        for pool, workers in (("threads", 1), ("threads", 4), ("processes", 1), ("processes", 4), ("threads", 4)):
            done = work(pooled(house, pool, workers), scope, ask(house, scope, asked).id)
            assert done.slices is not None
            assert done.slices >= 3
            made.append(all_content(house, done))
        assert made == [made[0]] * 5, asked


@pytest.mark.usefixtures("history")
def test_the_manifest_tells_the_truth(house: House, scope: Scope) -> None:
    """Rows, bytes, hashes and bounds are what the file itself says, also when no time is among the columns."""
    for columns in (None, ("id", "level"), ("session_id",)):
        submitted = ask(house, scope, request(scope, columns=columns))
        done = work(house, scope, submitted.id)
        manifest = json.loads(done.manifest or "")
        [file] = manifest["files"]
        packed = file_bytes(house, done, file["name"])
        lines = gzip.decompress(packed).splitlines()
        assert (file["bytes"], file["sha256"]) == (len(packed), sha256(packed).hexdigest())
        assert manifest["rows"] == file["rows"] == len(lines)
        total = sum(int(xxh3_128(line).hexdigest(), 16) for line in lines) % 2**128
        assert file["content_sha256"] == sha256(f"tailrace-rows-1 {len(lines)} {total:032x}".encode()).hexdigest()
        times = [row["time"] for row in export(house, scope, request(scope))[1]]
        assert (file["min_time"], file["max_time"]) == (min(times), max(times))


@pytest.mark.usefixtures("history")
def test_parts_do_not_stay(house: House, scope: Scope) -> None:
    """When an export has succeeded its files and their schema are its only objects."""
    for asked in (request(scope), request(scope, shape="tables", packing="zip", split="event")):
        before = objects(house, scope)
        manifest = json.loads(work(house, scope, ask(house, scope, asked).id).manifest or "")
        named = sorted(file["name"] for file in (*manifest["files"], manifest["schema"]))
        assert sorted(path.name for path in objects(house, scope) - before) == named


def objects(house: House, scope: Scope) -> set[Path]:
    """All objects of exports."""
    return {path for path in (house.data / "files" / scope.prefix / "exports").rglob("*") if path.is_file()}


@pytest.mark.usefixtures("history")
def test_an_export_whose_worker_died_is_finished_by_another(moving: House, scope: Scope, clock: MovedClock) -> None:
    """A worker that claimed and then fell silent loses the job after its lease; the next one answers the request."""
    submitted = ask(moving, scope)
    take(moving)
    assert claim(moving.database, "export", "other", moving.settings.exports.lease_ms) is None
    clock.shift += moving.settings.exports.lease_ms + MINUTE
    done = work(moving, scope, submitted.id)
    assert done.state == "succeeded"
    assert len(rows_of(moving, done, json.loads(done.manifest or "")["files"][0]["name"])) == 100


@pytest.mark.usefixtures("history")
def test_a_worker_taken_for_dead_cannot_touch_the_result(moving: House, scope: Scope, clock: MovedClock) -> None:
    """It wakes up after another has finished, and runs: state, manifest, files and their bytes stay as they are."""
    submitted = ask(moving, scope)
    zombie = take(moving)
    clock.shift += moving.settings.exports.lease_ms + MINUTE
    done = work(moving, scope, submitted.id)
    before = (everything(moving), content(moving, done))
    run(moving, zombie)
    after = now(moving, scope, submitted)
    assert after == done
    assert (everything(moving), content(moving, after)) == before


def test_a_worker_taken_for_dead_cannot_touch_one_that_runs(moving: House, scope: Scope, clock: MovedClock) -> None:
    """It wakes up while another holds the job: it changes nothing, fails nothing and gives nothing back."""
    send(moving, scope, [event("e", T0)])
    seal(moving, scope)
    ask(moving, scope)
    zombie = take(moving)
    clock.shift += moving.settings.exports.lease_ms + MINUTE
    heir = take(moving)
    before = everything(moving)
    run(moving, zombie)
    assert everything(moving) == before
    run(moving, heir)


def everything(house: House) -> list[tuple[object, ...]]:
    """All rows about exports."""
    with house.database.read() as connection:
        return [tuple(row) for table in (exports, export_files, jobs) for row in connection.execute(select(table))]


def lose_the_segments(house: House) -> None:
    """Take away what every attempt must read."""
    for path in (house.data / "files").rglob("*.parquet"):
        path.unlink()


@pytest.mark.usefixtures("history")
def test_an_export_that_cannot_be_made_fails_with_a_reason(moving: House, scope: Scope, clock: MovedClock) -> None:
    """Each failed attempt is given back with a pause; after the last one the state is failed and says why."""
    submitted = ask(moving, scope)
    lose_the_segments(moving)
    with capture_logs() as logs:
        attempts = run_to_the_end(moving, clock, lambda job: run(moving, job))
    done = now(moving, scope, submitted)
    assert [entry["attempt"] for entry in logs if entry["event"] == "export.error"] == attempts
    assert attempts == list(range(1, moving.settings.exports.max_attempts + 1))
    assert (done.state, done.manifest) == ("failed", None)
    assert "FileNotFoundError" in (done.error or "")
    assert done.finished_at is not None


@pytest.mark.usefixtures("history")
def test_an_export_that_kills_its_workers_fails_in_the_end(moving: House, scope: Scope, clock: MovedClock) -> None:
    """When every worker dies over it, silently, the export is given up after the last attempt, not tried for ever."""
    submitted = ask(moving, scope)
    most = moving.settings.exports.max_attempts
    attempts = run_to_the_end(moving, clock, lambda job: run(moving, job) if job.attempt > most else None)
    done = now(moving, scope, submitted)
    assert attempts == list(range(1, most + 2))
    assert done.state == "failed"
    assert done.error


def run_to_the_end(house: House, clock: MovedClock, work_on: Callable[[Job], None]) -> list[int]:
    """Claim and work until no job is left; the attempts."""
    attempts = []
    while (job := claim(house.database, "export", "worker", house.settings.exports.lease_ms)) is not None:
        attempts.append(job.attempt)
        assert len(attempts) < 20
        work_on(job)
        clock.shift += house.settings.exports.lease_ms + MINUTE
    return attempts


def test_an_empty_export_is_a_success_without_files(house: House, scope: Scope) -> None:
    """Nothing to show is no error: no file, no rows, no object, and on availability a cursor that goes on."""
    before = [request(scope), request(scope, events=["never"]), request(scope, "event_time", 0, 1)]
    check_empty(house, scope, before)
    send(house, scope, [event("e", T0)])
    seal(house, scope)
    check_empty(house, scope, before[1:])
    assert all(path.name.endswith(".schema.json") for path in objects(house, scope))


def check_empty(house: House, scope: Scope, requests: list[ExportRequest]) -> None:
    """Each of these exports succeeds with nothing."""
    for asked in requests:
        manifest, rows = export(house, scope, asked)
        assert (manifest["files"], manifest["rows"], manifest["bytes"], rows) == ([], 0, 0, [])
        assert (manifest["cursor"] is not None) == (asked.window.axis == "available")


def test_an_empty_slice_leaves_the_file_whole(house: House, scope: Scope) -> None:
    """Slices in which nothing is left, before, between and after others, leave one member that reads to its end."""
    sent: list[Row] = [event("e" if day in (1, 3) else "x", T0 + day * DAY, session=f"s{day}") for day in range(5)]
    sent += [event("e", T0 + day * DAY + 1, session=f"s{day}") | {"session": {"app_version": "1"}} for day in range(5)]
    send(house, scope, sent)
    seal(house, scope)
    asked = request(scope, "event_time", T0 + DAY, T0 + 3 * DAY + 1, events=["e"])
    _, rows = export(house, scope, asked)
    assert [(row["event"], row["session_id"]) for row in rows] == [("e", "s1"), ("e", "s1"), ("e", "s2"), ("e", "s3")]
