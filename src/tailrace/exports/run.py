"""Running an export: plan, slices, assemble; then manifest, files and state in one transaction.

Whatever happens on the way, the export ends in a final state or its job can be claimed again.
"""

import time
from functools import partial
from typing import Any

from sqlalchemy import func

from tailrace import __version__
from tailrace.compute.processes import Poisoned
from tailrace.compute.stops import Stopped, stop_flag
from tailrace.db.tables import exports
from tailrace.exports.attempts import Attempt, Runner
from tailrace.exports.course import Course, Interrupted
from tailrace.exports.ending import again_or_failed, cancelled, delete_objects, give_way, succeed, without_damaged
from tailrace.exports.making import Made, make_files, plan_export
from tailrace.exports.noting import Notes
from tailrace.exports.plan import Plan
from tailrace.exports.recorded import Recorded
from tailrace.exports.records import Export, load_export
from tailrace.exports.resolve import Resolved
from tailrace.exports.streams import PartDamaged
from tailrace.exports.submit import resolve_later
from tailrace.exports.waiting import Incomplete, complete_reach, look_later
from tailrace.jobs.cancelling import is_cancelled
from tailrace.jobs.heartbeat import heartbeat
from tailrace.jobs.queue import Job, Signal, adopt, hold, pin, renew
from tailrace.jobs.retry import PUZZLE, rule_for
from tailrace.logs import bound, log
from tailrace.model.clock import day_name, iso
from tailrace.model.errors import ExportFailed, FenceLost, Unavailable
from tailrace.model.objects import export_name
from tailrace.model.points import point
from tailrace.store.people import people_at
from tailrace.traces import span

_LOOK_MS = 1_000  # how often to look whether the export was cancelled


def run_export(runner: Runner, job: Job) -> None:
    """Bring the export of a claimed job to a final state, or give the job back when going on later makes sense."""
    with bound(job=job.number, export=job.subject), span("export", {"tailrace.export": job.subject}):
        _attempt(runner, job)


def _attempt(runner: Runner, job: Job) -> None:
    """One attempt at it."""
    point("export.claimed")
    with stop_flag() as stop:
        recorded = Recorded(runner.submitter.database, runner.maker.parts, job)
        attempt = Attempt(runner, job, Course(stop, runner.closing, runner.lease_ms), recorded)
        try:
            with heartbeat(_Pulse(attempt), min(runner.lease_ms, 3 * _LOOK_MS), attempt.course.end):
                _run(attempt)
        except FenceLost:
            log.warning("export.taken_over", export=attempt.id, attempt=job.attempt)
        except Unavailable as error:  # nothing could be said of how it ended; when the lease is over, another goes on
            log.warning("export.left", export=attempt.id, attempt=job.attempt, why=error.why)


class _Pulse:
    """Renews the lease three times while it lasts; looks in between whether the export was cancelled."""

    def __init__(self, attempt: Attempt) -> None:
        self._attempt = attempt
        self._every_s = attempt.runner.lease_ms / 3000
        self._renewed = time.monotonic()

    def __call__(self) -> Signal:
        attempt, now = self._attempt, time.monotonic()
        if now - self._renewed < self._every_s * 0.9:
            with attempt.database.read() as connection:
                return "cancel" if is_cancelled(connection, attempt.job) else "go_on"
        signal = renew(attempt.database, attempt.job, attempt.runner.lease_ms)
        self._renewed = now
        attempt.course.heard(now)
        return signal


def _run(attempt: Attempt) -> None:
    """Make the export, and see to the end that it takes."""
    try:
        _check(attempt)
        attempt.recorded.load()
        _make_or_wait(attempt, load_export(attempt.database, attempt.job.space, attempt.job.app, attempt.id))
    except FenceLost:
        raise
    except (Interrupted, Stopped):
        _interrupted(attempt)
    except PartDamaged as damage:
        log.exception("export.error", export=attempt.id, attempt=attempt.job.attempt)
        without_damaged(attempt, damage)
    except Exception as error:
        if rule_for(error) == PUZZLE:
            log.exception("export.error", export=attempt.id, attempt=attempt.job.attempt)
        again_or_failed(attempt, error)


def _interrupted(attempt: Attempt) -> None:
    if attempt.course.reason == "lost":
        raise FenceLost(f"job {attempt.job.number}")
    if attempt.course.reason == "cancel":
        cancelled(attempt)
    else:
        give_way(attempt)


def _check(attempt: Attempt) -> None:
    """Whether it can be made at all, and by this release.

    Raises:
        ExportFailed: its workers died, so none of them could say so.
    """
    runner, job = attempt.runner, attempt.job
    if job.failures >= runner.max_attempts:
        raise ExportFailed(f"{job.failures} workers died or failed while they made it")
    if job.code_version != __version__:  # what another release made is of no use
        with attempt.database.write() as connection:
            adopt(connection, job)
            attempt.forget(connection)


def _make_or_wait(attempt: Attempt, export: Export) -> None:
    try:
        resolved = _resolve(attempt, export)
    except Incomplete as early:
        look_later(attempt, export, early.through)
    else:
        _make(attempt, export, resolved)


def _make(attempt: Attempt, export: Export, resolved: Resolved) -> None:
    plan = plan_export(attempt.database, export, resolved)
    _begin(attempt, plan)
    made = _files(attempt, export, plan, resolved)
    point("export.before_commit")
    if succeed(attempt, export, resolved, len(plan.slices), made) == "cancel":
        delete_objects(attempt, [*(file.object for file in made.files), made.schema.object])
        attempt.course.end("cancel")
        raise Interrupted
    point("export.after_commit")
    rows, size = sum(f.rows for f in made.files), sum(f.bytes for f in made.files)
    attempt.runner.output.add(rows, size)
    log.info("export.succeeded", export=export.id, rows=rows, bytes=size)
    delete_objects(attempt, attempt.recorded.objects)


def _resolve(attempt: Attempt, export: Export) -> Resolved:
    """What submit resolved; else, now that the window's end has passed, resolve it and keep that for every attempt.

    Raises:
        Incomplete: it is to be read once it is complete, and it is not.
    """
    if export.snapshot is not None and export.complete_through is not None:
        return Resolved(export.snapshot, export.after_seq, export.upto_seq, export.complete_through)
    found = complete_reach(attempt, export)
    with attempt.database.write() as connection:
        resolved = resolve_later(attempt.runner.submitter, connection, export, found)
        pin(connection, attempt.job, resolved.snapshot)
        attempt.change(
            connection,
            snapshot=resolved.snapshot,
            after_seq=resolved.after_seq,
            upto_seq=resolved.upto_seq,
            complete_through=resolved.complete_through,
        )
    return resolved


def _begin(attempt: Attempt, plan: Plan) -> None:
    with attempt.database.write() as connection:
        if hold(connection, attempt.job) == "cancel":
            attempt.course.end("cancel")
        started = func.coalesce(exports.c.started_at, attempt.database.now(connection))
        attempt.change(
            connection, state="running", started_at=started, slices=len(plan.slices), slices_done=0, error=None
        )
    attempt.course.check()


def _files(attempt: Attempt, export: Export, plan: Plan, resolved: Resolved) -> Made:
    def place(name: str) -> str:
        attempt.course.check()  # files and members of archives are made when no slice runs any more
        return export_name(export.scope, export.id, attempt.job.fence, name)

    maker, notes = attempt.runner.maker, Notes(attempt)
    people = partial(people_at, attempt.database, export.scope, resolved.snapshot)
    try:
        return make_files(maker, export, plan, place, place, notes, attempt.recorded, attempt.course.stop, people)
    except Poisoned as poison:
        log.exception("export.poison_slice", export=export.id)
        raise ExportFailed(_poison(poison.spec, poison.deaths)) from poison


def _poison(spec: Any, deaths: int) -> str:
    """What is to be looked at: the slice and what it reads."""
    piece, window = spec.slice, spec.selection.window
    part = "" if piece.share == (0, 1) else f", part {piece.share[0] + 1} of {piece.share[1]},"
    objects = ", ".join(segment.location.object for segment in piece.segments)
    bounds = " to ".join("open" if bound is None else iso(bound) for bound in (window.start, window.end))
    return (
        f"a slice ended its process {deaths} times, running alone: day {day_name(piece.day)}, bucket "
        f"{piece.bucket or 'all'}{part} of the window {bounds} on {window.axis}; it reads {objects}"
    )
