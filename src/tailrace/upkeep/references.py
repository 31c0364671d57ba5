"""What rows name: the one truth about which objects are in use."""

from collections.abc import Collection, Iterator

import msgspec
from sqlalchemy import Connection, Table, and_, select

from tailrace.db.tables import export_files, export_parts, id_runs, jobs, owned, segments
from tailrace.model.access import Scope

# Every table that names an object in a column `object`; a test compares them with all tables.
NAMING: tuple[Table, ...] = (segments, id_runs, export_files)
_CHUNK = 500  # below every database's limit of parameters in one statement


class _Part(msgspec.Struct):
    """As much of a finished slice as is needed here."""

    object: str


_decode = msgspec.json.Decoder(_Part).decode


def referenced(connection: Connection, scope: Scope, keys: Collection[str], exports: Collection[str]) -> set[str]:
    """Which of some objects of an app a row names. `exports` are those whose parts are among them.

    Objects are never shared between apps, so other apps are not asked.
    """
    wanted = set(keys)
    found: set[str] = set()
    for chunk in _chunks(wanted):
        for table in NAMING:
            here = and_(owned(table, scope), table.c.object.in_(chunk))
            found.update(connection.scalars(select(table.c.object).where(here)))
    for chunk in _chunks(exports):
        found.update(wanted.intersection(_parts(connection, scope, chunk)))
    return found


def _parts(connection: Connection, scope: Scope, exports: Collection[str]) -> Iterator[str]:
    """Finished slices that a next attempt would use. Nobody reads those of a job that is done."""
    running = and_(owned(jobs, scope), jobs.c.lane == "export", jobs.c.subject == export_parts.c.export)
    rows = connection.scalars(
        select(export_parts.c.part)
        .join(jobs, and_(running, jobs.c.state != "done"))
        .where(owned(export_parts, scope), export_parts.c.export.in_(exports))
    )
    return (_decode(part).object for part in rows)


def _chunks(keys: Collection[str]) -> Iterator[list[str]]:
    ordered = sorted(keys)
    return (ordered[start : start + _CHUNK] for start in range(0, len(ordered), _CHUNK))
