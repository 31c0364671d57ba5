"""Cancelling: whoever may ask for exports of an app may take one back."""

from sqlalchemy import Connection

from tailrace.accounts.audit import actor_of, note
from tailrace.db.engine import Database
from tailrace.delivery.records import let_go
from tailrace.exports.recorded import forget
from tailrace.exports.records import Export, change_export, find_export, has_expired
from tailrace.exports.submit import SCOPE
from tailrace.jobs.cancelling import cancel
from tailrace.model.access import Principal, Scope
from tailrace.model.errors import Forbidden, NotFound


def cancel_export(database: Database, principal: Principal, export_id: str) -> Export:
    """Cancel an export; as it is afterwards. One that nobody works on ends at once, with its job in one transaction.

    A worker is asked and ends it soon, unless it is done before. One that has ended stays as it is.

    Raises:
        Forbidden: the token may not make exports.
        NotFound: there is none, or it is not the caller's to know of.
    """
    scope = _scope_of(database, principal, export_id)
    with database.write() as connection:
        _cancel(connection, principal, scope, export_id, database.now(connection))
    return find_export(database, principal, export_id)


def withdraw_export(database: Database, principal: Principal, export_id: str) -> None:
    """Cancel an export; whether it has ended or not, the life of what it has made is over.

    Raises:
        Forbidden: the token may not make exports.
        NotFound: there is none, or it is not the caller's to know of.
    """
    scope = _scope_of(database, principal, export_id)
    with database.write() as connection:
        now = database.now(connection)
        _cancel(connection, principal, scope, export_id, now)
        change_export(connection, scope.space, scope.app, export_id, expires_at=now)


def _scope_of(database: Database, principal: Principal, export_id: str) -> Scope:
    if not principal.may(SCOPE):
        raise Forbidden(SCOPE)
    return find_export(database, principal, export_id).scope


def _cancel(connection: Connection, principal: Principal, scope: Scope, export_id: str, now: int) -> None:
    note(connection, actor_of(principal), "export.cancelled", export_id, now, app=scope.app_id)
    if cancel(connection, scope, "export", export_id) == "ended":
        forget(connection, scope.space, scope.app, export_id)
        change_export(connection, scope.space, scope.app, export_id, state="cancelled", finished_at=now, error=None)
        let_go(connection, scope, export_id, "cancelled")


def find_wanted(database: Database, principal: Principal, export_id: str) -> Export:
    """An export that is neither cancelled nor withdrawn nor past its life.

    Raises:
        NotFound: it is, there is none, or it is not the caller's to know of.
    """
    with database.read() as connection:
        now = database.now(connection)
    export = find_export(database, principal, export_id)
    if has_expired(export, now) or export.state == "cancelled":
        raise NotFound("export", export_id)
    return export
