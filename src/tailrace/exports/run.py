"""Running an export: plan, slices, assemble; then manifest, files and state in one transaction."""

import time
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial

import msgspec
import structlog

from tailrace.compute.local import run_all
from tailrace.exports.assemble import assemble
from tailrace.exports.manifests import make_manifest
from tailrace.exports.plan import Plan, make_plan
from tailrace.exports.records import Export, StoredFile, change_export, insert_files, load_export
from tailrace.exports.resolve import Resolved
from tailrace.exports.slices import SliceSpec, run_slice
from tailrace.exports.submit import Submitter, resolve_later
from tailrace.files.base import Files
from tailrace.formats import gzip, json
from tailrace.jobs.heartbeat import heartbeat
from tailrace.jobs.queue import Job, finish, give_back, hold, renew
from tailrace.model.clock import Clock
from tailrace.model.errors import FenceLost, Unavailable
from tailrace.model.export import ExportFile, Increment, Part, Totals
from tailrace.store.snapshots import available_at, totals_at, visible

log = structlog.get_logger()
_RETRY_MS = 1_000
_NOTE_EVERY_S = 0.25


@dataclass(frozen=True, slots=True)
class Runner:
    """What running exports needs. `lease_ms` is how long a silent worker keeps its job."""

    submitter: Submitter
    files: Files
    executor: Executor
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
    plan = _plan(runner, export, resolved)
    _note(runner, job, export, state="running", slices=len(plan.slices), slices_done=0)
    parts = _run_slices(runner, job, export, plan)
    filled = [part for part in parts if part.rows]
    files = [_assemble(runner, job, export, filled)] if filled else []
    _finish(runner, job, export, resolved, len(plan.slices), files)
    for part in parts:
        runner.files.delete(part.object)
    log.info("export.succeeded", export=export.id, rows=sum(f.rows for f in files), bytes=sum(f.bytes for f in files))


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


def _plan(runner: Runner, export: Export, resolved: Resolved) -> Plan:
    increment = None
    if resolved.after_seq is not None and resolved.upto_seq is not None:
        increment = Increment(resolved.after_seq, resolved.upto_seq)
    with runner.submitter.database.read() as connection:
        after = increment.after if increment else 0
        segments = visible(connection, export.scope, resolved.snapshot, after=after, window=export.request.window)
        times = available_at(connection, export.scope, [segment.added_seq for segment in segments])
    return make_plan(export.request, segments, times, increment)


def _run_slices(runner: Runner, job: Job, export: Export, plan: Plan) -> list[Part]:
    specs = [
        SliceSpec(_key(job, export, f"part-{n:06d}"), piece, plan.selection) for n, piece in enumerate(plan.slices)
    ]
    parts: list[Part] = []
    noted = time.monotonic()
    for part in run_all(runner.executor, partial(run_slice, runner.files), specs):
        parts.append(part)
        if time.monotonic() - noted >= _NOTE_EVERY_S:  # each note is a durable write
            _note(runner, job, export, slices_done=len(parts))
            noted = time.monotonic()
    return parts


def _assemble(runner: Runner, job: Job, export: Export, parts: Sequence[Part]) -> ExportFile:
    name = f"{export.request.app}-{export.id}-{export.request.shape}.{json.EXTENSION}.{gzip.EXTENSION}"
    return assemble(runner.files, export.request, name, _key(job, export, name), parts)


def _finish(
    runner: Runner, job: Job, export: Export, resolved: Resolved, slices: int, files: Sequence[ExportFile]
) -> None:
    with runner.submitter.database.write() as connection:
        finish(connection, job)
        totals: tuple[Totals, Totals] | None = None
        if resolved.after_seq is not None and resolved.upto_seq is not None:
            before = totals_at(connection, export.scope, resolved.after_seq)
            totals = (before, totals_at(connection, export.scope, resolved.upto_seq))
        manifest = make_manifest(runner.submitter.identity, export, resolved, totals, files)
        insert_files(connection, export, [_stored(f) for f in files])
        change_export(
            connection,
            export,
            state="succeeded",
            slices_done=slices,
            finished_at=runner.submitter.database.now(connection),
            manifest=msgspec.json.encode(manifest).decode(),
        )


def _stored(file: ExportFile) -> StoredFile:
    return StoredFile(file.name, file.object, file.bytes, file.sha256, gzip.MEDIA_TYPE)


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
