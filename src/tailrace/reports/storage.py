"""Storage: what an app's segments and the files of its exports take, as the database knows it."""

from collections.abc import Mapping

from msgspec import Struct
from sqlalchemy import func, select

from tailrace.db.engine import Database
from tailrace.db.tables import apps, export_files, segments
from tailrace.model.access import Principal


class Storage(Struct, frozen=True):
    """Bytes of segments that are visible, how many these are, and bytes of files of exports."""

    segment_bytes: int = 0
    segments: int = 0
    file_bytes: int = 0


def storage(database: Database, principal: Principal) -> Mapping[str, Storage]:
    """By app, of those that the caller may see."""
    kept = select(segments.c.app, func.sum(segments.c.length).label("bytes"), func.count().label("pieces"))
    kept = kept.where(segments.c.space == principal.space, segments.c.removed_seq.is_(None)).group_by(segments.c.app)
    made = select(export_files.c.app, func.sum(export_files.c.bytes).label("bytes"))
    made = made.where(export_files.c.space == principal.space).group_by(export_files.c.app)
    with database.read() as connection:
        named = connection.execute(select(apps.c.number, apps.c.id).where(apps.c.space == principal.space)).all()
        inside = {row.app: row for row in connection.execute(kept)}
        outside = {row.app: int(row.bytes) for row in connection.execute(made)}
    return {
        row.id: Storage(
            int(inside[row.number].bytes) if row.number in inside else 0,
            inside[row.number].pieces if row.number in inside else 0,
            outside.get(row.number, 0),
        )
        for row in named
        if principal.may_see(row.id)
    }
