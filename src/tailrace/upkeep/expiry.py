"""Expiry: files of exports have a life, `exports.file_life_ms`. After it the export says so; after a grace for those
who are still downloading, its rows let the files go.
"""

from sqlalchemy import Connection, and_, delete, exists, select, update

from tailrace.accounts.limits import limit
from tailrace.db.engine import Database
from tailrace.db.tables import export_files, exports, owned
from tailrace.delivery.records import forget_credentials
from tailrace.model.access import Scope

_PAGE = 100  # exports in one transaction


def expire(database: Database, scope: Scope, _grace_ms: int) -> int:
    """Mark some of the exports whose files have had their time; how many."""
    with database.write() as connection:
        now = database.now(connection)
        _give_life(connection, scope, now)
        over = (
            select(exports.c.id)
            .where(owned(exports, scope), exports.c.state == "succeeded", exports.c.expires_at <= now)
            .limit(_PAGE)
        )
        # The state is asked twice: on PostgreSQL a row may change between the two.
        here = and_(owned(exports, scope), exports.c.state == "succeeded", exports.c.id.in_(over))
        gone = connection.scalars(update(exports).where(here).values(state="expired").returning(exports.c.id)).all()
        forget_credentials(connection, scope, gone)
        return len(gone)


def _give_life(connection: Connection, scope: Scope, now: int) -> None:
    """What a release without expiry made is kept for a whole life from now on."""
    here = and_(owned(exports, scope), exports.c.state == "succeeded", exports.c.expires_at.is_(None))
    values = {"expires_at": now + limit(connection, "exports.file_life_ms")}
    connection.execute(update(exports).where(here).values(values))


def let_files_go(database: Database, scope: Scope, grace_ms: int) -> int:
    """Forget the files of some expired exports, after the grace; how many. Their objects are garbage from then on."""
    with database.write() as connection:
        files = and_(owned(export_files, scope), export_files.c.export == exports.c.id)
        over = (
            select(exports.c.id)
            .where(owned(exports, scope), exports.c.state == "expired", exists().where(files))
            .where(exports.c.expires_at <= database.now(connection) - grace_ms)
            .limit(_PAGE)
        )
        here = and_(owned(export_files, scope), export_files.c.export.in_(over))
        return connection.execute(delete(export_files).where(here)).rowcount
