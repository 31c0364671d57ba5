"""News: how exports that somebody watches are now, whosever they are, in one query."""

from collections.abc import Collection

from msgspec.structs import replace
from sqlalchemy import select

from tailrace.db.engine import Database
from tailrace.db.tables import exports
from tailrace.exports.records import Export

# What changes while an export is made. What it has made is left out: a manifest may be large.
_CHANGING = ("state", "finished_at", "snapshot", "after_seq", "upto_seq", "complete_through", "slices", "slices_done",
             "error", "expires_at")  # fmt: skip


def refresh(database: Database, watched: Collection[Export]) -> dict[str, Export]:
    """Exports as they are now, by id; those that are gone are left out."""
    known = {(export.scope.space, export.id): export for export in watched}
    spaces, ids = {space for space, _ in known}, {export_id for _, export_id in known}
    query = select(exports.c.space, exports.c.id, *(exports.c[name] for name in _CHANGING))
    with database.read() as connection:
        # Not by pairs: SQLite would read the whole table for those.
        rows = connection.execute(query.where(exports.c.space.in_(spaces), exports.c.id.in_(ids))).all()
    return {
        row.id: replace(known[row.space, row.id], **{name: getattr(row, name) for name in _CHANGING})
        for row in rows
        if (row.space, row.id) in known
    }
