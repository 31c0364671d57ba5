"""Running an export: plan, slices, assemble; then manifest, files and state in one transaction."""

import time
from dataclasses import dataclass
from functools import partial

import msgspec
import structlog

from tailrace.exports.making import Made, Maker, make_files, plan_export
from tailrace.exports.manifests import make_manifest, totals_of
from tailrace.exports.records import Export, StoredFile, change_export, insert_files, load_export
from tailrace.exports.resolve import Resolved
from tailrace.exports.submit import Submitter, resolve_later
from tailrace.jobs.heartbeat import heartbeat
from tailrace.jobs.queue import Job, finish, give_back, hold, renew
from tailrace.model.clock import Clock
from tailrace.model.errors import FenceLost, Unavailable
from tailrace.model.export import ExportFile

log = structlog.get_logger()
_RETRY_MS = 1_000
_NOTE_EVERY_S = 0.25


@dataclass(frozen=True, slots=True)
class Runner:
    """What running exports needs. `lease_ms` is how long a silent worker keeps its job."""

    submitter: Submitter
    maker: Maker
    clock: Clock
    lease_ms: int
    max_attempts: int


def run_export(runner: Runner, job: Job) -> None:
    """Bring the export of a claimed job to a final state, or give the job back when trying again makes sense."""
    export = load_export(runner.submitter.database, job.space, job.app, job.subject)
    if job.attempt > runner.max_attempts:  # its workers died, so none of them could say so
        _fail(runner, job, export, f"{runner.max_attempts} workers died or were lost while they made it")
        return
    try:
        with heartbeat(partial(renew, runner.submitter.database, job, runner.lease_ms), runner.lease_ms):
            _run(runner, job, export)
    except FenceLost:
        log.warning("export.taken_over", export=export.id, attempt=job.attempt)
    except Unavailable as error:
        _again_or_fail(runner, job, export, error.why)
    except Exception as error:
        log.exception("export.error", export=export.id, attempt=job.attempt)
        _again_or_fail(runner, job, export, f"{type(error).__name__}: see the server's log for export {export.id}")


def _run(runner: Runner, job: Job, export: Export) -> None:
    resolved = _resolve(runner, job, export)
    plan = plan_export(runner.submitter.database, export, resolved)
    _note(runner, job, export, state="running", slices=len(plan.slices), slices_done=0)
    place = partial(_key, job, export)
    made = make_files(runner.maker, export, plan, place, place, _Noter(runner, job, export))
    _finish(runner, job, export, resolved, len(plan.slices), made)
    rows, size = sum(f.rows for f in made.files), sum(f.bytes for f in made.files)
    log.info("export.succeeded", export=export.id, rows=rows, bytes=size)


class _Noter:
    """Writes down how far an export is, now and then: each note is a durable write."""

    def __init__(self, runner: Runner, job: Job, export: Export) -> None:
        self._note = partial(_note, runner, job, export)
        self._noted = time.monotonic()

    def __call__(self, slices: int, rows: int) -> None:  # noqa: ARG002 - as `Progress` has it
        if time.monotonic() - self._noted >= _NOTE_EVERY_S:
            self._note(slices_done=slices)
            self._noted = time.monotonic()


def _resolve(runner: Runner, job: Job, export: Export) -> Resolved:
    """What submit resolved; else, now that the window's end has passed, resolve it and keep that for every attempt."""
    if export.snapshot is not None and export.complete_through is not None:
        return Resolved(export.snapshot, export.after_seq, export.upto_seq, export.complete_through)
    with runner.submitter.database.write() as connection:
        hold(connection, job)
        resolved = resolve_later(runner.submitter, connection, export)
        change_export(
            connection,
            export,
            snapshot=resolved.snapshot,
            after_seq=resolved.after_seq,
            upto_seq=resolved.upto_seq,
            complete_through=resolved.complete_through,
        )
    return resolved


def _finish(runner: Runner, job: Job, export: Export, resolved: Resolved, slices: int, made: Made) -> None:
    with runner.submitter.database.write() as connection:
        finish(connection, job)
        totals = totals_of(connection, export, resolved)
        manifest = make_manifest(runner.submitter.identity, export, resolved, totals, made)
        insert_files(connection, export, [*(_stored(f) for f in made.files), made.schema])
        change_export(
            connection,
            export,
            state="succeeded",
            slices_done=slices,
            finished_at=runner.submitter.database.now(connection),
            manifest=msgspec.json.encode(manifest).decode(),
        )


def _stored(file: ExportFile) -> StoredFile:
    return StoredFile(file.name, file.object, file.bytes, file.sha256, file.media_type)


def _again_or_fail(runner: Runner, job: Job, export: Export, why: str) -> None:
    if job.attempt < runner.max_attempts:
        give_back(runner.submitter.database, job, _RETRY_MS * 2 ** (job.attempt - 1))
    else:
        _fail(runner, job, export, why)


def _fail(runner: Runner, job: Job, export: Export, why: str) -> None:
    database = runner.submitter.database
    with database.write() as connection:
        finish(connection, job)
        change_export(connection, export, state="failed", finished_at=database.now(connection), error=why)


def _note(runner: Runner, job: Job, export: Export, **values: object) -> None:
    with runner.submitter.database.write() as connection:
        hold(connection, job)
        change_export(connection, export, **values)


def _key(job: Job, export: Export, name: str) -> str:
    """An object name of this attempt only: a worker that was taken for dead can overwrite nothing."""
    return f"{export.scope.prefix}/exports/{export.id}/{job.fence}/{name}"
