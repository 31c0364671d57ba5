"""The ledger: what came in equals what is accounted for, at every moment.

received = accepted + dead letters; accepted = sealed + open + duplicates + dropped by policy + erased.
"""

from msgspec import Struct
from sqlalchemy import func, select

from tailrace.db.engine import Database
from tailrace.db.tables import carry, commits, inbox, inbox_heads, owned, shards
from tailrace.model.access import Scope
from tailrace.store.deadletters import waiting

_TRIES = 100


class Ledger(Struct, frozen=True):
    """Counts of records of one app. `open` waits in the inbox or in open sessions."""

    received: int
    accepted: int
    dead_letters: int
    sealed: int
    open: int
    duplicates: int
    dropped: int = 0
    erased: int = 0

    @property
    def holds(self) -> bool:
        """Whether both equations are true."""
        settled = self.sealed + self.open + self.duplicates + self.dropped + self.erased
        return self.received == self.accepted + self.dead_letters and self.accepted == settled


def ledger(database: Database, scope: Scope) -> Ledger:
    """Count an app, from the rows themselves wherever there are rows.

    Inbox and metadata may be two files, so the count is taken again when a seal moved something meanwhile.
    """
    for _ in range(_TRIES):
        before = _settled(database, scope)
        found = _waiting(database, scope, before[3])
        if _settled(database, scope) == before:
            break
    received, accepted, dropped, dead, in_inbox = found
    sealed, carried, duplicates, _ = before
    return Ledger(received, accepted, dead, sealed, carried + in_inbox, duplicates, dropped)


def _settled(database: Database, scope: Scope) -> tuple[int, int, int, tuple[tuple[int, int], ...]]:
    """Sealed events by their commits, records of open sessions, duplicates, and each shard's inbox position."""
    with database.read() as connection:
        sealed = connection.scalar(select(func.coalesce(func.sum(commits.c.events), 0)).where(owned(commits, scope)))
        carried = connection.scalar(select(func.coalesce(func.sum(carry.c.records), 0)).where(owned(carry, scope)))
        rows = connection.execute(
            select(shards.c.shard, shards.c.position, shards.c.duplicates)
            .where(owned(shards, scope))
            .order_by(shards.c.shard)
        ).all()
    positions = tuple((row.shard, row.position) for row in rows)
    return int(sealed or 0), int(carried or 0), sum(row.duplicates for row in rows), positions


def _waiting(database: Database, scope: Scope, positions: tuple[tuple[int, int], ...]) -> tuple[int, ...]:
    """Received, accepted, dropped and dead records of the inbox, and those after the positions."""
    with database.read_inbox() as connection:
        counts = (inbox_heads.c.received, inbox_heads.c.accepted, inbox_heads.c.dropped)
        sums = [func.coalesce(func.sum(count), 0) for count in counts]
        received, accepted, dropped = connection.execute(select(*sums).where(owned(inbox_heads, scope))).one()
        ahead = sum(
            connection.scalar(
                select(func.coalesce(func.sum(inbox.c.records), 0)).where(
                    owned(inbox, scope), inbox.c.shard == shard, inbox.c.position > position
                )
            )
            or 0
            for shard, position in positions
        )
        return int(received), int(accepted), int(dropped), waiting(connection, scope), int(ahead)
