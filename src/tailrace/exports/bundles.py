"""Bundles as rows: a series is asked for, its bundles are listed, found, and told that their files are there.

What is listed never changes: a bundle is listed once it and all before it have their files, and until its file has had
its time. docs/decisions/0067 says when a series begins.
"""

from collections.abc import Sequence
from functools import lru_cache
from hashlib import sha256
from itertools import starmap
from typing import Any

from msgspec import Struct
from sqlalchemy import ColumnElement, Connection, Select, and_, bindparam, exists, func, or_, select, update

from tailrace import __version__
from tailrace.db.engine import Database
from tailrace.db.tables import bundle_series, bundles, owned, owner
from tailrace.db.upserts import insert_into
from tailrace.exports.making import Made
from tailrace.exports.numbers import only_file
from tailrace.exports.records import Export, StoredFile
from tailrace.formats.bodies import BODIES
from tailrace.formats.encoders import encoder_of
from tailrace.model.access import Scope
from tailrace.model.errors import Expired, NotFound, Unavailable
from tailrace.model.sheet import Sheet
from tailrace.store.snapshots import head

MAKING, THERE = "making", "there"
_WAIT_S = 5  # before somebody asks again for a series whose first bundles are being made
_LARGEST = (1 << 53) - 1


class Listed(Struct, frozen=True):
    """A bundle as a list shows it: its number, and its bounds in ms."""

    number: int
    start: int
    stop: int


class Bundle(Struct, frozen=True):
    """A bundle that is listed: its number, its bounds in ms, and its file as it is sent; one without an event has the
    same bytes as all such, which lie nowhere (`object` is empty).
    """

    number: int
    start: int
    stop: int
    rows: int
    bytes: int
    sha256: str
    export: str | None
    file: StoredFile | None


def ask_for_series(database: Database, scope: Scope, series: str, token: int) -> bool:
    """Have bundles made for an app from now on; False if somebody has asked before."""
    mine = and_(owned(bundle_series, scope), bundle_series.c.series == series)
    with database.read() as connection:
        if connection.scalar(select(exists().where(mine))):
            return False
    with database.write() as connection:
        row = owner(scope) | {"series": series, "token": token, "asked_at": database.now(connection), "seq": 0}
        connection.execute(insert_into(connection, bundle_series).values(row).on_conflict_do_nothing())
    return True


def list_bundles(database: Database, scope: Scope, series: str, after: int, most: int) -> Sequence[Listed]:
    """The first bundles that end after an instant (ms), oldest first.

    Raises:
        Unavailable: the first ones of a series are still being made, so that nothing can be said of any.
    """
    asked = owner(scope) | {"series": series, "after": after, "most": most}
    with database.read() as connection:
        rows = connection.execute(_PAGE, asked | {"now": database.now(connection)})
        found = list(starmap(Listed, rows))
        if not found and _is_new(connection, scope, series):
            raise Unavailable("the first bundles of this app are being made", _WAIT_S)
    return found


def _is_new(connection: Connection, scope: Scope, series: str) -> bool:
    """Whether a series that has something to show has shown nothing yet."""
    row = connection.execute(
        select(bundle_series).where(owned(bundle_series, scope), bundle_series.c.series == series)
    ).first()
    if row is None or row.began is None:
        return row is not None and head(connection, scope).seq > 0
    first = select(bundles.c.state).where(_of(scope, series)).order_by(bundles.c.stop).limit(1)
    return connection.scalar(first) == MAKING


def find_bundle(database: Database, scope: Scope, series: str, number: int) -> Bundle:
    """A bundle of an app by its number.

    Raises:
        NotFound: the app has none of that number, or it is not made yet.
        Expired: its file has had its time.
    """
    query = select(bundles).where(_of(scope, series), bundles.c.number == min(number, _LARGEST))
    with database.read() as connection:
        now = database.now(connection)
        row = connection.execute(query).first()
        if row is None or row.state != THERE:
            raise NotFound("bundle", str(number))
        file = None if row.export is None else only_file(connection, scope, row.export)
    if row.expires_at <= now or (row.export is not None and file is None):
        raise Expired(row.expires_at)
    return Bundle(row.number, row.start, row.stop, row.rows, row.bytes, row.sha256, row.export, file)


def mark_there(connection: Connection, export: Export, made: Made, expires_at: int) -> None:
    """Let a bundle be listed whose export has its file, in the transaction that says so."""
    (file,) = made.files
    values = {"rows": file.rows, "bytes": file.bytes, "sha256": file.sha256}
    mine = owned(bundles, export.scope), bundles.c.export == export.id
    values |= {"state": THERE, "release": __version__, "expires_at": expires_at}
    connection.execute(update(bundles).where(*mine).values(values))


def nothing(expires_at: int) -> dict[str, Any]:
    """What the row of a bundle says that nothing is in; it needs no file."""
    data = empty_file()
    told = {"rows": 0, "bytes": len(data), "sha256": sha256(data).hexdigest()}
    return told | {"state": THERE, "release": __version__, "expires_at": expires_at}


@lru_cache(maxsize=1)
def empty_file() -> bytes:
    """The bytes of each bundle that nothing is in. They may never change: bundles that are listed would."""
    data: list[bytes | memoryview] = []
    encoder = encoder_of("json", "event", array=True)
    body = BODIES["gzip"](data.append)
    body.text(encoder.head(Sheet("event", ())) + encoder.tail)
    body.close()
    return b"".join(data)


def _page() -> Select[Any]:
    """The bundles of a series that are listed after an instant. Consumers ask for it again and again: built once."""
    mine = and_(
        bundles.c.space == bindparam("space"),
        bundles.c.app == bindparam("app"),
        bundles.c.series == bindparam("series"),
    )
    unfinished = select(func.min(bundles.c.stop)).where(mine, bundles.c.state == MAKING).scalar_subquery()
    before = or_(unfinished.is_(None), bundles.c.stop < unfinished)
    there = bundles.c.state == THERE, bundles.c.stop > bindparam("after"), bundles.c.expires_at > bindparam("now")
    shown = select(bundles.c.number, bundles.c.start, bundles.c.stop)
    return shown.where(mine, *there, before).order_by(bundles.c.stop).limit(bindparam("most"))


_PAGE = _page()


def _of(scope: Scope, series: str) -> ColumnElement[bool]:
    return and_(owned(bundles, scope), bundles.c.series == series)
