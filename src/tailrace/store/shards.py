"""Shards as rows: who owns one, how far its inbox is sealed, what it carries over."""

from collections.abc import Sequence

import pyarrow as pa
from msgspec import Struct
from sqlalchemy import ColumnElement, Connection, and_, delete, insert, or_, select, update

from tailrace.db.engine import Database
from tailrace.db.tables import carry, owned, owner, shards
from tailrace.model.access import Scope
from tailrace.model.clock import HOUR
from tailrace.model.errors import FenceLost
from tailrace.model.shards import Shard
from tailrace.store.records import joined_records, pack_records, unpack_records

_CARRY_RECORDS = 65_536  # in one carried blob
_CARRY_BYTES = 32 << 20  # of records in one carried blob, before packing


class Lease(Struct, frozen=True):
    """The right to seal one shard, until someone with a higher fence takes it."""

    scope: Scope
    shard: Shard
    fence: int
    position: int
    due_at: int | None


class CarryPart(Struct, frozen=True):
    """Some open records, packed."""

    records: int
    blob: bytes


class Progress(Struct, frozen=True):
    """How a seal leaves its shard. `duplicates` and `sealed` count records; the rest are times in ms."""

    position: int
    sealed: int
    duplicates: int
    carry: Sequence[CarryPart]
    open_since: int | None
    due_at: int | None

    @property
    def open_records(self) -> int:
        """How many records are carried over."""
        return sum(part.records for part in self.carry)


def shards_of(connection: Connection, scope: Scope) -> list[Shard]:
    """All shards of an app."""
    rows = connection.execute(select(shards).where(owned(shards, scope)).order_by(shards.c.shard))
    return [Shard(row.shard, row.bits, row.prefix) for row in rows]


def create_shards(connection: Connection, scope: Scope, new: Sequence[Shard]) -> None:
    """Make the shards of a new app."""
    start = {"position": 0, "sealed": 0, "duplicates": 0, "open_records": 0, "fence": 0, "lease_until": 0}
    rows = [owner(scope) | {"shard": s.number, "bits": s.bits, "prefix": s.prefix} | start for s in new]
    connection.execute(insert(shards), rows)


def acquire(database: Database, scope: Scope, shard: Shard, holder: str, lease_ms: int) -> Lease | None:
    """Take a shard that is free, expired or already the holder's; None if another process holds it."""
    with database.write() as connection:
        now = database.now(connection)
        row = connection.execute(
            update(shards)
            .where(
                owned(shards, scope),
                shards.c.shard == shard.number,
                or_(
                    shards.c.owner.is_(None),
                    shards.c.owner == holder,
                    shards.c.lease_until < now,
                    shards.c.lease_until > now + HOUR,  # longer than any lease: given before the clock was set back
                ),
            )
            .values(owner=holder, fence=shards.c.fence + 1, lease_until=now + lease_ms)
            .returning(shards.c.fence, shards.c.position, shards.c.due_at)
        ).first()
    return None if row is None else Lease(scope, shard, row.fence, row.position, row.due_at)


def renew(database: Database, lease: Lease, lease_ms: int) -> None:
    """Say that the owner is alive.

    Raises:
        FenceLost: another process has taken the shard.
    """
    with database.write() as connection:
        until = database.now(connection) + lease_ms
        done = connection.execute(update(shards).where(_mine(lease)).values(lease_until=until))
    if done.rowcount != 1:
        raise _lost(lease)


def release(database: Database, lease: Lease) -> None:
    """Give a shard back, unless it was taken already."""
    with database.write() as connection:
        connection.execute(update(shards).where(_mine(lease)).values(owner=None, lease_until=0))


def carried(connection: Connection, scope: Scope, shard: Shard) -> pa.Table:
    """Records of sessions that were still open at the last seal, in the order of their arrival."""
    blobs = connection.scalars(
        select(carry.c.blob).where(owned(carry, scope), carry.c.shard == shard.number).order_by(carry.c.part)
    )
    return joined_records(list(unpack_records(blobs)))


def pack_carry(records: pa.Table) -> list[CarryPart]:
    """Open records, in the order of their arrival, as parts of bounded size; before the transaction, for it is work."""
    step = max(1, min(_CARRY_RECORDS, _CARRY_BYTES * records.num_rows // max(1, records.nbytes)))
    pieces = (records.slice(start, step) for start in range(0, records.num_rows, step))
    return [CarryPart(piece.num_rows, pack_records([piece])) for piece in pieces]


def advance(connection: Connection, lease: Lease, progress: Progress) -> None:
    """Move the shard on, in the transaction of its commit.

    Raises:
        FenceLost: another process has taken the shard since the lease was given.
    """
    done = connection.execute(
        update(shards)
        .where(_mine(lease))
        .values(
            position=progress.position,
            sealed=shards.c.sealed + progress.sealed,
            duplicates=shards.c.duplicates + progress.duplicates,
            open_records=progress.open_records,
            open_since=progress.open_since,
            due_at=progress.due_at,
        )
    )
    if done.rowcount != 1:
        raise _lost(lease)
    _replace_carry(connection, lease, progress.carry)


def _mine(lease: Lease) -> ColumnElement[bool]:
    return and_(owned(shards, lease.scope), shards.c.shard == lease.shard.number, shards.c.fence == lease.fence)


def _lost(lease: Lease) -> FenceLost:
    return FenceLost(f"shard {lease.shard.bucket} of {lease.scope.app_id}")


def _replace_carry(connection: Connection, lease: Lease, parts: Sequence[CarryPart]) -> None:
    connection.execute(delete(carry).where(owned(carry, lease.scope), carry.c.shard == lease.shard.number))
    for number, part in enumerate(parts):
        connection.execute(
            insert(carry).values(
                **owner(lease.scope),
                shard=lease.shard.number,
                part=number,
                records=part.records,
                blob=part.blob,
            )
        )
