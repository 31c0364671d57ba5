"""Exports as rows: the request as it was asked, what it was resolved to, and its state."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, and_, bindparam, func, insert, null, select, update

from tailrace.db.engine import Database, storable
from tailrace.db.tables import apps, export_files, exports, owned, owner, spaces
from tailrace.model.access import Principal, Scope
from tailrace.model.errors import Expired, ExportFailed, NotFound, NotReady
from tailrace.model.export import FINAL_STATES, ExportRequest, ExportState
from tailrace.model.segment import CLEAR


@dataclass(frozen=True, slots=True)
class Export:
    """One export. `snapshot`, `after_seq` and `upto_seq` are None until its window is resolved to commits.

    Times in ms; `slices` is None until it is planned; `manifest` is JSON text, there once it has succeeded, and
    `expires_at` is then when its files will have had their time.
    """

    id: str
    scope: Scope
    request: ExportRequest
    state: ExportState
    created_at: int
    finished_at: int | None
    snapshot: int | None
    after_seq: int | None
    upto_seq: int | None
    complete_through: int | None
    slices: int | None
    slices_done: int
    error: str | None
    manifest: str | None
    expires_at: int | None = None


@dataclass(frozen=True, slots=True)
class StoredFile:
    """Where a file of an export lies, and how it is sent."""

    name: str
    object: str
    bytes: int
    sha256: str
    media_type: str
    key_ref: str = CLEAR


@dataclass(frozen=True, slots=True)
class Sought:
    """An export without its manifest, its file if it has one of that name, and the time (ms) at which that was so."""

    export: Export
    file: StoredFile | None
    now: int


def insert_export(connection: Connection, export: Export, token: int) -> None:
    """Keep a new export."""
    connection.execute(
        insert(exports).values(
            **owner(export.scope),
            id=export.id,
            token=token,
            request=msgspec.json.encode(export.request).decode(),
            state=export.state,
            created_at=export.created_at,
            snapshot=export.snapshot,
            after_seq=export.after_seq,
            upto_seq=export.upto_seq,
            complete_through=export.complete_through,
            slices_done=0,
        )
    )


def find_export(database: Database, principal: Principal, export_id: str) -> Export:
    """An export of the caller's space, of an app that the caller may see.

    Raises:
        NotFound: there is none, or it is not the caller's to know of.
        ExportFailed: another release kept it, in words that this one cannot read.
    """
    if not storable(export_id):
        raise NotFound("export", export_id)
    with database.read() as connection:
        return get_export(connection, principal, export_id)


def get_export(connection: Connection, principal: Principal, export_id: str) -> Export:
    """The same within a transaction. Raises as `find_export` does."""
    row = connection.execute(_joined().where(exports.c.space == principal.space, exports.c.id == export_id)).first()
    if row is None or not principal.may_see(row.app_id):
        raise NotFound("export", export_id)
    return export_of(row)


def check_succeeded(export: Export) -> None:
    """Make sure that an export has files to show.

    Raises:
        Expired: it had, and they have had their time.
        NotReady: it has none yet, or never will.
    """
    if export.state == "expired":
        raise Expired(export.expires_at or 0)
    if export.state != "succeeded":
        raise NotReady(export.state)


def load_export(database: Database, space: int, app: int, export_id: str) -> Export:
    """An export for the worker that has claimed its job.

    Raises:
        ExportFailed: another release kept it, in words that this one cannot read.
    """
    with database.read() as connection:
        row = connection.execute(
            _joined().where(exports.c.space == space, exports.c.app == app, exports.c.id == export_id)
        ).one()
    return export_of(row)


def change_export(connection: Connection, space: int, app: int, export_id: str, **values: Any) -> None:
    """Change columns of an export."""
    connection.execute(
        update(exports)
        .where(exports.c.space == space, exports.c.app == app, exports.c.id == export_id)
        .values(**values)
    )


def count_unfinished(connection: Connection, space: int) -> int:
    """Exports of a space that have not reached a final state."""
    query = select(func.count()).select_from(exports)
    return connection.scalar(query.where(exports.c.space == space, exports.c.state.not_in(FINAL_STATES))) or 0


def insert_files(connection: Connection, export: Export, files: list[StoredFile]) -> None:
    """Make files of an export downloadable."""
    if files:
        rows = [
            owner(export.scope)
            | {
                "export": export.id,
                "name": f.name,
                "object": f.object,
                "key_ref": f.key_ref,
                "bytes": f.bytes,
                "sha256": f.sha256,
                "media_type": f.media_type,
            }
            for f in files
        ]
        connection.execute(insert(export_files), rows)


def find_file(database: Database, export: Export, name: str) -> StoredFile:
    """A file of an export.

    Raises:
        NotFound: the export has none of that name.
    """
    if not storable(name):
        raise NotFound("file", name)
    with database.read() as connection:
        row = connection.execute(
            select(export_files).where(
                owned(export_files, export.scope), export_files.c.export == export.id, export_files.c.name == name
            )
        ).first()
    if row is None:
        raise NotFound("file", name)
    return _file(row)


def find_downloads(database: Database, wanted: Collection[tuple[str, str]]) -> dict[tuple[str, str], Sought]:
    """Files of exports by the ids of these and their own names, whosever they are: links say that by themselves.

    An export that is not there is left out.
    """
    with database.read() as connection:
        now = database.now(connection)
        rows = {pair: connection.execute(_DOWNLOAD, _pair(pair)).first() for pair in wanted if all(map(storable, pair))}
    return {pair: _sought(row, now) for pair, row in rows.items() if row is not None}


def brief() -> Any:
    """The query of exports without their manifests, which may be large."""
    return _joined(*(null().label(c.name) if c is exports.c.manifest else c for c in exports.c))


def _joined(*columns: Any) -> Any:
    named = select(*(columns or (exports,)), apps.c.id.label("app_id"), spaces.c.id.label("space_id"))
    return (
        named.select_from(exports)
        .join(apps, apps.c.number == exports.c.app)
        .join(spaces, spaces.c.number == exports.c.space)
    )


def export_of(row: Row[Any]) -> Export:
    """The export of a row of such a query.

    Raises:
        ExportFailed: another release kept it, in words that this one cannot read.
    """
    return Export(
        id=row.id,
        scope=Scope(row.space, row.app, row.space_id, row.app_id),
        request=read_request(row.request),
        state=row.state,
        created_at=row.created_at,
        finished_at=row.finished_at,
        snapshot=row.snapshot,
        after_seq=row.after_seq,
        upto_seq=row.upto_seq,
        complete_through=row.complete_through,
        slices=row.slices,
        slices_done=row.slices_done,
        error=row.error,
        manifest=row.manifest,
        expires_at=row.expires_at,
    )


def _file(row: Row[Any]) -> StoredFile:
    return StoredFile(row.name, row.object, row.bytes, row.sha256, row.media_type, row.key_ref)


def _pair(pair: tuple[str, str]) -> dict[str, str]:
    return {"export": pair[0], "file": pair[1]}


def _sought(row: Row[Any], now: int) -> Sought:
    return Sought(export_of(row), None if row.name is None else _file(row), now)


def _download() -> Any:
    """An export by its id, without its manifest, which may be long, and its file of a name if it has one: `bytes` are
    those of the file.
    """
    columns = [column for column in exports.c if column.name not in ("manifest", "bytes")]
    of = (export_files.c.name, export_files.c.object, export_files.c.key_ref, export_files.c.bytes)
    files = (*of, export_files.c.sha256, export_files.c.media_type)
    same = and_(export_files.c.export == exports.c.id, export_files.c.name == bindparam("file"))
    sought = _joined(*columns, null().label("manifest"), *files).outerjoin(export_files, same)
    return sought.where(exports.c.id == bindparam("export"))


_DOWNLOAD = _download()  # made once: to make it takes longer than to carry it out


# Made before there are threads: two that read a type for the first time at the same moment end the process.
_decode = msgspec.json.Decoder(ExportRequest).decode


def read_request(text: str) -> ExportRequest:
    """A request as its row keeps it.

    Raises:
        ExportFailed: another release kept it, in words that this one cannot read.
    """
    try:
        return _decode(text)
    except msgspec.DecodeError as error:
        raise ExportFailed(f"this release cannot read its request ({error}); ask for the export again") from None
