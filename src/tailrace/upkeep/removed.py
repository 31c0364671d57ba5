"""Segments that a rewrite has replaced: no snapshot that is pinned, or can be taken from now on, sees them."""

from typing import Any

from sqlalchemy import Connection, Select, and_, case, delete, exists, select, update

from tailrace.db.engine import Database
from tailrace.db.tables import app_heads, commits, owned, segments, sessions
from tailrace.jobs.pins import oldest_pin
from tailrace.model.access import Scope

_PAGE = 500  # segments in one transaction


def let_segments_go(database: Database, scope: Scope, grace_ms: int) -> int:
    """Forget some replaced segments, after the grace; how many. Their objects are garbage from then on.

    The app's floor rises with them: a snapshot below it would miss their rows, so nobody is given one.
    """
    with database.write() as connection:
        before = database.now(connection) - grace_ms
        found = connection.execute(_replaced(scope, oldest_pin(connection, scope), before)).all()
        if found:
            _raise_floor(connection, scope, max(row.removed_seq for row in found))
            numbers = [row.number for row in found]
            connection.execute(delete(segments).where(owned(segments, scope), segments.c.number.in_(numbers)))
    return len(found)


def _replaced(scope: Scope, pin: int | None, before: int) -> Select[Any]:
    """Segments that were replaced before an instant (ms) and no later than at the oldest pinned commit.

    A session may take over what the segment of its first fragment says: that segment stays until the session is moved.
    """
    removal = and_(owned(commits, scope), commits.c.seq == segments.c.removed_seq, commits.c.available_at <= before)
    inherits = and_(owned(sessions, scope), sessions.c.segment == segments.c.number)
    found = (
        select(segments.c.number, segments.c.removed_seq)
        .where(owned(segments, scope), segments.c.removed_seq.is_not(None))
        .where(exists().where(removal), ~exists().where(inherits))
        .limit(_PAGE)
    )
    return found if pin is None else found.where(segments.c.removed_seq <= pin)


def _raise_floor(connection: Connection, scope: Scope, seq: int) -> None:
    floor = case((app_heads.c.floor < seq, seq), else_=app_heads.c.floor)
    connection.execute(update(app_heads).where(owned(app_heads, scope)).values(floor=floor))
