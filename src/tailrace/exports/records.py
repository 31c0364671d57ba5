"""Exports as rows: the request as it was asked, what it was resolved to, and its state."""

from functools import lru_cache
from typing import Any, Protocol

import msgspec
from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import ColumnElement, Connection, Row, func, insert, null, select, update

from tailrace.db.engine import Database, storable
from tailrace.db.tables import apps, export_files, exports, owner, spaces
from tailrace.model.access import Principal, Scope
from tailrace.model.errors import Expired, ExportFailed, NotFound, NotReady
from tailrace.model.export import FINAL_STATES, ExportRequest, ExportState
from tailrace.model.segment import CLEAR


class Export(Struct, frozen=True):
    """One export. `snapshot`, `after_seq` and `upto_seq` are None until its window is resolved to commits.

    Times in ms; `slices` is None until it is planned; `manifest` is JSON text, there once it has succeeded, and
    `expires_at` is then when its files will have had their time. One that is made `ahead`, for a bundle, nobody asked
    for: only its bundle leads to it.
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
    ahead: bool = False


class Ending(Protocol):
    """What of an export says whether it has files to show."""

    @property
    def state(self) -> ExportState:
        """Where it stands."""

    @property
    def expires_at(self) -> int | None:
        """When its files will have had their time, in ms."""


class StoredFile(Struct, frozen=True):
    """Where a file of an export lies, and how it is sent."""

    name: str
    object: str
    bytes: int
    sha256: str
    media_type: str
    key_ref: str = CLEAR


def insert_export(connection: Connection, export: Export, token: int | None) -> None:
    """Keep a new export; `token` is None where it was asked for with a key. Its deliveries have rows of their own,
    where their secrets are not in clear.
    """
    connection.execute(
        insert(exports).values(
            **owner(export.scope),
            id=export.id,
            token=token,
            request=msgspec.json.encode(replace(export.request, deliveries=())).decode(),
            state=export.state,
            created_at=export.created_at,
            snapshot=export.snapshot,
            after_seq=export.after_seq,
            upto_seq=export.upto_seq,
            complete_through=export.complete_through,
            slices_done=0,
            ahead=export.ahead,
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
    query = joined().where(exports.c.space == principal.space, asked_for(), exports.c.id == export_id)
    row = connection.execute(query).first()
    if row is None or not principal.may_see(row.app_id):
        raise NotFound("export", export_id)
    return export_of(row)


def asked_for() -> ColumnElement[bool]:
    """Exports that somebody asked for: the others are known by their bundles alone."""
    return exports.c.ahead.is_(False)


def has_expired(export: Ending, now: int) -> bool:
    """Whether its files have had their time (`now` in ms), also where nobody has swept them up yet."""
    return export.state == "expired" or (export.expires_at is not None and now >= export.expires_at)


def check_succeeded(export: Ending) -> None:
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
            joined().where(exports.c.space == space, exports.c.app == app, exports.c.id == export_id)
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
    """Exports that a space has asked for and that have not reached a final state."""
    query = select(func.count()).select_from(exports)
    mine = exports.c.space == space, asked_for(), exports.c.state.not_in(FINAL_STATES)
    return connection.scalar(query.where(*mine)) or 0


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


def brief() -> Any:
    """The query of exports without their manifests, which may be large."""
    return joined(*(null().label(c.name) if c is exports.c.manifest else c for c in exports.c))


def joined(*columns: Any) -> Any:
    """The query of exports, all of their columns or some, with the ids of their apps and spaces."""
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
        ahead=row.ahead,
    )


def file_of(row: Row[Any]) -> StoredFile:
    """The file of a row that has the columns of one."""
    return StoredFile(row.name, row.object, row.bytes, row.sha256, row.media_type, row.key_ref)


# Made before there are threads: two that read a type for the first time at the same moment end the process.
_decode = msgspec.json.Decoder(ExportRequest).decode
# Who polls an export has it read again and again. One with tables of hundreds of events has hundreds of thousands of
# characters, and takes milliseconds to read.
_decoded = lru_cache(maxsize=8)(_decode)
_KEPT = 1 << 20  # characters of a request that is kept


def read_request(text: str) -> ExportRequest:
    """A request as its row keeps it.

    Raises:
        ExportFailed: another release kept it, in words that this one cannot read.
    """
    try:
        return _decode(text) if len(text) > _KEPT else _decoded(text)
    except msgspec.DecodeError as error:
        raise ExportFailed(f"this release cannot read its request ({error}); ask for the export again") from None
