"""Numbers of exports, for dialects that call them so. Each dialect has a series of its own."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Select, insert, select

from tailrace.db.engine import Database
from tailrace.db.tables import export_files, export_numbers, exports, owner
from tailrace.exports.records import Export, StoredFile, brief, export_of, file_of
from tailrace.exports.schemas import MEDIA_TYPE
from tailrace.model.access import Principal, Scope
from tailrace.model.errors import NotFound

_LARGEST = (1 << 63) - 1


@dataclass(frozen=True, slots=True)
class Numbered:
    """An export, its one file if it is there, and the time (ms) at which all of that was so."""

    export: Export
    file: StoredFile | None
    now: int


def give_number(connection: Connection, scope: Scope, export_id: str, series: str) -> int:
    """Give an export the next number."""
    row = owner(scope) | {"series": series, "export": export_id}
    number: int = connection.scalars(insert(export_numbers).values(row).returning(export_numbers.c.number)).one()
    return number


@dataclass(frozen=True, slots=True)
class Called:
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
        return None if row is None else Numbered(export_of(row), only_file(connection, export_of(row)), now)


def only_file(connection: Connection, export: Export) -> StoredFile | None:
    """The file of an export that has one, beside the schema of its rows; None if it is not there (any more)."""
    mine = export_files.c.space == export.scope.space, export_files.c.app == export.scope.app
    of_export = export_files.c.export == export.id, export_files.c.media_type != MEDIA_TYPE
    row = connection.execute(select(export_files).where(*mine, *of_export)).first()
    return None if row is None else file_of(row)


def _numbered(series: str, number: str) -> Select[Any]:
    """The export of a number, as a query; what is no number is that of none."""
    wanted = int(number) if number.isascii() and number.isdigit() and len(number) < len(str(_LARGEST)) else 0
    query: Select[Any] = brief().join(export_numbers, export_numbers.c.export == exports.c.id)
    return query.where(export_numbers.c.series == series, export_numbers.c.number == wanted)
