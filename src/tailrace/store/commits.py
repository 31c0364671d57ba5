"""Commits: one short transaction that makes segments visible, in one total order per app.

Its first statement advances the app's head and holds that row until it ends, so what is visible never grows behind a
cursor: a commit that is still open keeps the next number from being given.
"""

from collections.abc import Sequence

from msgspec import Struct, field
from sqlalchemy import Connection, delete, insert, update

from tailrace.db.engine import Database
from tailrace.db.tables import app_heads, commits, id_runs, owned, owner, segments
from tailrace.model.access import Scope
from tailrace.model.fields import SCHEMA_VERSION
from tailrace.model.points import point
from tailrace.model.segment import CLEAR, Location, Statistics
from tailrace.store import catalogue
from tailrace.store.profiles import Changes, change
from tailrace.store.runs import Run
from tailrace.store.sessions import SealedSession, grow_sessions, insert_sessions
from tailrace.store.shards import Lease, Progress, advance
from tailrace.store.statistics import pack_statistics


class NewSession(Struct, frozen=True):
    """A session whose first fragment is row `row` of its segment; commit gives it its number.

    The others of its `fragments` are the rows after it, in this segment and the next ones of the seal.
    """

    actor: bytes
    session_id: str
    generated: bool
    ended: bool
    start: int
    end: int
    fragments: int
    row: int


class NewSegment(Struct, frozen=True):
    """A durable segment that no transaction has made visible yet."""

    day: int
    bucket: str
    location: Location
    statistics: Statistics
    sessions: Sequence[NewSession]


class NewRun(Struct, frozen=True):
    """A durable run of dedupe keys, and the committed runs that leave with it: those that it swallowed, and those past
    the horizon. `newest_at`: last arrival in it, ms.
    """

    object: str
    ids: int
    newest_at: int
    swallowed: Sequence[Run]


class Seal(Struct, frozen=True):
    """Everything that one seal changes at once."""

    lease: Lease
    progress: Progress
    segments: Sequence[NewSegment]
    run: NewRun | None
    grown: Sequence[SealedSession]
    profiles: Changes = field(default_factory=Changes)


class Head(Struct, frozen=True):
    """An app's newest commit and its cumulative counts."""

    seq: int
    events: int
    fragments: int
    available_at: int


def commit(database: Database, seal: Seal) -> int | None:
    """Make a seal visible; its seq, or None when it had nothing to show and only moved its shard on.

    Raises:
        FenceLost: another process owns the shard; nothing was changed.
    """
    point("commit.before")
    with database.write() as connection:
        seq = _commit_rows(database, connection, seal) if seal.segments else None
        advance(connection, seal.lease, seal.progress)
    point("commit.after")
    return seq


def create_head(connection: Connection, scope: Scope) -> None:
    """Make the head of a new app: seq 0, nothing visible."""
    zero = {"seq": 0, "events": 0, "fragments": 0, "available_at": 0, "actors": 0}
    connection.execute(insert(app_heads).values(**owner(scope), **zero))


def commit_nothing(database: Database, connection: Connection, scope: Scope) -> int:
    """A commit without events, for what changes between seals; its seq. The head is held until the transaction ends."""
    return _new_commit(database, connection, scope, 0, 0, 0).seq


def _new_commit(
    database: Database, connection: Connection, scope: Scope, shard: int, events: int, fragments: int
) -> Head:
    head = _advance_head(database, connection, scope, events, fragments)
    connection.execute(
        insert(commits).values(
            **owner(scope),
            seq=head.seq,
            available_at=head.available_at,
            shard=shard,
            events=events,
            fragments=fragments,
            total_events=head.events,
            total_fragments=head.fragments,
        )
    )
    return head


def _commit_rows(database: Database, connection: Connection, seal: Seal) -> int:
    scope = seal.lease.scope
    events = sum(s.statistics.events for s in seal.segments)
    fragments = sum(s.statistics.fragments for s in seal.segments)
    head = _new_commit(database, connection, scope, seal.lease.shard.number, events, fragments)
    _add_segments(connection, seal, head, head.events - events, head.fragments - fragments)
    _add_run(connection, seal)
    grow_sessions(connection, scope, seal.grown)
    change(connection, scope, head.seq, seal.profiles)
    catalogue.learn(connection, scope, "event", (n for s in seal.segments for n in s.statistics.names))
    catalogue.learn(connection, scope, "version", (v for s in seal.segments for v in s.statistics.versions))
    return head.seq


def _advance_head(database: Database, connection: Connection, scope: Scope, events: int, fragments: int) -> Head:
    row = connection.execute(
        update(app_heads)
        .where(owned(app_heads, scope))
        .values(
            seq=app_heads.c.seq + 1,
            events=app_heads.c.events + events,
            fragments=app_heads.c.fragments + fragments,
        )
        .returning(app_heads.c.seq, app_heads.c.events, app_heads.c.fragments, app_heads.c.available_at)
    ).one()
    # Never before an instant that a window was resolved with, and never before an earlier commit.
    available_at = max(database.now(connection), row.available_at)
    connection.execute(update(app_heads).where(owned(app_heads, scope)).values(available_at=available_at))
    return Head(row.seq, row.events, row.fragments, available_at)


def _add_segments(connection: Connection, seal: Seal, head: Head, first_event: int, first_fragment: int) -> None:
    scope = seal.lease.scope
    for segment in seal.segments:
        statistics = segment.statistics
        number = connection.scalar(
            insert(segments)
            .values(
                **owner(scope),
                added_seq=head.seq,
                day=segment.day,
                bucket=segment.bucket,
                object=segment.location.object,
                offset=segment.location.offset,
                length=segment.location.length,
                key_ref=segment.location.key_ref,
                schema_version=SCHEMA_VERSION,
                first_event=first_event,
                first_fragment=first_fragment,
                events=statistics.events,
                min_time=statistics.min_time,
                max_time=statistics.max_time,
                min_start=statistics.min_start,
                max_start=statistics.max_start,
                statistics=pack_statistics(statistics),
            )
            .returning(segments.c.number)
        )
        new = [_sealed(session, number or 0, first_fragment) for session in segment.sessions]
        insert_sessions(connection, scope, new)
        first_event += statistics.events
        first_fragment += statistics.fragments


def _sealed(session: NewSession, segment: int, first_fragment: int) -> SealedSession:
    return SealedSession(
        actor=session.actor,
        number=first_fragment + session.row,
        session_id=session.session_id,
        generated=session.generated,
        ended=session.ended,
        earliest=session.start,
        start=session.start,
        end=session.end,
        fragments=session.fragments,
        segment=segment,
    )


def _add_run(connection: Connection, seal: Seal) -> None:
    if seal.run is None:
        return
    for run in seal.run.swallowed:
        connection.execute(delete(id_runs).where(owned(id_runs, seal.lease.scope), id_runs.c.number == run.number))
    connection.execute(
        insert(id_runs).values(
            **owner(seal.lease.scope),
            shard=seal.lease.shard.number,
            object=seal.run.object,
            key_ref=CLEAR,
            ids=seal.run.ids,
            newest_at=seal.run.newest_at,
        )
    )
