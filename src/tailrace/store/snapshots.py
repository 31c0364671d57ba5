"""Snapshots: the state of an app at one seq, and the instants and counts that belong to it."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from typing import NamedTuple

from msgspec import Struct
from sqlalchemy import ColumnElement, Connection, Row, and_, case, func, or_, select, update

from tailrace.db.engine import Database
from tailrace.db.tables import app_heads, commits, id_runs, owned, segments, shards
from tailrace.model.access import Scope
from tailrace.model.bundles import Arrivals
from tailrace.model.errors import ExportFailed
from tailrace.model.export import Totals
from tailrace.model.segment import Location, Outline, Segment
from tailrace.model.window import Window
from tailrace.store.commits import Head
from tailrace.store.inbox import waiting_since
from tailrace.store.runs import Run
from tailrace.store.statistics import unpack_outline, unpack_statistics

EVER = Window("available", None, None)
_CHUNK = 500  # below every database's limit of parameters in one statement


class Reach(Struct, frozen=True):
    """A seq, and the instant before which no event is still on its way to it inside the server (ms)."""

    head: Head
    complete_through: int


def head(connection: Connection, scope: Scope) -> Head:
    """An app's newest commit."""
    row = connection.execute(select(app_heads).where(owned(app_heads, scope))).one()
    return Head(row.seq, row.events, row.fragments, row.available_at)


def lock_head(connection: Connection, scope: Scope, *, not_before: int) -> Head:
    """The newest commit, its row held to the transaction's end; later ones are stamped `not_before` or later."""
    row = connection.execute(
        update(app_heads)
        .where(owned(app_heads, scope))
        .values(available_at=case((app_heads.c.available_at < not_before, not_before), else_=app_heads.c.available_at))
        .returning(app_heads)
    ).one()
    return Head(row.seq, row.events, row.fragments, row.available_at)


def seq_before(connection: Connection, scope: Scope, instant: int) -> int:
    """The last commit that became available before an instant; 0 if none did."""
    found = connection.scalar(
        select(func.max(commits.c.seq)).where(owned(commits, scope), commits.c.available_at < instant)
    )
    return found or 0


def totals_at(connection: Connection, scope: Scope, seq: int) -> Totals:
    """Cumulative counts at a commit; zero before the first."""
    row = connection.execute(
        select(commits.c.total_events, commits.c.total_fragments).where(owned(commits, scope), commits.c.seq == seq)
    ).first()
    return Totals(0, 0) if row is None else Totals(row.total_events, row.total_fragments)


def available_at(connection: Connection, scope: Scope, seqs: Sequence[int]) -> dict[int, int]:
    """When commits became available, ms by seq."""
    rows = connection.execute(
        select(commits.c.seq, commits.c.available_at).where(
            owned(commits, scope), commits.c.seq.between(min(seqs, default=0), max(seqs, default=0))
        )
    )
    return {row.seq: row.available_at for row in rows}


def visible(
    connection: Connection,
    scope: Scope,
    seq: int,
    *,
    after: int = 0,
    window: Window = EVER,
    arrivals: Arrivals | None = None,
) -> list[Segment]:
    """Segments visible at a seq that can hold rows added after another and inside a window, in output order.

    Raises:
        ExportFailed: some of them were cleaned up, because nobody had pinned that seq.
    """
    mine = (*_visible(scope, seq), segments.c.added_seq > after, *touching(window, arrivals))
    order = (segments.c.day, segments.c.bucket, segments.c.added_seq, segments.c.number)
    rows = connection.execute(select(segments).where(*mine).order_by(*order)).all()
    _check_floor(connection, scope, seq)  # after the rows: what had let one of them go had raised the floor
    return [_segment(row) for row in rows]


class Mark(NamedTuple):
    """What tells a segment from all others that there ever were, at the price of two numbers."""

    number: int
    added_seq: int


def marks_by_day(
    connection: Connection, scope: Scope, seq: int, between: tuple[int, int] | None = None
) -> dict[int, set[Mark]]:
    """The segments visible at a seq by the day on which their sessions began: all, or those `between` two days, both
    included.

    Raises:
        ExportFailed: some of them were cleaned up, because nobody had pinned that seq.
    """
    mine = [*_visible(scope, seq), *([] if between is None else [segments.c.day.between(*between)])]
    rows = connection.execute(select(segments.c.day, segments.c.number, segments.c.added_seq).where(*mine)).all()
    _check_floor(connection, scope, seq)
    found: dict[int, set[Mark]] = defaultdict(set)
    for day, number, added_seq in rows:
        found[day].add(Mark(number, added_seq))
    return found


def outlines(connection: Connection, scope: Scope, marks: Collection[Mark]) -> dict[Mark, Outline]:
    """The outlines of some segments."""
    found: dict[Mark, Outline] = {}
    numbers = [mark.number for mark in marks]
    for start in range(0, len(numbers), _CHUNK):
        mine = owned(segments, scope), segments.c.number.in_(numbers[start : start + _CHUNK])
        rows = connection.execute(select(segments.c.number, segments.c.added_seq, segments.c.statistics).where(*mine))
        found |= {Mark(number, added_seq): unpack_outline(data) for number, added_seq, data in rows}
    return found


def newest_segments(connection: Connection, scope: Scope, seq: int, most: int) -> list[Segment]:
    """Segments visible at a seq that were added last, those with the latest events of a commit first."""
    order = (segments.c.added_seq.desc(), segments.c.max_time.desc(), segments.c.number)
    rows = connection.execute(select(segments).where(*_visible(scope, seq)).order_by(*order).limit(most))
    return [_segment(row) for row in rows]


def _visible(scope: Scope, seq: int) -> Sequence[ColumnElement[bool]]:
    there = or_(segments.c.removed_seq.is_(None), segments.c.removed_seq > seq)
    return owned(segments, scope), segments.c.added_seq <= seq, there


def _check_floor(connection: Connection, scope: Scope, seq: int) -> None:
    if seq < connection.scalars(select(app_heads.c.floor).where(owned(app_heads, scope))).one():
        raise ExportFailed(f"segments that were visible at commit {seq} were replaced and cleaned up; ask again")


def touching(window: Window, arrivals: Arrivals | None = None) -> list[ColumnElement[bool]]:
    """A window, and what counts of it, as conditions on what the catalogue knows of a segment's bounds."""
    if window.axis == "available":
        return []
    by_start = window.axis == "session_start"
    low, high = (segments.c.min_start, segments.c.max_start) if by_start else (segments.c.min_time, segments.c.max_time)
    return [
        *([low < window.end] if window.end is not None else []),
        *([high >= window.start] if window.start is not None else []),
        *([or_(high >= arrivals.since, segments.c.added_seq > arrivals.after)] if arrivals is not None else []),
    ]


def segments_by_number(connection: Connection, scope: Scope, numbers: Sequence[int]) -> dict[int, Segment]:
    """Some segments by number."""
    found: dict[int, Segment] = {}
    for start in range(0, len(numbers), _CHUNK):
        chunk = numbers[start : start + _CHUNK]
        rows = connection.execute(select(segments).where(owned(segments, scope), segments.c.number.in_(chunk)))
        found.update((row.number, _segment(row)) for row in rows)
    return found


def runs_of(connection: Connection, scope: Scope, shard: int) -> list[Run]:
    """The runs of dedupe keys of a shard."""
    rows = connection.execute(
        select(id_runs).where(and_(owned(id_runs, scope), id_runs.c.shard == shard)).order_by(id_runs.c.number)
    )
    return [Run(row.number, row.object, row.ids, row.key_ref, row.newest_at) for row in rows]


def reach(database: Database, scope: Scope) -> Reach:
    """The newest commit, and the instant before which nothing that had arrived is missing from it.

    Order matters, because inbox and metadata may be two files: what waits in the inbox is looked up between two looks
    at the metadata. Whatever a seal moves meanwhile is then seen in the inbox, in the open sessions or in the head.
    """
    with database.read() as connection:
        now = database.now(connection)
        positions = connection.execute(select(shards.c.shard, shards.c.position).where(owned(shards, scope))).all()
    with database.read_inbox() as connection:
        waiting = [waiting_since(connection, scope, row.shard, row.position) for row in positions]
    with database.read() as connection:
        newest = head(connection, scope)
        open_since = connection.scalars(select(shards.c.open_since).where(owned(shards, scope))).all()
    return Reach(newest, min([now, *(instant for instant in (*waiting, *open_since) if instant is not None)]))


def _segment(row: Row[tuple[object, ...]]) -> Segment:
    return Segment(
        number=row.number,
        added_seq=row.added_seq,
        day=row.day,
        bucket=row.bucket,
        location=Location(row.object, row.offset, row.length, row.key_ref),
        schema_version=row.schema_version,
        first_event=row.first_event,
        first_fragment=row.first_fragment,
        statistics=unpack_statistics(row.statistics),
    )
