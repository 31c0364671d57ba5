"""Seal: drop duplicates, close complete sessions, write segments, commit them.

One seal takes what its shard carries over and a bounded stretch of its inbox. Nothing is visible and nothing is
forgotten before its one commit; killed anywhere else, the next seal begins with the same records.
"""

from collections.abc import Sequence
from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from msgspec import Struct

from tailrace.columns.sizes import stretches, text_bytes
from tailrace.config import SealSettings
from tailrace.db.engine import Database
from tailrace.files.base import Files
from tailrace.ingest.cutting import BOUNDS, Bounds, Cutter
from tailrace.ingest.fragments import Placed, fragments_table, parted, place
from tailrace.ingest.grouping import Groups, SessionRules, group
from tailrace.ingest.inheriting import Heritage, session_values
from tailrace.ingest.joining import Closing, SealedIndex, closings, wanted
from tailrace.ingest.profiling import Profiling, profiling
from tailrace.ingest.spool import Spool
from tailrace.model.access import Scope
from tailrace.model.clock import Clock, day_of
from tailrace.model.ids import Ids
from tailrace.model.objects import run_name, segment_name
from tailrace.model.points import point
from tailrace.store import inbox, runs, shards, snapshots
from tailrace.store.commits import NewRun, NewSegment, NewSession, Seal, commit
from tailrace.store.schema import RECORD_SCHEMA
from tailrace.store.segments import write_segment
from tailrace.store.sessions import sealed_sessions
from tailrace.store.shards import CarryPart, Lease, Progress, pack_carry
from tailrace.store.statistics import statistics_of

_MAX_BYTES = 40 << 20  # of records that one seal takes from the inbox
_CARRY_BYTES = 32 << 20  # of text that is packed at a time


class Sealer(Struct, frozen=True):
    """What sealing needs."""

    database: Database
    files: Files
    clock: Clock
    ids: Ids
    settings: SealSettings
    bounds: Bounds = BOUNDS

    @property
    def rules(self) -> SessionRules:
        """When a session is complete."""
        return SessionRules(self.settings.inactivity_ms, self.settings.longest_session_ms)


class Sealed(Struct, frozen=True):
    """What one seal did, in records. `seq` is None when nothing became visible; `more` when it left some in the inbox
    that were there when it began.
    """

    seq: int | None
    position: int
    taken: int
    events: int
    fragments: int
    duplicates: int
    open: int
    more: bool


class _Fresh(Struct, frozen=True):
    """Records without duplicates: those that were open already, then the new ones.

    `taken` counts what was read from the inbox up to `position`; with `more` that was not all.
    """

    records: pa.Table
    duplicates: int
    taken: int
    position: int
    more: bool


class _Remembered(Struct, frozen=True):
    """Runs of ids that are known, and runs that are past the horizon and leave with the next commit."""

    known: Sequence[runs.Run]
    past: Sequence[runs.Run]


def seal_shard(sealer: Sealer, lease: Lease, *, close_all: bool = False) -> Sealed:
    """Seal one stretch of a shard's inbox. With `close_all` every open session is closed now.

    Raises:
        FenceLost: another process took the shard meanwhile; nothing was changed.
    """
    scope, number = lease.scope, lease.shard.number
    ids = _remembered(sealer, scope, number)
    fresh = _fresh(sealer, lease, ids.known)
    with Spool() as texts:
        seal, fragments = _close(sealer, lease, fresh, ids, texts, close_all=close_all)
        seq = commit(sealer.database, seal)
    inbox.forget(sealer.database, scope, number, fresh.position)
    _delete_swallowed(sealer, seal.run)
    return Sealed(
        seq,
        fresh.position,
        fresh.taken,
        seal.progress.sealed,
        fragments,
        fresh.duplicates,
        seal.progress.open_records,
        fresh.more,
    )


def _remembered(sealer: Sealer, scope: Scope, shard: int) -> _Remembered:
    with sealer.database.read() as connection:
        found = snapshots.runs_of(connection, scope, shard)
    oldest = sealer.clock.now() - sealer.settings.dedupe_horizon_ms
    past = [run for run in found if run.newest_at < oldest]
    return _Remembered([run for run in found if run not in past], past)


def _fresh(sealer: Sealer, lease: Lease, known: Sequence[runs.Run]) -> _Fresh:
    """The first of each key. What is carried was found fresh before; what is sealed is in the runs."""
    with sealer.database.read() as connection:
        carried = shards.carried(connection, lease.scope, lease.shard)
    taken = inbox.take(
        sealer.database,
        lease.scope,
        lease.shard.number,
        lease.position,
        records=sealer.settings.max_records,
        raw_bytes=_MAX_BYTES,
    )
    keep = np.ones(carried.num_rows + taken.records.num_rows, dtype=np.bool_)
    if taken.records.num_rows:
        keys = runs.keys_of(pa.chunked_array([*carried["key"].chunks, *taken.records["key"].chunks], pa.binary(16)))
        keep = runs.first_of_each(keys)
        new = np.arange(len(keys)) >= carried.num_rows
        keep[new] &= ~runs.known(sealer.files, known, keys.take(new))
    columns = dict(zip(RECORD_SCHEMA.names, pa.concat_tables([carried, taken.records]).columns, strict=True))
    counts = int((~keep).sum()), taken.records.num_rows, taken.position, taken.more
    del carried, taken
    return _Fresh(_kept(columns, keep), *counts)


def _kept(columns: dict[str, pa.ChunkedArray], keep: npt.NDArray[np.bool_]) -> pa.Table:
    """Some rows in one piece. Columns leave `columns` one by one, so that only one of them is there twice."""
    mask = None if keep.all() else pa.array(keep)
    arrays = []
    for name in RECORD_SCHEMA.names:
        column = columns.pop(name)
        arrays.append((column if mask is None else column.filter(mask)).combine_chunks())
    return pa.Table.from_arrays(arrays, schema=RECORD_SCHEMA)


def _close(
    sealer: Sealer, lease: Lease, fresh: _Fresh, ids: _Remembered, texts: Spool, *, close_all: bool
) -> tuple[Seal, int]:
    """Turn complete sessions into durable segments; the seal that makes them visible, and their fragments."""
    records = fresh.records
    if not records.num_rows:
        return Seal(lease, Progress(fresh.position, 0, fresh.duplicates, (), None, None), (), None, ()), 0
    groups = group(records, sealer.rules)
    cutter = Cutter(records, groups, sealer.bounds)
    complete = _complete(sealer, groups, cutter, close_all=close_all)
    placed, ends = _place(sealer, lease.scope, closings(records, groups, cutter, np.flatnonzero(complete)))
    point("seal.sessions_closed")
    profiles = profiling(sealer.database, lease.scope, records, groups, placed, ends, texts)
    segments = _write_segments(sealer, lease, profiles, groups, placed)
    progress = _progress(sealer, groups, complete, fresh)
    run = _write_run(sealer, lease, ids, records, groups, complete) if segments else None
    grown = {p.joined.number: p.joined for p in placed if p.joined is not None}
    return Seal(lease, progress, segments, run, list(grown.values()), profiles.changes()), len(placed)


def _complete(sealer: Sealer, groups: Groups, cutter: Cutter, *, close_all: bool) -> npt.NDArray[np.bool_]:
    """Which groups to close: the complete ones, and the oldest open ones above the bounds on open records.

    Also those that fill a fragment, for waiting could not bring them into one.
    """
    if close_all:
        return np.ones(len(groups), dtype=np.bool_)
    complete = groups.complete(sealer.clock.now(), sealer.rules) | cutter.outgrown
    newest_first = np.argsort(-groups.last_arrived, kind="stable")
    for sizes, most in (
        (groups.sizes(), sealer.settings.max_open_records),
        (cutter.sizes, sealer.settings.max_open_bytes),
    ):
        over = np.cumsum(np.where(complete, 0, sizes)[newest_first]) > most
        complete[newest_first[over]] = True
    return complete


def _place(sealer: Sealer, scope: Scope, closing: Sequence[Closing]) -> tuple[list[Placed], dict[int, int]]:
    """Fragments of complete groups with the sealed sessions that late ones join, in the order of the segments.

    Those of one group stand together: commit and scan count on it for the numbers of new sessions. Also when the
    sealed sessions ended before, by number (ms).
    """
    with sealer.database.read() as connection:
        sealed = sealed_sessions(connection, scope, wanted(closing, sealer.rules))
    index = SealedIndex(sealed)
    placed = [p for c in closing for p in place(c, index.join(c, sealer.rules))]
    placed.sort(key=lambda p: (day_of(p.start), p.start, p.closing.actor, p.closing.group, p.part))
    return placed, {session.number: session.end for session in sealed}


def _write_segments(
    sealer: Sealer, lease: Lease, profiles: Profiling, groups: Groups, placed: Sequence[Placed]
) -> list[NewSegment]:
    """Segments of bounded size, each of one day of session start."""
    written = []
    begun: dict[int, dict[str, Any]] = {}
    most = sealer.bounds.segment_bytes
    heritage = Heritage(sealer.database, sealer.files, lease.scope, most)
    first = 0
    for members, inherited in chain.from_iterable(map(heritage.divide, parted(placed, sealer.bounds))):
        fragments = fragments_table(profiles.records, groups, members, profiles.actors, begun | inherited)
        for some, described in profiles.described(members, first, fragments, most):
            written.append(_write_segment(sealer, lease, described, some))
            point("seal.segment_written")
        first += len(members)
        if members[-1].goes_on:
            (row,) = fragments.drop_columns("events").slice(len(members) - 1).to_pylist()
            begun = {members[-1].closing.group: session_values(row)}
    return written


def _write_segment(sealer: Sealer, lease: Lease, fragments: pa.Table, placed: Sequence[Placed]) -> NewSegment:
    day = day_of(placed[0].start)
    name = sealer.ids.new("seg", sealer.clock.now())
    key = segment_name(lease.scope, day, lease.shard.bucket, lease.fence, name)
    location = write_segment(sealer.files, key, fragments)
    new = [
        NewSession(
            p.closing.actor,
            p.session_id,
            p.closing.session_id is None,
            p.closing.ended,
            p.start,
            p.end,
            len(p.closing.parts),
            row,
        )
        for row, p in enumerate(placed)
        if p.joined is None and p.part == 0
    ]
    return NewSegment(day, lease.shard.bucket, location, statistics_of(fragments), new)


def _progress(sealer: Sealer, groups: Groups, complete: npt.NDArray[np.bool_], fresh: _Fresh) -> Progress:
    rows = np.sort(_rows_of(groups, ~complete))
    return Progress(
        position=fresh.position,
        sealed=fresh.records.num_rows - len(rows),
        duplicates=fresh.duplicates,
        carry=_carry(fresh.records, rows),
        open_since=int(groups.start[~complete].min()) if len(rows) else None,
        due_at=groups.due_at(~complete, sealer.rules),
    )


def _carry(records: pa.Table, rows: npt.NDArray[np.int64]) -> list[CarryPart]:
    """Open records, packed some at a time."""
    sizes = text_bytes(records)[rows]
    pieces = (records.take(pa.array(rows[start:stop])) for start, stop in stretches(sizes, len(rows), _CARRY_BYTES))
    return [part for piece in pieces for part in pack_carry(piece)]


def _write_run(
    sealer: Sealer,
    lease: Lease,
    ids: _Remembered,
    records: pa.Table,
    groups: Groups,
    complete: npt.NDArray[np.bool_],
) -> NewRun:
    keys = runs.keys_of(records["key"].take(pa.array(_rows_of(groups, complete))))
    swallowed = runs.to_merge(ids.known, len(keys))
    everything = runs.with_runs(sealer.files, keys, swallowed)
    key = run_name(lease.scope, lease.shard.bucket, lease.fence, sealer.ids.new("run", sealer.clock.now()))
    runs.write_run(sealer.files, key, everything)
    newest_at = max([int(groups.last_arrived[complete].max()), *(run.newest_at for run in swallowed)])
    return NewRun(key, len(everything), newest_at, [*swallowed, *ids.past])


def _delete_swallowed(sealer: Sealer, run: NewRun | None) -> None:
    """Only this shard's owner reads its runs, so what a committed run swallowed has no reader left."""
    for old in run.swallowed if run else ():
        sealer.files.delete(old.object)


def _rows_of(groups: Groups, which: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """Record rows of some groups."""
    owner = np.repeat(np.arange(len(groups)), groups.sizes())
    rows: npt.NDArray[np.int64] = groups.order[which[owner]]
    return rows
