"""How an attempt ends: in a final state of its export, or with a job that can be claimed again. Both change in one
transaction, and when the database is away it is tried again until the lease has lapsed, which frees the job as well.
"""

from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import TypeVar

import msgspec
from sqlalchemy import Connection

from tailrace.accounts.limits import limit
from tailrace.delivery.records import let_go
from tailrace.exports.attempts import Attempt
from tailrace.exports.bundles import mark_there
from tailrace.exports.making import Made
from tailrace.exports.manifests import make_manifest, totals_of
from tailrace.exports.records import Export, StoredFile, insert_files
from tailrace.exports.resolve import Resolved
from tailrace.exports.streams import PartDamaged
from tailrace.jobs.queue import Signal, finish, give_back, hold
from tailrace.jobs.retry import PUZZLE, delay_ms, explain, rule_for
from tailrace.logs import log
from tailrace.model.errors import ExportFailed, TailraceError, Unavailable
from tailrace.model.export import ExportFile, ExportRequest

Result = TypeVar("Result")

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.05, 2.0


def succeed(attempt: Attempt, export: Export, resolved: Resolved, slices: int, made: Made) -> Signal:
    """Make files, manifest and state visible, unless the export was cancelled: one transaction decides."""

    def change(connection: Connection) -> Signal:
        if hold(connection, attempt.job) == "cancel":
            return "cancel"
        now = attempt.database.now(connection)
        manifest = make_manifest(
            attempt.runner.submitter.identity, export, resolved, totals_of(connection, export, resolved), made
        )
        insert_files(connection, export, [*(_stored(f) for f in made.files), made.schema])
        expires_at = now + life_ms(connection, export.request)
        if export.ahead:
            mark_there(connection, export, made, expires_at)
        attempt.change(
            connection,
            state="succeeded",
            slices_done=slices,
            finished_at=now,
            expires_at=expires_at,
            error=None,
            bytes=manifest["bytes"],
            manifest=msgspec.json.encode(manifest).decode(),
        )
        attempt.forget(connection)
        let_go(connection, export.scope, export.id, "succeeded")
        finish(connection, attempt.job, "succeeded")
        return "go_on"

    return insist(attempt, change)


def life_ms(connection: Connection, request: ExportRequest) -> int:
    """How long the files of a request are kept."""
    if request.file_life_ms is not None:
        return request.file_life_ms
    return limit(connection, "exports.file_life_ms")


def cancelled(attempt: Attempt) -> None:
    """End a cancelled export."""

    def change(connection: Connection) -> None:
        attempt.change(connection, state="cancelled", finished_at=attempt.database.now(connection), error=None)
        attempt.forget(connection)
        let_go(connection, attempt.scope, attempt.id, "cancelled")
        finish(connection, attempt.job, "cancelled")

    insist(attempt, change)
    delete_objects(attempt, attempt.recorded.objects)
    log.info("export.cancelled", export=attempt.id)


def failed(attempt: Attempt, why: str) -> None:
    """End an export that cannot be made."""

    def change(connection: Connection) -> None:
        attempt.change(connection, state="failed", finished_at=attempt.database.now(connection), error=why)
        attempt.forget(connection)
        let_go(connection, attempt.scope, attempt.id, "failed")
        finish(connection, attempt.job, "failed", why)

    insist(attempt, change)
    delete_objects(attempt, attempt.recorded.objects)
    log.warning("export.failed", export=attempt.id, why=why)


def give_way(attempt: Attempt) -> None:
    """Let another worker go on, or this one later: what was finished stays finished."""

    def change(connection: Connection) -> None:
        give_back(connection, attempt.job, 0, failed=False)
        attempt.recorded.write(connection)

    insist(attempt, change)
    log.info("export.given_back", export=attempt.id, reason=attempt.course.reason)


def again_or_failed(attempt: Attempt, error: Exception) -> None:
    """Let an export be tried again if that may help."""
    rule = rule_for(error)
    job, outage, why = attempt.job, not rule.counts, reason(attempt, error)
    tries = 1 + (job.outages if outage else job.failures)
    if tries >= (attempt.runner.max_attempts if rule.attempts is None else rule.attempts):
        failed(attempt, why)
        return

    def change(connection: Connection) -> None:
        give_back(connection, job, delay_ms(rule, tries), failed=not outage, outage=outage, error=why)
        attempt.change(connection, error=f"{why}; it will be tried again")
        attempt.recorded.write(connection)

    insist(attempt, change)
    log.warning("export.tried_again_later", export=attempt.id, why=why)


def without_damaged(attempt: Attempt, damage: PartDamaged) -> None:
    """Have a damaged part made again, and with it all others that are damaged: a power cut tears more than one.

    It is the fault of an attempt only if the part was its own.
    """
    counts = not attempt.recorded.inherited(damage.object)
    if counts and attempt.job.failures + 1 >= attempt.runner.max_attempts:
        failed(attempt, "parts are damaged as soon as they are written; look at the disk")
        return

    damaged = attempt.recorded.drop_damaged()

    def change(connection: Connection) -> None:
        give_back(connection, attempt.job, 0, failed=counts, error=f"part damaged: {damage.object}")
        attempt.recorded.write(connection)

    insist(attempt, change)
    delete_objects(attempt, damaged)


def reason(attempt: Attempt, error: Exception) -> str:
    """Why an export has no result, for the one who asked for it."""
    if isinstance(error, ExportFailed):
        return error.why
    return f"{explain(error)} for export {attempt.id}" if rule_for(error) == PUZZLE else explain(error)


def insist(attempt: Attempt, change: Callable[[Connection], Result]) -> Result:
    """Change export and job in one transaction, as often as it takes while the job may be ours.

    If an answer was lost and the change done all the same, the next try raises FenceLost, which changes nothing.

    Raises:
        FenceLost: another worker has the job, or it has ended.
        Unavailable: the database is away until the lease has lapsed, or this process is to end.
    """
    pause = _FIRST_PAUSE_S
    while True:
        try:
            with attempt.database.write() as connection:
                return change(connection)
        except Unavailable:
            if attempt.course.over or attempt.course.closing.wait(pause):
                raise
            pause = min(2 * pause, _LONGEST_PAUSE_S)


def delete_objects(attempt: Attempt, objects: Iterable[str]) -> None:
    """Delete objects that nothing names any more. What stays is found by the sweeper."""
    with suppress(OSError, TailraceError):
        for name in objects:
            attempt.runner.maker.parts.delete(name)


def _stored(file: ExportFile) -> StoredFile:
    return StoredFile(file.name, file.object, file.bytes, file.sha256, file.media_type)
