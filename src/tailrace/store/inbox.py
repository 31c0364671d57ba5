"""The inbox: durable, ordered per shard, written before anything is acknowledged.

An append holds the row of its shard's head until it commits, so positions have no gaps and no order but their own:
a seal that has read up to position p has read everything below p.
"""

from collections.abc import Mapping, Sequence

import pyarrow as pa
from msgspec import Struct, field
from sqlalchemy import Connection, and_, bindparam, delete, func, insert, select, update

from tailrace.db.engine import Database
from tailrace.db.tables import inbox, inbox_heads, owned, owner
from tailrace.model.access import Scope
from tailrace.store.deadletters import DeadLetter, bury
from tailrace.store.records import Records, earliest, joined_records, memory_of, pack_records, unpack_records


class Submission(Struct, frozen=True):
    """What one request brings: accepted records by shard number, and what could not be accepted.

    `dropped` counts those that were accepted, but are not kept by policy. `nbytes` is how much memory it takes, about.
    """

    scope: Scope
    received_at: int
    records: Mapping[int, Records]
    dead: Sequence[DeadLetter] = field(default_factory=tuple)
    dropped: int = 0
    nbytes: int = 0

    @property
    def accepted(self) -> int:
        """How many records were taken: those that it brings to the inbox, and those that policy dropped."""
        return self.dropped + sum(int(batch.num_rows) for batch in self.records.values())


class Taken(Struct, frozen=True):
    """Records after a position: those of inbox rows up to and including `position`; with `more` others were there."""

    records: pa.Table
    position: int
    more: bool = False


def create_heads(database: Database, scope: Scope, shards: Sequence[int]) -> None:
    """Make the inbox of a new app. Safe to repeat."""
    with database.write_inbox() as connection:
        there = set(connection.scalars(select(inbox_heads.c.shard).where(owned(inbox_heads, scope))))
        new = [
            owner(scope) | {"shard": s, "position": 0, "received": 0, "accepted": 0, "dropped": 0}
            for s in shards
            if s not in there
        ]
        if new:
            connection.execute(insert(inbox_heads), new)


def heads(database: Database) -> set[tuple[int, int]]:
    """Every inbox that exists, as number of app and number of shard."""
    with database.read_inbox() as connection:
        return {(row.app, row.shard) for row in connection.execute(select(inbox_heads.c.app, inbox_heads.c.shard))}


def append(database: Database, submissions: Sequence[Submission]) -> None:
    """Store submissions in one durable transaction: a group commit."""
    with database.write_inbox() as connection:
        for scope, shard, members in _by_shard(submissions):
            _append_shard(connection, scope, shard, members)
        bury(connection, [(s.scope, s.received_at, letter) for s in submissions for letter in s.dead])


def append_received(connection: Connection, submission: Submission) -> None:
    """Store records that were counted as received before, as dead letters: only what is accepted grows."""
    for scope, shard, members in _by_shard([submission]):
        _append_shard(connection, scope, shard, members, new=False)


def take(database: Database, scope: Scope, shard: int, after: int, *, records: int, raw_bytes: int) -> Taken:
    """The next inbox rows after a position: at least one if there is one, else no more than the two bounds."""
    mine = and_(owned(inbox, scope), inbox.c.shard == shard)
    with database.read_inbox() as connection:
        sizes = connection.execute(
            select(inbox.c.position, inbox.c.records, inbox.c.raw_bytes)
            .where(mine, inbox.c.position > after)
            .order_by(inbox.c.position)
        )
        rows = [tuple(row) for row in sizes]
        upto = _bound(rows, after, records, raw_bytes)
        blobs = connection.scalars(
            select(inbox.c.blob)
            .where(mine, inbox.c.position > after, inbox.c.position <= upto)
            .order_by(inbox.c.position)
        )
        tables = list(unpack_records(blobs))
    return Taken(joined_records(tables), upto, more=bool(rows) and rows[-1][0] > upto)


def forget(database: Database, scope: Scope, shard: int, upto: int) -> None:
    """Delete rows that a committed seal has passed."""
    with database.write_inbox() as connection:
        connection.execute(delete(inbox).where(owned(inbox, scope), inbox.c.shard == shard, inbox.c.position <= upto))


def backlog_bytes(database: Database) -> int:
    """How much room the inbox takes on disk, bytes, without what is free for reuse in it. Cheap at any size.

    In a SQLite file dead letters count too: they lie in it.
    """
    with database.read_inbox() as connection:
        if database.sqlite:
            pages, free, size = (
                connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()
                for name in ("page_count", "freelist_count", "page_size")
            )
            return int((pages - free) * size)
        # The sizes stand in the rows; what they name is not read.
        return int(connection.scalar(select(func.coalesce(func.sum(func.octet_length(inbox.c.blob)), 0))) or 0)


def waiting_since(connection: Connection, scope: Scope, shard: int, after: int) -> int | None:
    """The earliest event time among rows after a position; None if there are none."""
    since: int | None = connection.scalar(
        select(func.min(inbox.c.min_time)).where(owned(inbox, scope), inbox.c.shard == shard, inbox.c.position > after)
    )
    return since


def _by_shard(submissions: Sequence[Submission]) -> list[tuple[Scope, int, list[Submission]]]:
    """Submissions by scope and shard, in one order for every process, so that appends cannot deadlock.

    Dead letters and dropped records have no shard of their own: they are counted with their submission's first shard,
    or shard 0.
    """
    groups: dict[tuple[int, int], tuple[Scope, list[Submission]]] = {}
    for submission in submissions:
        for shard in submission.records or (0,):
            groups.setdefault((submission.scope.app, shard), (submission.scope, []))[1].append(submission)
    return [
        (scope, shard, members) for (_, shard), (scope, members) in sorted(groups.items(), key=lambda item: item[0])
    ]


def _append_shard(
    connection: Connection, scope: Scope, shard: int, members: Sequence[Submission], *, new: bool = True
) -> None:
    batches = [m.records[shard] for m in members if shard in m.records]
    accepted = sum(batch.num_rows for batch in batches)
    first = [m for m in members if shard == min(m.records, default=0)]
    dead, dropped = sum(len(m.dead) for m in first), sum(m.dropped for m in first)
    position = connection.scalar(
        _ADVANCE,
        {
            "of_space": scope.space,
            "of_app": scope.app,
            "of_shard": shard,
            "steps": 1 if accepted else 0,
            "came": accepted + dropped + dead if new else 0,
            "taken": accepted + dropped,
            "left_out": dropped,
        },
    )
    if position is None:
        raise LookupError(f"no inbox for app {scope.app_id}, shard {shard}")
    if accepted:
        received_at = max(m.received_at for m in members)
        _insert(connection, scope, shard, position, received_at, batches)


_MINE = and_(inbox_heads.c.space == bindparam("of_space"), inbox_heads.c.app == bindparam("of_app"))
# Made once: to make it takes longer than to carry it out.
_ADVANCE = (
    update(inbox_heads)
    .where(_MINE, inbox_heads.c.shard == bindparam("of_shard"))
    .values(
        position=inbox_heads.c.position + bindparam("steps"),
        received=inbox_heads.c.received + bindparam("came"),
        accepted=inbox_heads.c.accepted + bindparam("taken"),
        dropped=inbox_heads.c.dropped + bindparam("left_out"),
    )
    .returning(inbox_heads.c.position)
)
_INSERT = insert(inbox)


def _insert(
    connection: Connection, scope: Scope, shard: int, position: int, received_at: int, batches: Sequence[Records]
) -> None:
    row = owner(scope) | {
        "shard": shard,
        "position": position,
        "records": sum(batch.num_rows for batch in batches),
        "min_time": min(map(earliest, batches)),
        "received_at": received_at,
        "raw_bytes": sum(map(memory_of, batches)),
        "blob": pack_records(batches),
    }
    connection.execute(_INSERT, row)


def _bound(sizes: list[tuple[int, ...]], after: int, records: int, raw_bytes: int) -> int:
    upto = after
    for position, count, size in sizes:
        records -= count
        raw_bytes -= size
        if upto > after and (records < 0 or raw_bytes < 0):
            break
        upto = position
    return upto
