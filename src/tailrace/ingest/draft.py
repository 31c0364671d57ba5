"""Drafts: records that could be read, as columns, before accept has checked them."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pyarrow as pa
from msgspec import Struct
from msgspec.structs import replace

from tailrace.store.schema import RECORD_SCHEMA

_MADE_BY_ACCEPT = frozenset(
    ("key", "actor_hash", "actor", "received_at", "client_time", "flags", "usd_rate", "until_first_ms")
)
DRAFT_SCHEMA = pa.schema([f for f in RECORD_SCHEMA if f.name not in _MADE_BY_ACCEPT])
# Columns that accept looks at, so that every draft has them.
_ALWAYS = frozenset(("event", "id", "time", "sent_at", "user_id", "device_id", "session_id", "session", "session_end"))
_ALWAYS |= {"profile", "params", "page_properties", "kind"}


class Rejected(Struct, frozen=True):
    """A record that cannot be taken: its place in the batch, and why."""

    place: int
    reason: str


class Draft(Struct, frozen=True):
    """Columns of `DRAFT_SCHEMA`, those in which nothing is said left out but for the ones that accept looks at; row i
    was record `places[i]` of its batch and reads `raw_of(i)`.

    `keys` are dedupe keys that the source made itself (a file's rows); otherwise accept makes them. `nonce` tells
    the batch from all others where nothing in it does: it enters the keys of records without an id and a time.
    `collected` is for records that do not come straight from their senders: when another server took each in (ms),
    null where its time is to be believed. `mended` are rows in whose names or ids something became U+FFFD.
    """

    table: pa.Table
    places: Sequence[int]
    raw_of: Callable[[int], bytes]
    rejected: Sequence[Rejected]
    keys: Sequence[bytes] | None = None
    nonce: bytes = b""
    collected: pa.Array | None = None
    mended: Sequence[int] = ()


def draft_of(
    columns: Mapping[str, Sequence[Any] | pa.Array],
    *,
    sent_at: int | None,
    places: Sequence[int],
    raw_of: Callable[[int], bytes],
    rejected: Sequence[Rejected],
    keys: Sequence[bytes] | None = None,
) -> Draft:
    """A draft from the columns that there are; the others say nothing."""
    rows = len(places)
    fields = [f for f in DRAFT_SCHEMA if f.name in columns or f.name in _ALWAYS]
    arrays = [_array(columns, f, rows, sent_at) for f in fields]
    return Draft(pa.Table.from_arrays(arrays, schema=pa.schema(fields)), places, raw_of, rejected, keys)


def _array(columns: Mapping[str, Sequence[Any] | pa.Array], field: pa.Field, rows: int, sent_at: int | None) -> Any:
    if field.name in columns:
        values = columns[field.name]
        return values if isinstance(values, pa.Array | pa.ChunkedArray) else pa.array(values, field.type)
    if field.name == "sent_at" and sent_at is not None:
        return pa.repeat(sent_at, rows)
    return pa.nulls(rows, field.type)


def draft_small(raws: Sequence[bytes], limit: int, read: Callable[[Sequence[bytes]], Draft]) -> Draft:
    """Read records, but for those of more than `limit` bytes: they are rejected as they are, so that nothing that a
    sender makes of them fills the memory.
    """
    if all(len(raw) <= limit for raw in raws):
        return read(raws)
    small = [place for place, raw in enumerate(raws) if len(raw) <= limit]
    large = [Rejected(place, f"larger than {limit} bytes") for place, raw in enumerate(raws) if len(raw) > limit]
    draft = read([raws[place] for place in small])
    rejected = [Rejected(small[r.place], r.reason) for r in draft.rejected]
    return replace(draft, places=[small[place] for place in draft.places], rejected=[*rejected, *large])
