"""Usage: how much of what a space may have it has now."""

from msgspec import Struct
from sqlalchemy import func, select

from tailrace.db.engine import Database
from tailrace.db.tables import exports
from tailrace.exports.records import count_unfinished
from tailrace.model.access import Principal
from tailrace.model.clock import DAY


class Usage(Struct, frozen=True):
    """Exports of a space: asked for today (in UTC), and unfinished now."""

    today: int
    unfinished: int


def usage(database: Database, principal: Principal) -> Usage:
    """The usage of the caller's space."""
    with database.read() as connection:
        now = database.now(connection)
        mine = exports.c.space == principal.space, exports.c.created_at >= now - now % DAY
        today = connection.scalar(select(func.count()).select_from(exports).where(*mine)) or 0
        return Usage(today, count_unfinished(connection, principal.space))
