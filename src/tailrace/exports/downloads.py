"""Downloads: files of exports looked up, judged and told to the audit, many in one trip to the database."""

from collections.abc import Callable, Collection, Mapping
from typing import Any, Generic, TypeVar

from msgspec import Struct
from sqlalchemy import Connection, Row, and_, bindparam, update

from tailrace.accounts.audit import Download, note_begun, note_downloads
from tailrace.db.engine import Database, storable
from tailrace.db.tables import export_files, exports, owned
from tailrace.exports.records import StoredFile, asked_for, check_succeeded, file_of, has_expired, joined
from tailrace.model.access import Scope
from tailrace.model.errors import Expired
from tailrace.model.export import ExportState

Answer = TypeVar("Answer")


class Wanted(Struct, frozen=True):
    """A file of an export by its name: of a space, or whosever it is, which only links say by themselves."""

    export: str
    file: str
    space: int | None = None


class Sought(Struct, frozen=True):
    """An export, its file if it has one of that name, and the time (ms) at which all of that was so."""

    export: str
    scope: Scope
    state: ExportState
    expires_at: int | None
    file: StoredFile | None
    now: int


Judge = Callable[[Sought | None], tuple[Answer, Download | None]]


class Opening(Struct, Generic[Answer], frozen=True, eq=False):
    """Somebody asks for a file. `judge` makes the answer of what was found, and says whether a download begins, which
    the audit is told before there is an answer. It may raise what the request is to fail with.
    """

    wanted: Wanted
    judge: Judge[Answer]


def open_files(database: Database, asked: Collection[Opening[Answer]]) -> Mapping[Opening[Answer], Answer | Exception]:
    """An answer for each, or what it fails with: nobody's failure is another one's."""
    found = find_files(database, {one.wanted for one in asked})
    judged = {one: _judged(one, found.get(one.wanted)) for one in asked}
    begun = {one: told for one, (_, told) in judged.items() if told is not None}
    failed = _failed_to_note(database, begun.values()) if begun else None
    told_of = {one: answer for one, (answer, _) in judged.items()}
    return told_of if failed is None else told_of | dict.fromkeys(begun, failed)


def _judged(one: Opening[Any], sought: Sought | None) -> tuple[Any, Download | None]:
    try:
        return one.judge(sought)
    except Exception as error:
        return error, None


def _failed_to_note(database: Database, begun: Collection[Download]) -> Exception | None:
    """What comes in between; those who only go on with a download need not care."""
    try:
        note_downloads(database, begun)
    except Exception as error:
        return error
    return None


def count_download(database: Database, begun: Download, scope: Scope, most: int) -> bool:
    """Count a download of a file and tell the audit, in one transaction; False if it had `most` already (0: no bound).

    Raises:
        Unavailable: the database is away.
    """
    mine = owned(export_files, scope), export_files.c.export == begun.export, export_files.c.name == begun.file
    counted = update(export_files).where(*mine).values(downloads=export_files.c.downloads + 1)
    with database.write() as connection:
        spare = counted.where(export_files.c.downloads < most) if most else counted
        if connection.execute(spare).rowcount != 1:
            return False
        note_begun(connection, [begun], database.now(connection))
    return True


def find_files(database: Database, wanted: Collection[Wanted]) -> Mapping[Wanted, Sought]:
    """What there is of files. An export that is not there, or is not of the space, is left out."""
    with database.read() as connection:
        now = database.now(connection)
        rows = {one: _row(connection, one) for one in wanted}
    return {one: _sought(row, now) for one, row in rows.items() if row is not None}


def check_kept(sought: Sought) -> None:
    """Make sure that an export still has its files, also where nobody has swept them up yet.

    Raises:
        Expired: it had, and they have had their time.
        NotReady: it has none yet, or never will.
    """
    check_succeeded(sought)
    if has_expired(sought, sought.now):
        raise Expired(sought.expires_at or 0)


def find_named(database: Database, app: int, name: str) -> Sought | None:
    """A file of an app, by a name that nobody can guess, which says by itself who may have it."""
    with database.read() as connection:
        now = database.now(connection)
        named = export_files.c.app == app, export_files.c.name == name
        row = connection.execute(_EACH.where(*named)).first()
    return None if row is None else _sought(row, now)


def _row(connection: Connection, wanted: Wanted) -> Row[Any] | None:
    if not storable(wanted.export) or not storable(wanted.file):
        return None
    named = {"export": wanted.export, "file": wanted.file}
    if wanted.space is None:
        return connection.execute(_OF_ANY, named).first()
    return connection.execute(_OF_SPACE, named | {"space": wanted.space}).first()


def _sought(row: Row[Any], now: int) -> Sought:
    scope = Scope(row.space, row.app, row.space_id, row.app_id)
    return Sought(row.id, scope, row.state, row.expires_at, None if row.name is None else file_of(row), now)


_OF = (exports.c.id, exports.c.space, exports.c.app, exports.c.state, exports.c.expires_at)
_FILES = [column for column in export_files.c if column.name not in ("export", "space", "app")]


def _query() -> Any:
    """An export by its id, and its file of a name if it has one. What else an export has may be long."""
    same = and_(export_files.c.export == exports.c.id, export_files.c.name == bindparam("file"))
    return joined(*_OF, *_FILES).outerjoin(export_files, same).where(asked_for(), exports.c.id == bindparam("export"))


# Made once: to make one takes longer than to carry it out.
_EACH = joined(*_OF, *_FILES).join(export_files, export_files.c.export == exports.c.id)
_OF_ANY = _query()
_OF_SPACE = _OF_ANY.where(exports.c.space == bindparam("space"))
