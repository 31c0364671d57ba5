"""Fragments: complete groups of records as rows of a segment."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tailrace.ingest.grouping import Groups
from tailrace.ingest.joining import Closing
from tailrace.ingest.merging import json_text, merge_texts, with_defaults
from tailrace.model.fields import PROFILE_INPUTS, SESSION_INPUTS
from tailrace.store.schema import EVENT_STRUCT, SEGMENT_SCHEMA, STORED_EVENT_FIELDS
from tailrace.store.sessions import Actor, SealedSession

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Placed:
    """A complete group with its place: the sealed session that it joined, or None for a new one.

    `inherited` is what the sealed session was known to be.
    """

    closing: Closing
    joined: SealedSession | None
    inherited: Mapping[str, Any]

    @property
    def start(self) -> int:
        """Start of the whole session, ms."""
        return self.closing.start if self.joined is None else self.joined.start

    @property
    def end(self) -> int:
        """End of the whole session as known now, ms."""
        return self.closing.end if self.joined is None else self.joined.end


def fragments_table(
    records: pa.Table, groups: Groups, placed: Sequence[Placed], actors: Mapping[bytes, Actor]
) -> pa.Table:
    """A table of `SEGMENT_SCHEMA` with one row per placed group, in their order."""
    rows, lengths = _rows(groups, placed)
    taken = records.take(pa.array(rows))
    owner = np.repeat(np.arange(len(placed)), lengths)
    firsts = np.cumsum(lengths) - lengths
    columns: dict[str, Any] = _identity(taken, placed, actors, firsts)
    columns |= _context(taken, placed, owner)
    columns["session_user_id"] = _last_user(taken["user_id"], owner, len(placed))
    columns["events"] = _events(taken, lengths)
    arrays = [_column(columns, f, len(placed)) for f in SEGMENT_SCHEMA]
    return pa.Table.from_arrays(arrays, schema=SEGMENT_SCHEMA)


def generated_session_id(key: bytes) -> str:
    """The id of a session whose sender gave none, made from the dedupe key of its first event."""
    return blake2b(key, digest_size=16, person=b"session").hexdigest()


def _rows(groups: Groups, placed: Sequence[Placed]) -> tuple[Ints, Ints]:
    """Record rows of the placed groups one after the other, and the length of each."""
    indexes = np.array([p.closing.group for p in placed], dtype=np.int64)
    lengths = groups.sizes()[indexes]
    starts = np.repeat(groups.first[indexes] - (np.cumsum(lengths) - lengths), lengths)
    return groups.order[starts + np.arange(int(lengths.sum()))], lengths


def _identity(
    taken: pa.Table, placed: Sequence[Placed], actors: Mapping[bytes, Actor], firsts: Ints
) -> dict[str, Sequence[Any] | pa.Array]:
    at = pa.array(firsts)
    owners = [actors[p.closing.actor] for p in placed]
    return {
        "session_id": _session_ids(placed, taken["key"].take(at).to_pylist()),
        "device_id": taken["device_id"].take(at),
        "actor": taken["actor"].take(at),
        "session_start": [p.start for p in placed],
        "session_end": [p.end for p in placed],
        "session_duration_ms": [p.end - p.start for p in placed],
        "fragment": [0 if p.joined is None else p.joined.fragments - 1 for p in placed],
        "row_session_number": [None if p.joined is None else p.joined.number for p in placed],
        "user_number": [owner.number for owner in owners],
        "first_seen": [owner.first_seen for owner in owners],
    }


def _session_ids(placed: Sequence[Placed], keys: Sequence[bytes]) -> list[str]:
    return [
        p.joined.session_id if p.joined else p.closing.session_id or generated_session_id(key)
        for p, key in zip(placed, keys, strict=True)
    ]


def _context(taken: pa.Table, placed: Sequence[Placed], owner: Ints) -> dict[str, Sequence[Any]]:
    """Session and profile columns."""
    sessions = merge_texts(taken["session"], owner, len(placed))
    sessions = [
        with_defaults(s, dict(p.inherited)) if p.inherited else s for s, p in zip(sessions, placed, strict=True)
    ]
    profiles = merge_texts(taken["profile"], owner, len(placed))
    columns: dict[str, Sequence[Any]] = {
        f.name: _values(sessions, f.source.removeprefix("session."), f.kind) for f in SESSION_INPUTS
    }
    columns |= {f.name: _values(profiles, f.source.removeprefix("profile."), f.kind) for f in PROFILE_INPUTS}
    columns["profile"] = [json_text(profile or None) for profile in profiles]
    return columns


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
