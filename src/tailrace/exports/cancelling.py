"""Cancelling: whoever may ask for exports of an app may take one back."""

from tailrace.db.engine import Database
from tailrace.exports.recorded import forget
from tailrace.exports.records import Export, change_export, find_export
from tailrace.exports.submit import SCOPE
from tailrace.jobs.cancelling import cancel
from tailrace.model.access import Principal
from tailrace.model.errors import Forbidden


def cancel_export(database: Database, principal: Principal, export_id: str) -> Export:
    """Cancel an export; as it is afterwards. One that nobody works on ends at once, with its job in one transaction.

    A worker is asked and ends it soon, unless it is done before. One that has ended stays as it is.

    Raises:
        Forbidden: the token may not make exports.
        NotFound: there is none, or it is not the caller's to know of.
    """
    if not principal.may(SCOPE):
        raise Forbidden(SCOPE)
    scope = find_export(database, principal, export_id).scope
    with database.write() as connection:
        if cancel(connection, scope, "export", export_id) == "ended":
            now = database.now(connection)
            forget(connection, scope.space, scope.app, export_id)
            change_export(connection, scope.space, scope.app, export_id, state="cancelled", finished_at=now, error=None)
    return find_export(database, principal, export_id)
