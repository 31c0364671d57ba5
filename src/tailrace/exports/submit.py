"""Submit: a request becomes an export and its job, in one transaction."""

from typing import Literal

from msgspec import Struct, field
from msgspec.structs import replace
from sqlalchemy import Connection

from tailrace.accounts.audit import actor_of, note
from tailrace.accounts.limits import limit
from tailrace.accounts.quotas import local_day, spend, spend_export
from tailrace.accounts.store import Identity
from tailrace.db.engine import Database
from tailrace.delivery.checks import Reception
from tailrace.delivery.records import keep_deliveries
from tailrace.exports.allowance import allow
from tailrace.exports.cursors import read_cursor
from tailrace.exports.forms import check_form
from tailrace.exports.idempotency import Once, recall, remember
from tailrace.exports.numbers import give_number
from tailrace.exports.records import Export, count_unfinished, get_export, insert_export
from tailrace.exports.resolve import Resolved, is_complete, resolve_increment, resolve_snapshot, resolve_within
from tailrace.exports.sizing import check_size
from tailrace.jobs.queue import enqueue
from tailrace.model.access import Principal, Scope
from tailrace.model.errors import Forbidden, Invalid, TooManyRunning, WindowInFuture, WindowTooLong, WindowTooOld
from tailrace.model.export import ExportRequest
from tailrace.model.ids import Ids
from tailrace.model.policy import Policy
from tailrace.store.snapshots import Reach, head, reach

SCOPE = "exports.create"
OURS = Policy()  # what the server itself lets clients ask for is in its limits
Action = Literal["export.requested", "export.repeated"]


class Submitter(Struct, frozen=True):
    """What submitting needs."""

    database: Database
    identity: Identity
    ids: Ids
    reception: Reception = field(default_factory=Reception)


class Submitted(Struct, frozen=True):
    """An export; `replayed` says that it was there before, made under the same key of its client. It has a `number` if
    its dialect calls exports so.
    """

    export: Export
    replayed: bool
    number: int | None = None


def submit(submitter: Submitter, principal: Principal, scope: Scope, request: ExportRequest) -> Export:
    """Keep a request as a queued export. Raises as `submit_once` does."""
    return submit_once(submitter, principal, scope, request, None).export


def submit_once(
    submitter: Submitter,
    principal: Principal,
    scope: Scope,
    request: ExportRequest,
    asked: Once | None,
    action: Action = "export.requested",
    policy: Policy = OURS,
    resolved: Resolved | None = None,
) -> Submitted:
    """Keep a request as a queued export, unless the client's key brought it before. `action` is what the audit says,
    `policy` what the client's dialect allows, `resolved` the commits if they are known.

    Raises:
        IdempotencyMismatch: the key brought something else before.
        Forbidden: the token may not make exports.
        Invalid: the window makes no sense, or no format can carry what is asked.
        WindowInFuture: it ends further ahead than the server waits.
        CursorRefused: it cannot continue from its cursor.
        TooManyRunning: the space has too many unfinished exports, or its user has.
        QuotaSpent: the space, or its user, has asked for as many exports as it may today, or asks too soon.
        WindowTooLong, WindowTooOld, TooMuchData: as the policy says.
    """
    if not principal.may(SCOPE):
        raise Forbidden(SCOPE)
    check_request(request)
    check_length(request, policy)
    check_size(submitter.database, scope, request, policy)
    found = None if request.window.axis == "available" else reach(submitter.database, scope)
    with submitter.database.write() as connection:
        now = submitter.database.now(connection)
        earlier = None if asked is None else recall(connection, principal, asked, now)
        if earlier is not None:
            return Submitted(get_export(connection, principal, earlier), True)
        _check_age(request, policy, now)
        allow(connection, principal, policy, now)
        export = _keep(submitter, connection, principal, scope, request, now, found, policy, resolved)
        number = give_number(connection, scope, export.id, policy.series) if policy.series else None
        note(connection, actor_of(principal), action, export.id, now, app=scope.app_id)
        if asked is not None:
            remember(connection, principal, asked, export.id, now)
    return Submitted(export, False, number)


def _keep(
    submitter: Submitter,
    connection: Connection,
    principal: Principal,
    scope: Scope,
    request: ExportRequest,
    now: int,
    found: Reach | None,
    policy: Policy,
    resolved: Resolved | None,
) -> Export:
    _check_start(request, now)
    _check_running(connection, scope, policy.max_running)
    spend_export(connection, scope.space, now)
    not_before = _not_before(connection, request, now)
    _spend_daily(connection, scope, policy, now)
    export = new_export(submitter.ids.new("exp", now), scope, request, now)
    if resolved is not None:
        export = _resolved_export(export, resolved)
    elif not_before <= now and (found is None or is_complete(request, found)):
        export = _resolved_export(export, _resolve(submitter, connection, scope, request, found))
    elif found is not None:
        export = replace(export, complete_through=found.complete_through)
    insert_export(connection, export, principal.token or None)
    keep_deliveries(connection, submitter.reception, submitter.ids, scope, export.id, request.deliveries, now)
    enqueue(connection, "export", scope, export.id, not_before, snapshot=export.snapshot)
    return export


def _spend_daily(connection: Connection, scope: Scope, policy: Policy, now: int) -> None:
    if (daily := policy.daily) is not None:
        day = local_day(now, daily.zone)
        spend(connection, scope.space, daily.name, str(scope.app), daily.most, day, now)


def resolve_now(submitter: Submitter, scope: Scope, request: ExportRequest) -> Resolved | None:
    """What a request of a dialect would read, resolved for good; None if the end of its window is to be waited for.

    Raises:
        Invalid: the window makes no sense.
        WindowInFuture: it ends further ahead than the server waits.
    """
    check_request(request)
    found = None if request.window.axis == "available" else reach(submitter.database, scope)
    with submitter.database.write() as connection:
        now = submitter.database.now(connection)
        _check_start(request, now)
        if _not_before(connection, request, now) > now:
            return None
        return _resolve(submitter, connection, scope, request, found)


def prepare(submitter: Submitter, scope: Scope, request: ExportRequest) -> tuple[Export, Resolved]:
    """An export for whoever makes its files on the spot: it is resolved at once, and no server knows of it.

    Raises:
        Invalid: the window makes no sense, or no format can carry what is asked.
        WindowInFuture: an availability window has not passed yet.
        CursorRefused: it cannot continue from its cursor.
    """
    check_request(request)
    found = None if request.window.axis == "available" else reach(submitter.database, scope)
    with submitter.database.write() as connection:
        now = submitter.database.now(connection)
        _check_start(request, now)
        if request.window.end is not None and _not_before(connection, request, now) > now:
            raise WindowInFuture(request.window.end, now, 0)
        resolved = _resolve(submitter, connection, scope, request, found)
    export = new_export(submitter.ids.new("exp", now), scope, request, now)
    return _resolved_export(export, resolved), resolved


def resolve_later(submitter: Submitter, connection: Connection, export: Export, found: Reach | None) -> Resolved:
    """Resolve an export that had to wait for the end of its window, or (`found`) until that was complete."""
    return _resolve(submitter, connection, export.scope, export.request, found)


def check_request(request: ExportRequest) -> None:
    """Refuse what makes no sense whenever it is asked.

    Raises:
        Invalid: the window makes no sense, or no format can carry what is asked.
    """
    check_form(request)
    window = request.window
    if window.axis == "available":
        if request.wait_until_complete:
            raise Invalid("wait_until_complete", "windows on the axis 'available' wait for their end by themselves")
        if request.after is not None and window.start is not None:
            raise Invalid("after", "give a cursor or window.from, not both")
    elif request.after is not None:
        raise Invalid("after", "cursors continue windows on the axis 'available' only")
    elif window.start is None or window.end is None:
        raise Invalid("window", f"the axis '{window.axis}' needs both from and to")
    for one, name in ((window, "window"), (request.available, "available")):
        if one is not None and one.start is not None and one.end is not None and one.end <= one.start:
            raise Invalid(f"{name}.to", f"must be later than {name}.from")


def check_length(request: ExportRequest, policy: Policy) -> None:
    """Refuse a window that is too long for its dialect.

    Raises:
        WindowTooLong: it is.
    """
    start, end = request.window.start, request.window.end
    if policy.max_window_ms and start is not None and end is not None and end - start > policy.max_window_ms:
        raise WindowTooLong(policy.max_window_ms)


def _check_age(request: ExportRequest, policy: Policy, now: int) -> None:
    start = request.window.start
    if policy.max_age_ms and start is not None and start < now - policy.max_age_ms:
        raise WindowTooOld(policy.max_age_ms)


def _check_running(connection: Connection, scope: Scope, most: int | None) -> None:
    most = limit(connection, "exports.max_running") if most is None else most
    if count_unfinished(connection, scope.space) >= most:
        raise TooManyRunning(most)


def _not_before(connection: Connection, request: ExportRequest, now: int) -> int:
    """When the job may run: now, or after the end of a window that is ahead and worth waiting for."""
    complete, by_clock = request.wait_until_complete, request.window.axis == "available" or request.available
    end = (request.available or request.window).end
    if not (complete or by_clock) or end is None or end <= now:
        return now
    most = limit(connection, "exports.max_complete_wait_ms" if complete else "exports.max_wait_ms")
    if end - now > most:
        raise WindowInFuture(end, now, most)
    return end


def _check_start(request: ExportRequest, now: int) -> None:
    """A window that is open to the end cannot begin in the future: what comes before would fall between two exports."""
    window = request.available or request.window
    if window.axis == "available" and window.end is None and window.start is not None and window.start > now:
        raise Invalid("window.from", "lies in the future; give an end too, or begin no later than now")


def _resolve(
    submitter: Submitter, connection: Connection, scope: Scope, request: ExportRequest, found: Reach | None
) -> Resolved:
    if found is not None and request.available is not None:
        return resolve_within(connection, scope, request.available, found)
    if found is not None:
        return resolve_snapshot(found)
    return resolve_increment(connection, scope, request.window, seq_after(submitter, connection, scope, request))


def seq_after(submitter: Submitter, connection: Connection, scope: Scope, request: ExportRequest) -> int | None:
    """The commit that a request's cursor stands at; None if it has none.

    Raises:
        CursorRefused: the request cannot continue from it.
    """
    if request.after is None:
        return None
    identity = submitter.identity
    newest = head(connection, scope).seq
    return read_cursor(identity.secret, request.after, request, epoch=identity.epoch, head=newest).seq


def new_export(export_id: str, scope: Scope, request: ExportRequest, now: int) -> Export:
    """A queued export that is not resolved to commits yet."""
    return Export(
        id=export_id,
        scope=scope,
        request=request,
        state="queued",
        created_at=now,
        finished_at=None,
        snapshot=None,
        after_seq=None,
        upto_seq=None,
        complete_through=None,
        slices=None,
        slices_done=0,
        error=None,
        manifest=None,
    )


def _resolved_export(export: Export, resolved: Resolved) -> Export:
    return replace(
        export,
        snapshot=resolved.snapshot,
        after_seq=resolved.after_seq,
        upto_seq=resolved.upto_seq,
        complete_through=resolved.complete_through,
    )
