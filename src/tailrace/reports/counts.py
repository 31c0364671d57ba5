"""What the store holds, in a few queries that stay cheap however much it holds."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, get_args

from msgspec import Struct
from sqlalchemy import Connection, Row, Select, case, func, select

from tailrace.db.engine import Database
from tailrace.db.tables import app_heads, apps, exports, inbox, inbox_heads, jobs, shards, spaces
from tailrace.jobs.pins import not_done
from tailrace.model.export import FINAL_STATES, ExportState

UNFINISHED_STATES = frozenset(get_args(ExportState)) - FINAL_STATES
MOST_LAGS = 1_000  # shards with a backlog whose oldest record is looked for


class AppCounts(Struct, frozen=True):
    """The ledger of one app, in records, and the age of its oldest unsealed record, ms.

    `open` and `dead_letters` are what the ledger leaves for them; `doctor` counts the rows.
    """

    space: int
    space_id: str
    app_id: str
    received: int
    accepted: int
    sealed: int
    duplicates: int
    dropped: int
    lag_ms: int

    @property
    def dead_letters(self) -> int:
        """Rejected records that are kept."""
        return self.received - self.accepted

    @property
    def open(self) -> int:
        """Accepted records that are neither sealed, nor known as duplicates, nor dropped by policy."""
        return self.accepted - self.sealed - self.duplicates - self.dropped


class StoreCounts(Struct, frozen=True):
    """Counts of one moment: apps; unfinished jobs by lane and state; the longest wait by lane, ms; and by state exports
    that are not finished.
    """

    apps: Sequence[AppCounts]
    jobs: Mapping[tuple[str, str], int]
    waits_ms: Mapping[str, int]
    exports: Mapping[str, int]


def count_store(database: Database) -> StoreCounts:
    """Count everything, for the operator of the server.

    Raises:
        Unavailable: the database did not answer.
    """
    with database.read() as connection:
        now = database.now(connection)
        known = connection.execute(_apps()).all()
        positions = {(row.app, row.shard): row.position for row in connection.execute(_positions())}
        by_state, waits = _jobs(connection, now)
        made = _by_state(connection, UNFINISHED_STATES)
    # The inbox is read later, and may be another file: what was sealed by then was accepted before.
    with database.read_inbox() as connection:
        accepted = {row.app: row for row in connection.execute(_heads())}
        lags = _lags(connection, positions, now)
    return StoreCounts([_app(row, accepted.get(row.number), lags) for row in known], by_state, waits, made)


def count_finished(database: Database) -> Mapping[str, int]:
    """Finished exports by state. There may be many, so this is not for every few seconds.

    Raises:
        Unavailable: the database did not answer.
    """
    with database.read() as connection:
        return _by_state(connection, FINAL_STATES)


def _app(row: "Row[Any]", head: "Row[Any] | None", lags: Mapping[int, int]) -> AppCounts:
    return AppCounts(
        space=row.space,
        space_id=row.space_id,
        app_id=row.id,
        received=int(head.received) if head else 0,
        accepted=int(head.accepted) if head else 0,
        sealed=int(row.events or 0),
        duplicates=int(row.duplicates or 0),
        dropped=int(head.dropped) if head else 0,
        lag_ms=lags.get(row.number, 0),
    )


def _apps() -> Select[Any]:
    duplicates = select(func.sum(shards.c.duplicates)).where(shards.c.app == apps.c.number).scalar_subquery()
    return (
        select(apps.c.number, apps.c.space, apps.c.id, spaces.c.id.label("space_id"), app_heads.c.events)
        .add_columns(duplicates.label("duplicates"))
        .join(spaces, spaces.c.number == apps.c.space)
        .outerjoin(app_heads, app_heads.c.app == apps.c.number)
        .order_by(apps.c.number)
    )


def _positions() -> Select[Any]:
    return select(shards.c.app, shards.c.shard, shards.c.position)


def _heads() -> Select[Any]:
    counts = (inbox_heads.c.received, inbox_heads.c.accepted, inbox_heads.c.dropped)
    return select(inbox_heads.c.app, *(func.sum(count).label(count.name) for count in counts)).group_by(
        inbox_heads.c.app
    )


def _lags(connection: Connection, positions: Mapping[tuple[int, int], int], now: int) -> Mapping[int, int]:
    """By app the age of its oldest record after the positions of its shards, found by a seek for each backlog."""
    behind = [
        (row.app, row.shard, positions[row.app, row.shard])
        for row in connection.execute(select(inbox_heads.c.app, inbox_heads.c.shard, inbox_heads.c.position))
        if row.position > positions.get((row.app, row.shard), row.position)
    ]
    lags: dict[int, int] = {}
    for app, shard, position in behind[:MOST_LAGS]:
        mine = inbox.c.app == app, inbox.c.shard == shard, inbox.c.position > position
        received = connection.scalar(select(inbox.c.received_at).where(*mine).order_by(inbox.c.position).limit(1))
        if received is not None:
            lags[app] = max(lags.get(app, 0), now - received)
    return lags


def _jobs(connection: Connection, now: int) -> tuple[Mapping[tuple[str, str], int], Mapping[str, int]]:
    """Unfinished jobs by lane and state, and how long the oldest of each lane that may be claimed has waited."""
    state = case((jobs.c.state == "leased", "leased"), (jobs.c.not_before <= now, "waiting"), else_="later")
    since = case((jobs.c.not_before > jobs.c.created_at, jobs.c.not_before), else_=jobs.c.created_at)
    inner = select(jobs.c.lane, state.label("state"), since.label("since")).where(not_done()).subquery()
    query = select(inner.c.lane, inner.c.state, func.count().label("n"), func.min(inner.c.since).label("since"))
    rows = connection.execute(query.group_by(inner.c.lane, inner.c.state)).all()
    waits = {row.lane: max(0, now - row.since) for row in rows if row.state == "waiting"}
    return {(row.lane, row.state): row.n for row in rows}, waits


def _by_state(connection: Connection, states: Iterable[str]) -> Mapping[str, int]:
    """Exports in some states, said and grouped in the columns of the index by space."""
    mine = exports.c.space.in_(select(spaces.c.number)), exports.c.state.in_(sorted(states))
    query = select(exports.c.space, exports.c.state, func.count().label("n")).where(*mine)
    found: Counter[str] = Counter()
    for row in connection.execute(query.group_by(exports.c.space, exports.c.state)):
        found[row.state] += row.n
    return found
