"""Plain batches: small ones in which nothing is out of the ordinary, decided without Arrow.

The rules are those of `accept`, which alone can say which record breaks one, and why. Here looks that cost next to
nothing tell that no record of a batch can; wherever that is not sure, `accept` decides.
"""

from array import array
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import compress
from typing import Any

import pyarrow as pa
from msgspec import Struct

from tailrace.ingest.accept import Door, Origin, Outcome, accept, content_key
from tailrace.ingest.clocks import ClockRules, correction
from tailrace.ingest.discretion import Discretion, settled
from tailrace.ingest.draft import DRAFT_SCHEMA, Draft
from tailrace.ingest.flags import CORRECTED
from tailrace.ingest.problems import DEEPEST, EARLIEST, JSON_NAMES, LATEST, NAMES, SHORTEST_MEMBER, Bounds
from tailrace.ingest.rates import Rates, in_dollars
from tailrace.model.hashing import actor_hash, keys_of_ids
from tailrace.model.shards import Shard
from tailrace.store.inbox import Submission
from tailrace.store.lists import Columns, Lists, lists_of, shared_of, texts_of

MOST_ROWS = 5_000  # in a larger batch Arrow is as quick
MOST_BYTES = 16 << 20  # as Arrow columns; small texts that many records share can become large
_LETTER_BYTES = 4  # at most
_INT64 = range(-(1 << 63), 1 << 63)
_TYPES: Mapping[pa.DataType, type] = {pa.string(): str, pa.int64(): int, pa.float64(): float, pa.bool_(): bool}
_KINDS = {f.name: _TYPES[f.type] for f in DRAFT_SCHEMA} | {"client_time": int, "usd_rate": float}
_CODES = {int: "q", float: "d"}  # of arrays
_SHARED = ("session", "profile")  # texts that many records have
_SAME = ("sent_at", "session_end")  # mostly the same in all records of a batch
_MONEY = ("amount", "currency", "amount_usd")

_Columns = dict[str, Sequence[Any]]


class _Times(Struct, frozen=True):
    """When records happened, and the bits of `flags` that all of them have; None for none."""

    times: Sequence[int]
    flags: int | None


def accept_small(door: Door, draft: Draft, raws: Sequence[bytes], origin: Origin, received_at: int) -> Outcome:
    """Decide about a batch as `accept` does, without Arrow where it is small and plain."""
    return accept_plain(door, draft, received_at) or accept(door, draft, raws, origin, received_at)


def accept_plain(door: Door, draft: Draft, received_at: int) -> Outcome | None:
    """Decide about a batch that is small and plain; None of any other."""
    records = _plain(door, draft, received_at)
    if records is None:
        return None
    size = sum(lists.nbytes for lists in records.values())
    return Outcome(Submission(door.scope, received_at, records, nbytes=size), [])


def _plain(door: Door, draft: Draft, received_at: int) -> Mapping[int, Lists] | None:
    """The records of a batch by shard number; None where `accept` must look closer."""
    try:
        made = _made(door, draft, received_at)
    except (UnicodeEncodeError, OverflowError):  # half of a surrogate pair, or a number that no column holds
        return None
    return made if made and sum(lists.nbytes for lists in made.values()) <= MOST_BYTES else None


def _made(door: Door, draft: Draft, received_at: int) -> Mapping[int, Lists] | None:
    columns = _said(draft) if len(draft.places) <= door.max_records else None
    if columns is None or not _within(columns, door.bounds):
        return None
    timed = _timed(columns, received_at, door.clocks)
    sessions = _sessions(columns, door.discretion)
    if timed is None or sessions is None:
        return None
    actors = _actors(columns)
    keys = _keys(draft, columns, actors)
    hashes = {actor: actor_hash(door.scope.app_id, actor) for actor in set(actors)}
    same = {"received_at": received_at} | ({} if timed.flags is None else {"flags": timed.flags})
    columns |= sessions | _dollars(columns, door.discretion.rates, received_at)
    columns |= {"actor": actors, "client_time": columns["time"], "time": timed.times}
    columns["id"] = [text or key.hex() for text, key in zip(columns["id"], keys, strict=True)]
    wide = {"key": keys, "actor_hash": [hashes[actor] for actor in actors]}
    return {number: _packed(some, own, same) for number, some, own in _routed(door.shards, columns, wide)}


def _said(draft: Draft) -> _Columns | None:
    """The columns in which something is said; None where something is missing or of a wrong type."""
    if draft.rejected or draft.collected is not None or len(draft.mended) or not 0 < len(draft.places) <= MOST_ROWS:
        return None
    found = {}
    for name, column in draft.columns.items():
        if not draft.typed and not set(map(type, column)) <= {_KINDS.get(name), type(None)}:
            return None
        if column.count(None) < len(column):
            found[name] = column
    found.setdefault("id", [None] * len(draft.places))
    complete = all(name in found and None not in found[name] for name in ("event", "time"))
    return found if complete and all(found["event"]) and all(_actors(found)) else None


def _actors(columns: _Columns) -> Sequence[str]:
    """The device or anonymous id of each record, else the user id; empty where there is neither."""
    devices, users = (columns.get(name) for name in ("device_id", "user_id"))
    if devices is None or users is None or all(devices):
        return devices or users or [""]
    return [device or user or "" for device, user in zip(devices, users, strict=True)]


def _within(columns: _Columns, bounds: Bounds) -> bool:
    """Whether no record can be too large, too deep or too wide, no name hold NUL, no number be too long."""
    texts = {name: "".join(filter(None, column)) for name, column in columns.items() if _KINDS[name] is str}
    names = [name for name in NAMES if name in texts]
    numbers = (_there(column) for name, column in columns.items() if _KINDS[name] is int)
    return (
        (
            _LETTER_BYTES * sum(map(len, texts.values())) <= bounds.record_bytes  # all of them together
            or sum(_longest(columns[name]) for name in texts) <= bounds.record_bytes
        )
        and all("\x00" not in texts[name] and _longest(columns[name]) <= bounds.text_bytes for name in names)
        and all(_shallow(columns[name], bounds) for name in JSON_NAMES if name in texts)
        and all(number in _INT64 for column in numbers for number in (min(column), max(column)))
    )


def _there(column: Sequence[Any]) -> Sequence[Any]:
    return column if None not in column else [value for value in column if value is not None]


def _longest(texts: Sequence[str | None]) -> int:
    """How many bytes the longest text has at most."""
    return _LETTER_BYTES * max(map(len, filter(None, texts)), default=0)


def _shallow(texts: Sequence[str | None], bounds: Bounds) -> bool:
    """Whether no JSON text can be nested too deeply or have an object of too many keys."""
    short = min(2 * DEEPEST, bounds.keys * SHORTEST_MEMBER // _LETTER_BYTES)
    long = [text for text in texts if text and len(text) > short]
    return all(text.count("{") + text.count("[") <= DEEPEST and text.count(":") <= bounds.keys for text in long)


def _timed(columns: _Columns, heard: int, rules: ClockRules) -> _Times | None:
    """The times of records by a clock that is right; None where one of them cannot be, or is no time."""
    times = columns["time"]
    sent = set(columns.get("sent_at", (None,)))
    if len(sent) > 1 or min(times) < EARLIEST or max(times) > LATEST:
        return None
    (at,) = sent
    if at is not None and not EARLIEST <= at <= LATEST:
        return None
    slow = 0 if at is None else correction(heard - at, rules)
    if min(times) + slow < heard - rules.age or max(times) + slow > heard + rules.ahead:
        return None
    return _Times([time + slow for time in times], CORRECTED) if slow else _Times(times, None)


def _sessions(columns: _Columns, discretion: Discretion) -> _Columns | None:
    """The session texts as they may be kept; None if one is of a robot that is not to be kept."""
    texts = columns.get("session")
    if texts is None:
        return {}
    kept = {text: settled(text, discretion) for text in set(texts) if text is not None}
    if discretion.bots == "drop" and any(robot for _, robot in kept.values()):
        return None
    if all(text == after for text, (after, _) in kept.items()):
        return {}
    return {"session": [None if text is None else kept[text][0] for text in texts]}


def _dollars(columns: _Columns, rates: Rates, at: int) -> _Columns:
    """What amounts are in dollars; nothing where no record says an amount in a currency."""
    if not {"amount", "currency"} <= set(columns):
        return {}
    fields = [DRAFT_SCHEMA.field(name) for name in _MONEY if name in columns]
    table = pa.table([pa.array(columns[f.name], f.type) for f in fields], schema=pa.schema(fields))
    return {name: column.to_pylist() for name, column in in_dollars(table, rates, at).items()}


def _keys(draft: Draft, columns: _Columns, actors: Sequence[str]) -> list[bytes]:
    ids = columns["id"]
    if all(ids):
        return keys_of_ids(ids)
    times, sent = columns["time"], draft.values("sent_at")
    return [
        keys_of_ids((name,))[0] if name else content_key(draft, row, actors[row], sent[row], times[row])
        for row, name in enumerate(ids)
    ]


_Routed = tuple[int, _Columns, Mapping[str, Sequence[bytes]]]


def _routed(shards: Sequence[Shard], columns: _Columns, wide: Mapping[str, Sequence[bytes]]) -> Iterator[_Routed]:
    """Columns of the records of each shard that has any, with its number, in their order."""
    if len(shards) == 1:
        yield shards[0].number, columns, wide
        return
    for shard in shards:
        mask = list(map(shard.holds, wide["actor_hash"]))
        if any(mask):
            yield shard.number, _masked(columns, mask), _masked(wide, mask)


def _masked(columns: Mapping[str, Sequence[Any]], mask: Sequence[bool]) -> dict[str, Any]:
    return {name: list(compress(column, mask)) for name, column in columns.items()}


def _packed(columns: _Columns, wide: Mapping[str, Sequence[bytes]], same: dict[str, Any]) -> Lists:
    alike = {name: columns[name][0] for name in _SAME if name in columns and len(set(columns[name])) == 1}
    left = {name: column for name, column in columns.items() if name not in alike}
    made = Columns(
        len(columns["id"]), {name: b"".join(values) for name, values in wide.items()}, same={**same, **alike}
    )
    repeated = 0
    for name, column in left.items():
        kind = _KINDS.get(name, str)
        if kind in _CODES and None not in column:
            made.wide[name] = array(_CODES[kind], column).tobytes()
        elif name in _SHARED:
            made.shared[name] = shared_of(column)
            repeated += sum(len(text.encode()) * times for text, times in Counter(column).items() if text)
        elif kind is str:
            made.texts[name] = texts_of(column)
        else:
            made.each[name] = column
    return lists_of(made, min(columns["time"]), repeated)
