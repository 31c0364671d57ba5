"""Numbers of exports, for dialects that call them so. Each dialect has a series of its own."""

from collections.abc import Collection, Mapping
from typing import Any

from msgspec import Struct
from sqlalchemy import Connection, Select, insert, select

from tailrace.db.engine import Database, storable
from tailrace.db.tables import export_files, export_numbers, exports, owned, owner, tokens
from tailrace.exports.records import Export, StoredFile, brief, export_of, file_of, has_expired, joined
from tailrace.exports.schemas import MEDIA_TYPE
from tailrace.model.access import Principal, Scope
from tailrace.model.errors import NotFound

_LARGEST = (1 << 63) - 1


class Owned(Struct, frozen=True):
    """An export of a series, the number of the user who asked for it, its one file if it is there, and the time (ms) at
    which all of that was so.
    """

    export: Export
    user: int
    file: StoredFile | None
    now: int

    @property
    def over(self) -> bool:
        """Whether its files have had their time, deleted or not."""
        return has_expired(self.export, self.now)


class Numbered(Struct, frozen=True):
    """An export, its one file if it is there, and the time (ms) at which all of that was so."""

    export: Export
    file: StoredFile | None
    now: int


def give_number(connection: Connection, scope: Scope, export_id: str, series: str) -> int:
    """Give an export the next number."""
    row = owner(scope) | {"series": series, "export": export_id}
    number: int = connection.scalars(insert(export_numbers).values(row).returning(export_numbers.c.number)).one()
    return number


def number_of_export(connection: Connection, scope: Scope, export_id: str) -> int | None:
    """The number of an export of an app, if it has one."""
    of = export_numbers.c
    mine = of.space == scope.space, of.app == scope.app, of.export == export_id
    found: int | None = connection.scalar(select(of.number).where(*mine))
    return found


class Called(Struct, frozen=True):
    """How a dialect calls an export."""

    series: str
    number: int


def called(database: Database, principal: Principal, ids: Collection[str]) -> Mapping[str, Called]:
    """The numbers of some exports of the caller's space, where they have any."""
    query = select(export_numbers).where(export_numbers.c.space == principal.space, export_numbers.c.export.in_(ids))
    with database.read() as connection:
        return {row.export: Called(row.series, row.number) for row in connection.execute(query)}


def find_numbered(database: Database, principal: Principal, series: str, number: str) -> Export:
    """An export of the caller's space, of an app that the caller may see, by its number; without its manifest.

    Raises:
        NotFound: there is none, or it is not the caller's to know of.
    """
    query = _numbered(series, number).where(exports.c.space == principal.space)
    with database.read() as connection:
        row = connection.execute(query).first()
    if row is None or not principal.may_see(row.app_id):
        raise NotFound("export", number)
    return export_of(row)


def find_numbered_file(database: Database, series: str, number: str) -> Numbered | None:
    """An export by its number, whosever it is, and its one file: links say by themselves whose they are."""
    with database.read() as connection:
        now = database.now(connection)
        row = connection.execute(_numbered(series, number)).first()
        if row is None:
            return None
        export = export_of(row)
        return Numbered(export, only_file(connection, export.scope, export.id), now)


def find_owned(database: Database, space: int, series: str, export_id: str) -> Owned | None:
    """An export of a space and a series by its id, with its manifest; whose it is is for the dialect to judge."""
    if not storable(export_id):
        return None
    query = joined(*exports.c, tokens.c.user.label("user")).join(tokens, tokens.c.number == exports.c.token)
    query = query.join(export_numbers, export_numbers.c.export == exports.c.id)
    mine = exports.c.space == space, exports.c.id == export_id, export_numbers.c.series == series
    with database.read() as connection:
        now, row = database.now(connection), connection.execute(query.where(*mine)).first()
        if row is None:
            return None
        export = export_of(row)
        return Owned(export, row.user, only_file(connection, export.scope, export.id), now)


def only_file(connection: Connection, scope: Scope, export_id: str) -> StoredFile | None:
    """The file of an export that has one, beside the schema of its rows; None if it is not there (any more)."""
    of_export = export_files.c.export == export_id, export_files.c.media_type != MEDIA_TYPE
    row = connection.execute(select(export_files).where(owned(export_files, scope), *of_export)).first()
    return None if row is None else file_of(row)


def _numbered(series: str, number: str) -> Select[Any]:
    """The export of a number, as a query; what is no number is that of none."""
    wanted = int(number) if number.isascii() and number.isdigit() and len(number) < len(str(_LARGEST)) else 0
    query: Select[Any] = brief().join(export_numbers, export_numbers.c.export == exports.c.id)
    return query.where(export_numbers.c.series == series, export_numbers.c.number == wanted)
