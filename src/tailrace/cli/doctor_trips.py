"""Round trips of `doctor`: something is written, read and deleted again in the database and in the file storage.

No event goes through the inbox writer: it would be a tenant's.
"""

import secrets
from collections.abc import Callable, Iterator

from sqlalchemy import delete, insert, select

from tailrace.cli.doctor_check import Check
from tailrace.db.tables import inbox_heads, store
from tailrace.model.errors import TailraceError
from tailrace.model.segment import Location
from tailrace.wiring import House

_PROBE = b"tailrace doctor" * 100
_FOLDER = "_probe"  # no space has such an id


def trips(house: House) -> Iterator[Check]:
    """All round trips."""
    kind = "SQLite" if house.database.sqlite else "PostgreSQL"
    advice = "see that the database runs, that its disk has room and that its user may write"
    yield _trip("database", f"{kind}: wrote, read and deleted a row", advice, lambda: _row(house))
    yield _trip("inbox", "wrote and read a row, and took it back", advice, lambda: _inbox_row(house))
    where = house.settings.files or str(house.data / "files")
    advice = f"see that {where} is there, has room, and that the server may write, read and delete there"
    yield _trip("files", f"wrote, read, cut and deleted an object in {where}", advice, lambda: _object(house))


def _trip(name: str, well: str, advice: str, trip: Callable[[], bool]) -> Check:
    try:
        ok = trip()
    except (OSError, TailraceError) as error:
        return Check(name, ok=False, found=str(error) or type(error).__name__, next=advice)
    return Check(name, ok, well if ok else "what was read is not what was written", "" if ok else advice)


def _row(house: House) -> bool:
    row = {"key": f"probe-{secrets.token_hex(8)}", "value": secrets.token_hex(8)}
    mine = store.c.key == row["key"]
    with house.database.write() as connection:
        connection.execute(insert(store).values(row))
    try:
        with house.database.read() as connection:
            read = connection.scalar(select(store.c.value).where(mine))
    finally:
        with house.database.write() as connection:
            connection.execute(delete(store).where(mine))
    return bool(read == row["value"])


def _inbox_row(house: House) -> bool:
    """A row of no app, which no commit ever shows."""
    row = {"space": -1, "app": -1, "shard": 0, "position": 1, "received": 0, "accepted": 0}
    with house.database.write_inbox() as connection:
        inner = connection.begin_nested()
        connection.execute(insert(inbox_heads).values(row))
        read = connection.scalar(select(inbox_heads.c.position).where(inbox_heads.c.app == -1))
        inner.rollback()
    return read == 1


def _object(house: House) -> bool:
    files, key = house.files, f"{_FOLDER}/{secrets.token_hex(8)}"
    with files.create(key) as sink:
        sink.write(_PROBE)
    try:
        whole = b"".join(files.chunks(key))
        with files.reader(Location(key, 3, 7)) as part:
            cut = part.read()
        size = files.size(key)
    finally:
        files.delete(key)
    return (whole, cut, size) == (_PROBE, _PROBE[3:10], len(_PROBE)) and not _there(house, key)


def _there(house: House, key: str) -> bool:
    try:
        return bool(house.files.size(key) + 1)
    except FileNotFoundError:
        return False
