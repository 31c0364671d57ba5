"""Accept: check a draft, say whose events they are, give each its dedupe key and its shard."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from msgspec import Struct

from tailrace.ingest.clocks import CLOCKS, ClockRules, timed
from tailrace.ingest.discretion import DISCRETION, Discretion, settle
from tailrace.ingest.draft import Draft, Rejected
from tailrace.ingest.flags import REPAIRED
from tailrace.ingest.problems import NAMES, Bounds, actor_of, missing, names_of, problems
from tailrace.ingest.rates import in_dollars
from tailrace.model.access import Scope
from tailrace.model.hashing import actor_hash, key_of_record, keys_of_ids
from tailrace.model.policy import LIMITS
from tailrace.model.shards import Shard
from tailrace.store.deadletters import DeadLetter
from tailrace.store.inbox import Submission
from tailrace.store.records import memory_of
from tailrace.store.schema import RECORD_SCHEMA

Mask = npt.NDArray[np.bool_]


class Door(Struct, frozen=True):
    """Where a batch comes in: the app, its shards, and its policy (bytes, records, keys of an object)."""

    scope: Scope
    shards: Sequence[Shard]
    max_text_bytes: int
    max_record_bytes: int
    max_body_bytes: int
    max_records: int = LIMITS["ingest.max_records"].default
    max_params: int = LIMITS["ingest.max_params"].default
    clocks: ClockRules = CLOCKS
    discretion: Discretion = DISCRETION

    @property
    def bounds(self) -> Bounds:
        """How large a record may be."""
        return Bounds(self.max_text_bytes, self.max_record_bytes, self.max_params)


class Origin(Struct, frozen=True):
    """What dead letters of a batch say of where they came from; `first_place` is the place of its first record."""

    source: str
    context: str
    first_place: int = 0


class Outcome(Struct, frozen=True):
    """What became of a batch: a submission for the inbox, and what was rejected, in order of place."""

    submission: Submission
    rejected: Sequence[Rejected]


def accept(
    door: Door,
    draft: Draft,
    raws: Sequence[bytes],
    origin: Origin,
    received_at: int,
    *,
    heard_at: int | None = None,
) -> Outcome:
    """Decide about every record of a batch. Nothing is stored yet.

    `heard_at` is when the batch came in (ms), if not now: by it, senders' clocks are told right or wrong.
    """
    found = problems(draft.table, door.bounds)
    rejected = sorted([*draft.rejected, *(Rejected(draft.places[row], why) for row, why in found.items())], key=_place)
    good = np.ones(draft.table.num_rows, dtype=np.bool_)
    good[list(found)] = False
    sessions, robots = settle(draft.table["session"], door.discretion)
    dropped = good & robots if door.discretion.bots == "drop" else np.zeros_like(good)
    heard = draft.collected if draft.collected is not None else heard_at or received_at
    records = _records(door, draft, np.flatnonzero(good & ~dropped), sessions, heard, received_at)
    dead = [
        DeadLetter(origin.source, origin.first_place + r.place, r.reason, raws[r.place], origin.context)
        for r in rejected
    ]
    size = memory_of(records) + sum(len(letter.raw) for letter in dead)
    submission = Submission(door.scope, received_at, _route(door.shards, records), dead, int(dropped.sum()), size)
    return Outcome(submission, rejected)


def _place(rejected: Rejected) -> int:
    return rejected.place


def _records(
    door: Door,
    draft: Draft,
    rows: npt.NDArray[np.intp],
    sessions: pa.ChunkedArray | pa.Array,
    heard: int | pa.Array,
    received_at: int,
) -> pa.Table:
    whole = len(rows) == draft.table.num_rows
    picked = pa.array(rows)
    table, repaired = _repair(draft.table if whole else draft.table.take(picked))
    repaired |= np.isin(rows, draft.mended) if len(draft.mended) else False
    actor = actor_of(table)
    keys = _keys(draft, rows, table, actor)
    heard = heard if whole or isinstance(heard, int) else heard.take(picked)
    time, flags = timed(table["time"], table["sent_at"], heard, received_at, door.clocks)
    made: Mapping[str, pa.Array | pa.ChunkedArray] = {
        "key": pa.array(keys, pa.binary(16)),
        "actor": actor,
        "actor_hash": _actor_hashes(door.scope, actor),
        "received_at": pa.repeat(received_at, len(rows)),
        "client_time": table["time"],
        "time": time,
        "flags": _flags(flags + repaired * REPAIRED),
        "session": sessions if whole else sessions.take(picked),
        "id": _ids(table["id"], keys),
        **in_dollars(table, door.discretion.rates, received_at),
    }
    said = {**{name: table[name] for name in table.column_names}, **made}
    fields = [f for f in RECORD_SCHEMA if f.name in said]
    return pa.Table.from_arrays([_typed(said[f.name], f.type) for f in fields], schema=pa.schema(fields))


def _repair(table: pa.Table) -> tuple[pa.Table, Mask]:
    """Names and ids without NUL, which no database takes as text; where there was one."""
    repaired = np.zeros(table.num_rows, dtype=np.bool_)
    if not pc.any(pc.match_substring(names_of(table), "\x00")).as_py():
        return table, repaired
    for name in NAMES:
        holds = _numpy(pc.fill_null(pc.match_substring(table[name], "\x00"), fill_value=False))
        if holds.any():
            column = pc.replace_substring(table[name], "\x00", "\ufffd")
            table = table.set_column(table.schema.get_field_index(name), name, column)
            repaired |= holds
    return table, repaired


def _flags(bits: npt.NDArray[np.int64]) -> pa.Array:
    """The bits; null where none is set."""
    return pa.array(bits, pa.int64(), mask=bits == 0)


def _typed(column: Any, kind: pa.DataType) -> pa.Array | pa.ChunkedArray:
    return column if column.type == kind else column.cast(kind)


def _keys(draft: Draft, rows: npt.NDArray[np.intp], table: pa.Table, actor: pa.ChunkedArray) -> list[bytes]:
    """The dedupe key of each row: of its id, else made by the source, else of its content and place."""
    ids = table["id"].to_pylist()
    if all(ids):
        return keys_of_ids(ids)
    actors, sent, times = actor.to_pylist(), table["sent_at"].to_pylist(), table["time"].to_pylist()
    return [
        keys_of_ids((name,))[0] if name else content_key(draft, int(row), actors[at], sent[at], times[at])
        for at, (name, row) in enumerate(zip(ids, rows, strict=True))
    ]


def content_key(draft: Draft, row: int, actor: str, sent_at: int | None, time: int | None) -> bytes:
    """The dedupe key of a row of a draft without an id: what its source made, else of its content and place."""
    if draft.keys is not None:
        return draft.keys[row]
    nonce = draft.nonce if time is None else b""
    return key_of_record(actor, sent_at, draft.places[row], nonce + draft.raw_of(row))


def _ids(ids: pa.ChunkedArray, keys: Sequence[bytes]) -> pa.ChunkedArray | pa.Array:
    if not missing(ids).any():
        return ids
    return pa.array([text or key.hex() for text, key in zip(ids.to_pylist(), keys, strict=True)], pa.string())


def _actor_hashes(scope: Scope, actor: pa.ChunkedArray) -> pa.Array:
    encoded = actor.combine_chunks().dictionary_encode()
    hashes = [actor_hash(scope.app_id, text) for text in encoded.dictionary.to_pylist()]
    return pa.array(hashes, pa.binary(16)).take(encoded.indices)


def _route(shards: Sequence[Shard], records: pa.Table) -> dict[int, pa.Table]:
    """Records by shard number, in their order."""
    if not records.num_rows:
        return {}
    if len(shards) == 1:
        return {shards[0].number: records}
    hashes = records["actor_hash"].to_pylist()
    masks = {shard.number: np.fromiter((shard.holds(h) for h in hashes), np.bool_, len(hashes)) for shard in shards}
    return {number: records.filter(pa.array(mask)) for number, mask in masks.items() if mask.any()}


def _numpy(column: pa.ChunkedArray) -> Mask:
    mask: Mask = column.to_numpy()
    return mask
