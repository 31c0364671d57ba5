"""Listing: the exports of a space, newest first. Their ids rise with time, so an id is a place in the list."""

from collections.abc import Collection, Mapping

from msgspec import Struct
from sqlalchemy import select

from tailrace.db.engine import Database, storable
from tailrace.db.tables import apps, export_files, exports
from tailrace.exports.records import Export, StoredFile, asked_for, brief, export_of, file_of
from tailrace.exports.schemas import MEDIA_TYPE
from tailrace.model.access import EVERYTHING, Principal, Scope
from tailrace.model.export import ExportState


class Wanted(Struct, frozen=True):
    """Which exports: of one app, in one state, older than an id; None is any. `limit` is how many at most."""

    scope: Scope | None
    state: ExportState | None
    after: str | None
    limit: int


class Page(Struct, frozen=True):
    """Some exports, without their manifests; `last` is where the next page goes on, None at the end."""

    exports: list[Export]
    last: str | None


def list_exports(database: Database, principal: Principal, wanted: Wanted) -> Page:
    """The exports of apps that the caller may see."""
    if wanted.after is not None and not storable(wanted.after):
        return Page([], None)
    query = brief().where(exports.c.space == principal.space, asked_for())
    if EVERYTHING not in principal.apps:
        query = query.where(exports.c.app.in_(select(apps.c.number).where(apps.c.id.in_(principal.apps))))
    if wanted.scope is not None:
        query = query.where(exports.c.app == wanted.scope.app)
    if wanted.state is not None:
        query = query.where(exports.c.state == wanted.state)
    if wanted.after is not None:
        query = query.where(exports.c.id < wanted.after)
    with database.read() as connection:
        rows = connection.execute(query.order_by(exports.c.id.desc()).limit(wanted.limit + 1)).all()
    found = [export_of(row) for row in rows[: wanted.limit]]
    return Page(found, found[-1].id if len(rows) > wanted.limit else None)


def data_files(database: Database, principal: Principal, ids: Collection[str]) -> Mapping[str, list[StoredFile]]:
    """The files of some exports of the caller's space that hold rows, by export and name."""
    query = select(export_files).where(export_files.c.space == principal.space, export_files.c.export.in_(ids))
    found: dict[str, list[StoredFile]] = {}
    with database.read() as connection:
        rows = connection.execute(query.where(export_files.c.media_type != MEDIA_TYPE).order_by(export_files.c.name))
        for row in rows:
            found.setdefault(row.export, []).append(file_of(row))
    return found
