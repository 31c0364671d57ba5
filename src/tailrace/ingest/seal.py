"""Seal: drop duplicates, close complete sessions, write segments, commit them.

One seal takes what its shard carries over and a bounded stretch of its inbox. Nothing is visible and nothing is
forgotten before its one commit; killed anywhere else, the next seal begins with the same records.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tailrace.config import SealSettings
from tailrace.db.engine import Database
from tailrace.files.base import Files
from tailrace.ingest.fragments import Placed, fragments_table
from tailrace.ingest.grouping import Groups, SessionRules, group
from tailrace.ingest.joining import Closing, SealedIndex, wanted
from tailrace.ingest.merging import json_value
from tailrace.model.access import Scope
from tailrace.model.clock import Clock, day_name, day_of
from tailrace.model.fields import SESSION_INPUTS
from tailrace.model.ids import Ids
from tailrace.model.points import point
from tailrace.model.segment import Segment
from tailrace.store import inbox, runs, shards, snapshots
from tailrace.store.commits import NewRun, NewSegment, NewSession, Seal, commit
from tailrace.store.segments import fragments_of_sessions, open_segment, write_segment
from tailrace.store.sessions import SealedSession, number_actors, sealed_sessions
from tailrace.store.shards import Lease, Progress, pack_carry
from tailrace.store.sizes import text_bytes
from tailrace.store.statistics import statistics_of

_MAX_BYTES = 256 << 20  # of records that one seal takes from the inbox


@dataclass(frozen=True, slots=True)
class Sealer:
    """What sealing needs."""

    database: Database
    files: Files
    clock: Clock
    ids: Ids
    settings: SealSettings

    @property
    def rules(self) -> SessionRules:
        """When a session is complete."""
        return SessionRules(self.settings.inactivity_ms, self.settings.longest_session_ms)


@dataclass(frozen=True, slots=True)
class Sealed:
    """What one seal did, in records. `seq` is None when nothing became visible; `more` when the inbox has more."""

    seq: int | None
    position: int
    taken: int
    events: int
    fragments: int
    duplicates: int
    open: int
    more: bool


@dataclass(frozen=True, slots=True)
class _Fresh:
    """Records without duplicates: those that were open already, then the new ones."""

    records: pa.Table
    duplicates: int


def seal_shard(sealer: Sealer, lease: Lease, *, close_all: bool = False) -> Sealed:
    """Seal one stretch of a shard's inbox. With `close_all` every open session is closed now.

    Raises:
        FenceLost: another process took the shard meanwhile; nothing was changed.
    """
    scope, settings = lease.scope, sealer.settings
    taken = inbox.take(
        sealer.database, scope, lease.shard.number, lease.position, records=settings.max_records, raw_bytes=_MAX_BYTES
    )
    with sealer.database.read() as connection:
        known = snapshots.runs_of(connection, scope, lease.shard.number)
        carried = shards.carried(connection, scope, lease.shard)
    fresh = _without_duplicates(sealer, known, carried, taken.records)
    seal, fragments = _close(sealer, lease, fresh, taken.position, known, close_all=close_all)
    seq = commit(sealer.database, seal)
    inbox.forget(sealer.database, scope, lease.shard.number, taken.position)
    _delete_swallowed(sealer, seal.run)
    with sealer.database.read_inbox() as connection:
        more = inbox.newest_position(connection, scope, lease.shard.number) > taken.position
    return Sealed(
        seq,
        taken.position,
        taken.records.num_rows,
        seal.progress.sealed,
        fragments,
        fresh.duplicates,
        seal.progress.open_records,
        more,
    )


def _without_duplicates(sealer: Sealer, known: Sequence[runs.Run], carried: pa.Table, taken: pa.Table) -> _Fresh:
    """The first of each key. What is carried was found fresh before; what is sealed is in the runs."""
    both = pa.concat_tables([carried, taken])
    if not taken.num_rows:
        return _Fresh(both, 0)
    keys = runs.keys_of(both["key"])
    keep = runs.first_of_each(keys)
    new = np.arange(len(keys)) >= carried.num_rows
    keep[new] &= ~runs.known(sealer.files, known, keys.take(new))
    return _Fresh(both.filter(pa.array(keep)), int((~keep).sum()))


def _close(
    sealer: Sealer, lease: Lease, fresh: _Fresh, position: int, known: Sequence[runs.Run], *, close_all: bool
) -> tuple[Seal, int]:
    """Turn complete sessions into durable segments; the seal that makes them visible, and their fragments."""
    records = fresh.records
    if not records.num_rows:
        return Seal(lease, Progress(position, 0, fresh.duplicates, (), None, None), (), None, ()), 0
    groups = group(records, sealer.rules)
    complete = _complete(sealer, records, groups, close_all=close_all)
    placed = _place(sealer, lease.scope, records, groups, complete)
    point("seal.sessions_closed")
    segments = _write_segments(sealer, lease, records, groups, placed)
    progress = _progress(sealer, groups, complete, records, position, fresh.duplicates)
    run = _write_run(sealer, lease, known, records, groups, complete) if segments else None
    grown = {p.joined.number: p.joined for p in placed if p.joined is not None}
    return Seal(lease, progress, segments, run, list(grown.values())), len(placed)


def _complete(sealer: Sealer, records: pa.Table, groups: Groups, *, close_all: bool) -> npt.NDArray[np.bool_]:
    """Which groups to close: the complete ones, and the oldest open ones above the bounds on open records."""
    if close_all:
        return np.ones(len(groups), dtype=np.bool_)
    complete = groups.complete(sealer.clock.now(), sealer.rules)
    newest_first = np.argsort(-groups.last_arrived, kind="stable")
    weights = np.add.reduceat(text_bytes(records)[groups.order], groups.first[:-1])
    for sizes, most in (
        (groups.sizes(), sealer.settings.max_open_records),
        (weights, sealer.settings.max_open_bytes),
    ):
        over = np.cumsum(np.where(complete, 0, sizes)[newest_first]) > most
        complete[newest_first[over]] = True
    return complete


def _place(
    sealer: Sealer, scope: Scope, records: pa.Table, groups: Groups, complete: npt.NDArray[np.bool_]
) -> list[Placed]:
    """Complete groups with the sealed sessions that late ones join, in the order of the segments."""
    closing = _closing(records, groups, np.flatnonzero(complete))
    with sealer.database.read() as connection:
        sealed = SealedIndex(sealed_sessions(connection, scope, wanted(closing, sealer.rules)))
    joined = [sealed.join(c, sealer.rules) for c in closing]
    inherited = _inherited(sealer, scope, [session for session in joined if session is not None])
    placed = [
        Placed(c, session, {} if session is None else inherited[session.number])
        for c, session in zip(closing, joined, strict=True)
    ]
    return sorted(placed, key=lambda p: (day_of(p.start), p.start, p.closing.actor, p.closing.group))


def _closing(records: pa.Table, groups: Groups, indexes: npt.NDArray[np.intp]) -> list[Closing]:
    """Complete groups by actor and time, so that joining sees them in their order."""
    at = pa.array(groups.order[groups.first[indexes]])
    actors, names = records["actor_hash"].take(at).to_pylist(), records["session_id"].take(at).to_pylist()
    return [
        Closing(
            int(index),
            actor,
            name or None,
            int(groups.start[index]),
            int(groups.end[index]),
            bool(groups.ended[index]),
        )
        for index, actor, name in zip(indexes, actors, names, strict=True)
    ]


def _inherited(sealer: Sealer, scope: Scope, joined: Sequence[SealedSession]) -> dict[int, dict[str, Any]]:
    """What the first fragments of some sessions say of device, version and place, by session number."""
    found: dict[int, dict[str, Any]] = {}
    with sealer.database.read() as connection:
        by_number = snapshots.segments_by_number(connection, scope, sorted({s.segment for s in joined}))
    for number, members in groupby(sorted(joined, key=lambda s: s.segment), key=lambda s: s.segment):
        found |= _first_fragments(sealer, by_number.get(number), [session.number for session in members])
    return found


def _first_fragments(sealer: Sealer, segment: Segment | None, numbers: Sequence[int]) -> dict[int, dict[str, Any]]:
    """Session values of some sessions of one segment; nothing of a segment that is gone, which is no reason to stop."""
    nothing: dict[int, dict[str, Any]] = {number: {} for number in numbers}
    if segment is None:
        return nothing
    try:
        with open_segment(sealer.files, segment) as file:
            rows = fragments_of_sessions(file, segment, numbers)
    except FileNotFoundError:
        return nothing
    return nothing | {number: _session_values(row) for number, row in rows.items()}


def _session_values(row: dict[str, Any]) -> dict[str, Any]:
    """A stored fragment as the session object that would make it."""
    return {
        f.source.removeprefix("session."): json_value(row[f.name]) if f.kind == "json" else row[f.name]
        for f in SESSION_INPUTS
        if row.get(f.name) is not None
    }


def _write_segments(
    sealer: Sealer, lease: Lease, records: pa.Table, groups: Groups, placed: Sequence[Placed]
) -> list[NewSegment]:
    """One segment per day of session start."""
    first_seen: dict[bytes, int] = {}
    for p in placed:
        first_seen[p.closing.actor] = min(p.closing.start, first_seen.get(p.closing.actor, p.closing.start))
    actors = number_actors(sealer.database, lease.scope, first_seen)
    written = []
    for day, members in groupby(placed, key=lambda p: day_of(p.start)):
        of_day = list(members)
        fragments = fragments_table(records, groups, of_day, actors)
        written.append(_write_segment(sealer, lease, day, fragments, of_day))
        point("seal.segment_written")
    return written


def _write_segment(
    sealer: Sealer,
    lease: Lease,
    day: int,
    fragments: pa.Table,
    placed: Sequence[Placed],
) -> NewSegment:
    name = sealer.ids.new("seg", sealer.clock.now())
    key = f"{lease.scope.prefix}/segments/{day_name(day)}/{lease.shard.bucket}/{name}.parquet"
    location = write_segment(sealer.files, key, fragments)
    new = [
        NewSession(p.closing.actor, session_id, p.closing.session_id is None, p.closing.ended, p.start, p.end, row)
        for row, (p, session_id) in enumerate(zip(placed, fragments["session_id"].to_pylist(), strict=True))
        if p.joined is None
    ]
    return NewSegment(day, lease.shard.bucket, location, statistics_of(fragments), new)


def _progress(
    sealer: Sealer,
    groups: Groups,
    complete: npt.NDArray[np.bool_],
    records: pa.Table,
    position: int,
    duplicates: int,
) -> Progress:
    rows = _rows_of(groups, ~complete)
    open_records = records.take(pa.array(np.sort(rows)))
    return Progress(
        position=position,
        sealed=records.num_rows - len(rows),
        duplicates=duplicates,
        carry=pack_carry(open_records),
        open_since=int(groups.start[~complete].min()) if len(rows) else None,
        due_at=groups.due_at(~complete, sealer.rules),
    )


def _write_run(
    sealer: Sealer,
    lease: Lease,
    known: Sequence[runs.Run],
    records: pa.Table,
    groups: Groups,
    complete: npt.NDArray[np.bool_],
) -> NewRun:
    keys = runs.keys_of(records["key"].take(pa.array(_rows_of(groups, complete))))
    swallowed = runs.to_merge(known, len(keys))
    everything = runs.joined([keys, *(runs.read_run(sealer.files, run) for run in swallowed)])
    key = f"{lease.scope.prefix}/ids/{lease.shard.bucket}/{sealer.ids.new('run', sealer.clock.now())}"
    runs.write_run(sealer.files, key, everything)
    newest_at = int(groups.last_arrived[complete].max())
    return NewRun(key, len(everything), newest_at, swallowed)


def _delete_swallowed(sealer: Sealer, run: NewRun | None) -> None:
    """Only this shard's owner reads its runs, so what a committed run swallowed has no reader left."""
    for old in run.swallowed if run else ():
        sealer.files.delete(old.object)


def _rows_of(groups: Groups, which: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """Record rows of some groups."""
    owner = np.repeat(np.arange(len(groups)), groups.sizes())
    rows: npt.NDArray[np.int64] = groups.order[which[owner]]
    return rows
