"""Fragments: complete groups of records as rows of a segment."""

from collections.abc import Iterator, Mapping, Sequence
from hashlib import blake2b
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from msgspec import Struct

from tailrace.columns.sizes import stretches, text_bytes
from tailrace.ingest.cutting import Bounds, Stretch
from tailrace.ingest.grouping import Groups
from tailrace.ingest.joining import Closing
from tailrace.ingest.merging import json_text, merge_texts, with_defaults
from tailrace.model.clock import day_of
from tailrace.model.fields import PROFILE_INPUTS, SESSION_INPUTS, Field
from tailrace.store.schema import EVENT_STRUCT, SEGMENT_SCHEMA, STORED_EVENT_FIELDS
from tailrace.store.sessions import Actor, SealedSession

Ints = npt.NDArray[np.int64]

_CONTEXT_BYTES = 4 << 20  # of session and profile texts that are parsed at a time; one fragment at least
_CONTEXT = pa.schema(
    [SEGMENT_SCHEMA.field(f.name) for f in (*SESSION_INPUTS, *PROFILE_INPUTS)] + [SEGMENT_SCHEMA.field("profile")]
)


class Placed(Struct, frozen=True):
    """A fragment to be: part `part` of a complete group, and the sealed session that it joined, None for a new one."""

    closing: Closing
    joined: SealedSession | None
    part: int

    @property
    def start(self) -> int:
        """Start of the whole session, ms."""
        return self.closing.start if self.joined is None else self.joined.start

    @property
    def end(self) -> int:
        """End of the whole session as known now, ms."""
        return self.closing.end if self.joined is None else self.joined.end

    @property
    def fragment(self) -> int:
        """Its number in its session."""
        before = 0 if self.joined is None else self.joined.fragments - len(self.closing.parts)
        return before + self.part

    @property
    def records(self) -> Stretch:
        """Its records."""
        return self.closing.parts[self.part]

    @property
    def goes_on(self) -> bool:
        """Whether it is the first fragment of a new session and others follow in the same seal."""
        return self.joined is None and self.part == 0 and len(self.closing.parts) > 1

    @property
    def session_id(self) -> str:
        """The sender's id of its session, or a made one."""
        if self.joined is not None:
            return self.joined.session_id
        return self.closing.session_id or generated_session_id(self.closing.first_key)


def place(closing: Closing, joined: SealedSession | None) -> list[Placed]:
    """The fragments of a group, in their order."""
    return [Placed(closing, joined, part) for part in range(len(closing.parts))]


def parted(placed: Sequence[Placed], bounds: Bounds) -> Iterator[list[Placed]]:
    """Cut fragments to segments: each of one day and bounded, a fragment at least.

    A first fragment that goes on is the last of its segment, so that those after it can inherit what it says.
    """
    part: list[Placed] = []
    events = size = 0
    for p in placed:
        events, size = events + len(p.records), size + p.records.size
        full = events > bounds.segment_events or size > bounds.segment_bytes
        if part and (full or part[-1].goes_on or day_of(part[0].start) != day_of(p.start)):
            yield part
            part, events, size = [], len(p.records), p.records.size
        part.append(p)
    if part:
        yield part


def fragments_table(
    records: pa.Table,
    groups: Groups,
    placed: Sequence[Placed],
    actors: Mapping[bytes, Actor],
    inherited: Mapping[int, dict[str, Any]],
) -> pa.Table:
    """A table of `SEGMENT_SCHEMA` with one row per fragment, in their order.

    `inherited` is what the first fragments of sessions said of them, by group; what a fragment says itself wins.
    """
    rows, lengths = rows_of(groups, placed)
    taken = records.take(pa.array(rows))
    owner = np.repeat(np.arange(len(placed)), lengths)
    firsts = np.cumsum(lengths) - lengths
    columns: dict[str, Any] = _identity(taken, placed, actors, firsts)
    columns |= _context(taken, placed, lengths, inherited)
    columns["session_user_id"] = _last_user(taken["user_id"], owner, len(placed))
    columns["events"] = _events(taken, lengths)
    arrays = [_column(columns, f, len(placed)) for f in SEGMENT_SCHEMA]
    return pa.Table.from_arrays(arrays, schema=SEGMENT_SCHEMA)


def generated_session_id(key: bytes) -> str:
    """The id of a session whose sender gave none, made from the dedupe key of its first event."""
    return blake2b(key, digest_size=16, person=b"session").hexdigest()


def rows_of(groups: Groups, placed: Sequence[Placed]) -> tuple[Ints, Ints]:
    """Record rows of the fragments one after the other, and the length of each."""
    firsts = np.array([p.records.first for p in placed], dtype=np.int64)
    lengths = np.array([len(p.records) for p in placed], dtype=np.int64)
    starts = np.repeat(firsts - (np.cumsum(lengths) - lengths), lengths)
    return groups.order[starts + np.arange(int(lengths.sum()))], lengths


def _identity(
    taken: pa.Table, placed: Sequence[Placed], actors: Mapping[bytes, Actor], firsts: Ints
) -> dict[str, Sequence[Any] | pa.Array]:
    at = pa.array(firsts)
    owners = [actors[p.closing.actor] for p in placed]
    return {
        "session_id": [p.session_id for p in placed],
        "device_id": taken["device_id"].take(at),
        "actor": taken["actor"].take(at),
        "session_start": [p.start for p in placed],
        "session_end": [p.end for p in placed],
        "session_duration_ms": [p.end - p.start for p in placed],
        "fragment": [p.fragment for p in placed],
        "row_session_number": [None if p.joined is None else p.joined.number for p in placed],
        "user_number": [owner.number for owner in owners],
        "first_seen": [owner.first_seen for owner in owners],
    }


def _context(
    taken: pa.Table, placed: Sequence[Placed], lengths: Ints, inherited: Mapping[int, dict[str, Any]]
) -> dict[str, pa.ChunkedArray]:
    """Session and profile columns, made some fragments at a time: parsed, a text is many times as large."""
    ends = np.concatenate([[0], np.cumsum(lengths)])
    texts = np.add.reduceat(text_bytes(taken.select(["session", "profile"])), ends[:-1])
    tables = []
    for start, stop in stretches(texts, len(placed), _CONTEXT_BYTES):
        first, last = int(ends[start]), int(ends[stop])
        owner = np.repeat(np.arange(stop - start), lengths[start:stop])
        tables.append(_described(taken.slice(first, last - first), placed[start:stop], owner, inherited))
    return dict(zip(_CONTEXT.names, pa.concat_tables(tables).columns, strict=True))


def _described(
    taken: pa.Table, placed: Sequence[Placed], owner: Ints, inherited: Mapping[int, dict[str, Any]]
) -> pa.Table:
    sessions = merge_texts(taken["session"], owner, len(placed))
    defaults = [inherited.get(p.closing.group) for p in placed]
    sessions = [with_defaults(s, d) if d else s for s, d in zip(sessions, defaults, strict=True)]
    profiles = merge_texts(taken["profile"], owner, len(placed))
    columns = _members(sessions, SESSION_INPUTS, "session.") | _members(profiles, PROFILE_INPUTS, "profile.")
    columns["profile"] = [json_text(profile or None) for profile in profiles]
    return pa.Table.from_arrays([_column(columns, f, len(placed)) for f in _CONTEXT], schema=_CONTEXT)


def _members(objects: Sequence[dict[str, Any]], inputs: Sequence[Field], prefix: str) -> dict[str, Sequence[Any]]:
    """The members of objects as columns, those in which something is said."""
    said = set().union(*{id(value): value for value in objects}.values())
    keys = {f: f.source.removeprefix(prefix) for f in inputs}
    return {f.name: _values(objects, key, f.kind) for f, key in keys.items() if key in said}


def _values(objects: Sequence[dict[str, Any]], key: str, kind: str) -> list[Any]:
    values = [value.get(key) for value in objects]
    return [json_text(value) for value in values] if kind == "json" else values


def _last_user(users: pa.ChunkedArray, owner: Ints, count: int) -> list[str | None]:
    """The last user id of each fragment."""
    there = pc.is_valid(users).to_numpy()
    last = np.full(count, -1, dtype=np.int64)
    np.maximum.at(last, owner[there], np.flatnonzero(there))
    texts = users.take(pa.array(np.maximum(last, 0))).to_pylist() if len(users) else []
    return [text if row >= 0 else None for text, row in zip(texts, last, strict=True)]


def _events(taken: pa.Table, lengths: Ints) -> pa.Array:
    flat = taken.select([f.name for f in STORED_EVENT_FIELDS]).combine_chunks()
    arrays = [flat[name].combine_chunks() for name in flat.column_names]
    structs = pa.StructArray.from_arrays(arrays, fields=list(EVENT_STRUCT))
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), structs)


def _column(columns: Mapping[str, Any], field: pa.Field, rows: int) -> pa.Array | pa.ChunkedArray:
    if field.name not in columns:
        return pa.nulls(rows, field.type)
    values = columns[field.name]
    return values if isinstance(values, pa.Array | pa.ChunkedArray) else pa.array(values, field.type)
