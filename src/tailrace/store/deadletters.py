"""Dead letters: rejected input, kept with its reason until someone replays it."""

from collections.abc import Sequence
from hashlib import blake2b
from typing import Any

from msgspec import Struct
from sqlalchemy import ColumnElement, Connection, Row, and_, func, select, update

from tailrace.db.engine import Database
from tailrace.db.tables import dead_letters, owned, owner
from tailrace.db.upserts import insert_into
from tailrace.model.access import Scope
from tailrace.model.errors import NotFound


class DeadLetter(Struct, frozen=True):
    """One rejected record. `position` counts from 0 in a batch and from 1 (a line) in a file.

    `context` is JSON text that says how to read `raw` again.
    """

    source: str
    position: int
    reason: str
    raw: bytes
    context: str


class Buried(Struct, frozen=True):
    """A dead letter as it lies in the store: seen `seen` times, `replayed` of them accepted since then."""

    number: int
    received_at: int
    seen: int
    replayed: int
    letter: DeadLetter


def bury(connection: Connection, letters: Sequence[tuple[Scope, int, DeadLetter]]) -> None:
    """Keep letters with the app and the time (ms) of each. The same one again (same source, place and content) is
    counted, not kept twice.

    They are written in the order of their keys, the same for every process, so that two writers cannot deadlock.
    """
    if not letters:
        return
    rows = [_row(scope, received_at, letter) for scope, received_at, letter in letters]
    keep = insert_into(connection, dead_letters).on_conflict_do_update(
        index_elements=["app", "key"], set_={"seen": dead_letters.c.seen + 1}
    )
    connection.execute(keep, sorted(rows, key=lambda row: (row["app"], row["key"])))


def listing(database: Database, scope: Scope) -> list[Buried]:
    """Letters that still wait, oldest first, without their content."""
    with database.read_inbox() as connection:
        rows = connection.execute(
            select(dead_letters)
            .where(_unsettled(scope))
            .order_by(dead_letters.c.received_at, dead_letters.c.source, dead_letters.c.position, dead_letters.c.number)
        )
        return [_buried(row) for row in rows]


class Reason(Struct, frozen=True):
    """A reason, and how many records wait for it to be gone."""

    text: str
    records: int


def reasons(database: Database, scope: Scope, most: int) -> list[Reason]:
    """Why letters wait, the reason of most records first."""
    records = func.sum(dead_letters.c.seen - dead_letters.c.replayed)
    query = select(dead_letters.c.reason, records.label("records")).where(_unsettled(scope))
    with database.read_inbox() as connection:
        rows = connection.execute(
            query.group_by(dead_letters.c.reason).order_by(records.desc(), dead_letters.c.reason).limit(most)
        )
        return [Reason(row.reason, int(row.records)) for row in rows]


def newest(database: Database, scope: Scope, most: int) -> list[Buried]:
    """The letters that came last of those that wait, newest first."""
    query = select(dead_letters).where(_unsettled(scope)).order_by(dead_letters.c.number.desc()).limit(most)
    with database.read_inbox() as connection:
        return [_buried(row) for row in connection.execute(query)]


def _unsettled(scope: Scope) -> ColumnElement[bool]:
    return and_(owned(dead_letters, scope), dead_letters.c.seen > dead_letters.c.replayed)


def find(database: Database, scope: Scope, number: int) -> Buried:
    """One letter.

    Raises:
        NotFound: this app has no letter of that number.
    """
    with database.read_inbox() as connection:
        row = connection.execute(
            select(dead_letters).where(owned(dead_letters, scope), dead_letters.c.number == number)
        ).first()
    if row is None:
        raise NotFound("dead letter", str(number))
    return _buried(row)


def settle(connection: Connection, scope: Scope, letter: Buried) -> bool:
    """Mark a letter as accepted in full, in the transaction that accepts it; False if someone else just did."""
    done = connection.execute(
        update(dead_letters)
        .where(
            owned(dead_letters, scope),
            dead_letters.c.number == letter.number,
            dead_letters.c.seen == letter.seen,
            dead_letters.c.replayed == letter.replayed,
        )
        .values(replayed=letter.seen)
    )
    return done.rowcount == 1


def waiting(connection: Connection, scope: Scope) -> int:
    """How many rejected records of an app are not accepted yet."""
    total = func.coalesce(func.sum(dead_letters.c.seen - dead_letters.c.replayed), 0)
    return int(connection.scalar(select(total).where(owned(dead_letters, scope))) or 0)


def _key(letter: DeadLetter) -> bytes:
    content = blake2b(letter.raw, digest_size=16).digest()
    place = f"{letter.source}\0{letter.position}\0{letter.context}".encode()
    return blake2b(place, digest_size=16, key=content).digest()


def _row(scope: Scope, received_at: int, letter: DeadLetter) -> dict[str, Any]:
    return owner(scope) | {
        "key": _key(letter),
        "received_at": received_at,
        "source": letter.source,
        "position": letter.position,
        "reason": letter.reason.replace("\0", "\ufffd"),  # it may quote the record, and no database takes NUL as text
        "seen": 1,
        "replayed": 0,
        "raw": letter.raw,
        "context": letter.context,
    }


def _buried(row: Row[tuple[object, ...]]) -> Buried:
    letter = DeadLetter(row.source, row.position, row.reason, row.raw, row.context)
    return Buried(row.number, row.received_at, row.seen, row.replayed, letter)
