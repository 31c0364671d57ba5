"""Submit: a request becomes an export and its job, in one transaction."""

from dataclasses import dataclass

from sqlalchemy import Connection

from tailrace.accounts.limits import limit
from tailrace.accounts.quotas import spend_export
from tailrace.accounts.store import Identity
from tailrace.db.engine import Database
from tailrace.exports.cursors import read_cursor
from tailrace.exports.forms import check_form
from tailrace.exports.records import Export, count_unfinished, insert_export
from tailrace.exports.resolve import Resolved, resolve_increment, resolve_snapshot
from tailrace.jobs.queue import enqueue
from tailrace.model.access import Principal, Scope
from tailrace.model.errors import Forbidden, Invalid, TooManyRunning, WindowInFuture
from tailrace.model.export import ExportRequest
from tailrace.model.ids import Ids
from tailrace.store.snapshots import Reach, head, reach

SCOPE = "exports.create"


@dataclass(frozen=True, slots=True)
class Submitter:
    """What submitting needs."""

    database: Database
    identity: Identity
    ids: Ids


def submit(submitter: Submitter, principal: Principal, scope: Scope, request: ExportRequest) -> Export:
    """Keep a request as a queued export.

    Raises:
        Forbidden: the token may not make exports.
        Invalid: the window makes no sense, or no format can carry what is asked.
        WindowInFuture: it ends further ahead than the server waits.
        CursorRefused: it cannot continue from its cursor.
        TooManyRunning: the space has too many unfinished exports.
        QuotaSpent: the space has asked for as many exports as it may today.
    """
    if not principal.may(SCOPE):
        raise Forbidden(SCOPE)
    check_form(request)
    _check_window(request)
    found = None if request.window.axis == "available" else reach(submitter.database, scope)
    with submitter.database.write() as connection:
        now = submitter.database.now(connection)
        _check_start(request, now)
        _check_running(connection, scope)
        spend_export(connection, scope.space, now)
        not_before = _not_before(connection, request, now)
        resolved = None if not_before > now else _resolve(submitter, connection, scope, request, found)
        export = _export(submitter.ids.new("exp", now), scope, request, now, resolved)
        insert_export(connection, export, principal.token)
        enqueue(connection, "export", scope, export.id, not_before, snapshot=export.snapshot)
    return export


def prepare(submitter: Submitter, scope: Scope, request: ExportRequest) -> tuple[Export, Resolved]:
    """An export for whoever makes its files on the spot: it is resolved at once, and no server knows of it.

    Raises:
        Invalid: the window makes no sense, or no format can carry what is asked.
        WindowInFuture: an availability window has not passed yet.
        CursorRefused: it cannot continue from its cursor.
    """
    check_form(request)
    _check_window(request)
    found = None if request.window.axis == "available" else reach(submitter.database, scope)
    with submitter.database.write() as connection:
        now = submitter.database.now(connection)
        _check_start(request, now)
        if request.window.end is not None and _not_before(connection, request, now) > now:
            raise WindowInFuture(request.window.end, now, 0)
        resolved = _resolve(submitter, connection, scope, request, found)
    return _export(submitter.ids.new("exp", now), scope, request, now, resolved), resolved


def resolve_later(submitter: Submitter, connection: Connection, export: Export) -> Resolved:
    """Resolve an export that had to wait for the end of its window."""
    return _resolve(submitter, connection, export.scope, export.request, None)


def _check_window(request: ExportRequest) -> None:
    window = request.window
    if window.axis == "available":
        if request.after is not None and window.start is not None:
            raise Invalid("after", "give a cursor or window.from, not both")
    elif request.after is not None:
        raise Invalid("after", "cursors continue windows on the axis 'available' only")
    elif window.start is None or window.end is None:
        raise Invalid("window", f"the axis '{window.axis}' needs both from and to")
    if window.start is not None and window.end is not None and window.end <= window.start:
        raise Invalid("window.to", "must be later than window.from")


def _check_running(connection: Connection, scope: Scope) -> None:
    most = limit(connection, "exports.max_running")
    if count_unfinished(connection, scope.space) >= most:
        raise TooManyRunning(most)


def _not_before(connection: Connection, request: ExportRequest, now: int) -> int:
    """When the job may run: now, or after the end of a window on availability that is a little ahead."""
    end = request.window.end
    if request.window.axis != "available" or end is None or end <= now:
        return now
    most = limit(connection, "exports.max_wait_ms")
    if end - now > most:
        raise WindowInFuture(end, now, most)
    return end


def _check_start(request: ExportRequest, now: int) -> None:
    """A window that is open to the end cannot begin in the future: what comes before would fall between two exports."""
    window = request.window
    if window.axis == "available" and window.end is None and window.start is not None and window.start > now:
        raise Invalid("window.from", "lies in the future; give an end too, or begin no later than now")


def _resolve(
    submitter: Submitter, connection: Connection, scope: Scope, request: ExportRequest, found: Reach | None
) -> Resolved:
    if found is not None:
        return resolve_snapshot(found)
    return resolve_increment(connection, scope, request.window, _after(submitter, connection, scope, request))


def _after(submitter: Submitter, connection: Connection, scope: Scope, request: ExportRequest) -> int | None:
    if request.after is None:
        return None
    identity = submitter.identity
    newest = head(connection, scope).seq
    return read_cursor(identity.secret, request.after, request, epoch=identity.epoch, head=newest).seq


def _export(export_id: str, scope: Scope, request: ExportRequest, now: int, resolved: Resolved | None) -> Export:
    return Export(
        id=export_id,
        scope=scope,
        request=request,
        state="queued",
        created_at=now,
        finished_at=None,
        snapshot=resolved.snapshot if resolved else None,
        after_seq=resolved.after_seq if resolved else None,
        upto_seq=resolved.upto_seq if resolved else None,
        complete_through=resolved.complete_through if resolved else None,
        slices=None,
        slices_done=0,
        error=None,
        manifest=None,
    )
