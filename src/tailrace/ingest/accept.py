"""Accept: check a draft, say whose events they are, give each its dedupe key and its shard."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tailrace.columns.sizes import text_bytes
from tailrace.ingest.draft import Draft, Rejected
from tailrace.ingest.texts import depth
from tailrace.model.access import Scope
from tailrace.model.hashing import actor_hash, key_of_record, keys_of_ids
from tailrace.model.policy import LIMITS
from tailrace.model.shards import Shard
from tailrace.store.deadletters import DeadLetter
from tailrace.store.inbox import Submission
from tailrace.store.schema import RECORD_SCHEMA

NO_TIME = 1  # flag: the sender gave no time, so the received time stands in
REPAIRED = 2  # flag: a name or an id held NUL, which is U+FFFD now
_NAMES = ("event", "id", "user_id", "device_id", "session_id")
DEEPEST = 64  # levels of nesting in any JSON that is kept
_JSON = ("params", "session", "profile", "page_properties")
EARLIEST = -62_135_596_800_000  # year 1
LATEST = 253_402_300_799_999  # year 9999

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Door:
    """Where a batch comes in: the app, its shards, and its policy (bytes)."""

    scope: Scope
    shards: Sequence[Shard]
    max_text_bytes: int
    max_record_bytes: int
    max_body_bytes: int
    max_records: int = LIMITS["ingest.max_records"].default


@dataclass(frozen=True, slots=True)
class Origin:
    """What dead letters of a batch say of where they came from; `first_place` is the place of its first record."""

    source: str
    context: str
    first_place: int = 0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a batch: a submission for the inbox, and what was rejected, in order of place."""

    submission: Submission
    rejected: Sequence[Rejected]


def accept(door: Door, draft: Draft, raws: Sequence[bytes], origin: Origin, received_at: int) -> Outcome:
    """Decide about every record of a batch. Nothing is stored yet."""
    found = dict(_problems(door, draft))
    rejected = sorted([*draft.rejected, *(Rejected(draft.places[row], why) for row, why in found.items())], key=_place)
    good = np.ones(draft.table.num_rows, dtype=np.bool_)
    good[list(found)] = False
    records = _records(door, draft, np.flatnonzero(good), received_at)
    dead = [
        DeadLetter(origin.source, origin.first_place + r.place, r.reason, raws[r.place], origin.context)
        for r in rejected
    ]
    return Outcome(Submission(door.scope, received_at, _route(door.shards, records), dead), rejected)


def _place(rejected: Rejected) -> int:
    return rejected.place


def _problems(door: Door, draft: Draft) -> list[tuple[int, str]]:
    """Rows that break a rule, with the first rule that each breaks."""
    table = draft.table
    found: dict[int, str] = {}
    for mask, reason in (
        (_missing(table["event"]), "event: a name is needed"),
        (_missing(_actor(table)), "no identity: give device_id or user_id"),
        *((_outside(table[name]), f"{name}: not between the years 1 and 9999") for name in ("time", "sent_at")),
        *(_too_long(table, name, door.max_text_bytes) for name in _NAMES),
        (text_bytes(table) > door.max_record_bytes, f"larger than {door.max_record_bytes} bytes"),
        *((_too_deep(table[name]), f"{name}: nested deeper than {DEEPEST} levels") for name in _JSON),
    ):
        for row in np.flatnonzero(mask):
            found.setdefault(int(row), reason)
    return list(found.items())


def _missing(column: pa.ChunkedArray) -> Mask:
    return _numpy(pc.fill_null(pc.equal(pc.binary_length(column), 0), fill_value=True))


def _outside(column: pa.ChunkedArray) -> Mask:
    wrong = pc.or_(pc.less(column, EARLIEST), pc.greater(column, LATEST))
    return _numpy(pc.fill_null(wrong, fill_value=False))


def _too_long(table: pa.Table, name: str, limit: int) -> tuple[Mask, str]:
    over = pc.fill_null(pc.greater(pc.binary_length(table[name]), limit), fill_value=False)
    return _numpy(over), f"{name}: longer than {limit} bytes"


def _too_deep(column: pa.ChunkedArray) -> Mask:
    """Texts that nobody can be asked to parse. Brackets are counted first, and only suspects are walked."""
    if column.null_count == len(column):
        return np.zeros(len(column), dtype=np.bool_)
    brackets = pc.add(pc.count_substring(column, "{"), pc.count_substring(column, "["))
    mask = _numpy(pc.fill_null(pc.greater(brackets, DEEPEST), fill_value=False)).copy()
    for row in np.flatnonzero(mask):
        mask[row] = depth(column[int(row)].as_py().encode()) > DEEPEST
    return mask


def _actor(table: pa.Table) -> pa.ChunkedArray:
    """The device or anonymous id, else the user id."""
    device = table["device_id"]
    return pc.if_else(pc.fill_null(pc.greater(pc.binary_length(device), 0), fill_value=False), device, table["user_id"])


def _records(door: Door, draft: Draft, rows: npt.NDArray[np.intp], received_at: int) -> pa.Table:
    table, repaired = _repair(draft.table.take(pa.array(rows)) if len(rows) < draft.table.num_rows else draft.table)
    actor = _actor(table)
    keys = _keys(draft, rows, table, actor)
    made: Mapping[str, pa.Array | pa.ChunkedArray] = {
        "key": pa.array(keys, pa.binary(16)),
        "actor": actor,
        "actor_hash": _actor_hashes(door.scope, actor),
        "received_at": pa.repeat(received_at, len(rows)),
        "client_time": table["time"],
        "time": pc.fill_null(table["time"], received_at),
        "flags": _flags(_numpy(pc.is_null(table["time"])) * NO_TIME + repaired * REPAIRED),
        "id": _ids(table["id"], keys),
    }
    arrays = [_column(made, table, f, len(rows)) for f in RECORD_SCHEMA]
    return pa.Table.from_arrays(arrays, schema=RECORD_SCHEMA)


def _repair(table: pa.Table) -> tuple[pa.Table, Mask]:
    """Names and ids without NUL, which no database takes as text; where there was one."""
    repaired = np.zeros(table.num_rows, dtype=np.bool_)
    for name in _NAMES:
        holds = _numpy(pc.fill_null(pc.match_substring(table[name], "\x00"), fill_value=False))
        if holds.any():
            column = pc.replace_substring(table[name], "\x00", "\ufffd")
            table = table.set_column(table.schema.get_field_index(name), name, column)
            repaired |= holds
    return table, repaired


def _flags(bits: npt.NDArray[np.int64]) -> pa.Array:
    """The bits; null where none is set."""
    return pa.array(bits, pa.int64(), mask=bits == 0)


def _column(made: Mapping[str, Any], table: pa.Table, field: pa.Field, rows: int) -> pa.Array | pa.ChunkedArray:
    """A column that accept made, else that of the draft; a field that a later step makes is null."""
    if field.name in made:
        column = made[field.name]
        return column if column.type == field.type else column.cast(field.type)
    return table[field.name] if field.name in table.column_names else pa.nulls(rows, field.type)


def _keys(draft: Draft, rows: npt.NDArray[np.intp], table: pa.Table, actor: pa.ChunkedArray) -> list[bytes]:
    """The dedupe key of each row: of its id, else made by the source, else of its content and place."""
    ids = table["id"].to_pylist()
    if all(ids):
        return keys_of_ids(ids)
    actors, sent, times = actor.to_pylist(), table["sent_at"].to_pylist(), table["time"].to_pylist()

    def other(place: int, row: int) -> bytes:
        if draft.keys is not None:
            return draft.keys[row]
        nonce = draft.nonce if times[place] is None else b""
        return key_of_record(actors[place], sent[place], draft.places[row], nonce + draft.raw_of(row))

    return [keys_of_ids((ids[place],))[0] if ids[place] else other(place, int(row)) for place, row in enumerate(rows)]


def _ids(ids: pa.ChunkedArray, keys: Sequence[bytes]) -> pa.ChunkedArray | pa.Array:
    if not _missing(ids).any():
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
