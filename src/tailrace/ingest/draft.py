"""Drafts: records that could be read, as columns, before accept has checked them."""

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
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


class Draft(Struct, frozen=True, dict=True):
    """Columns of `DRAFT_SCHEMA` by name, as lists or in Arrow; those in which nothing is said may be left out.

    Row i was record `places[i]` of its batch and reads `raw_of(i)`.

    `keys` are dedupe keys that the source made itself (a file's rows); otherwise accept makes them. `nonce` tells
    the batch from all others where nothing in it does: it enters the keys of records without an id and a time.
    `collected` is for records that do not come straight from their senders: when another server took each in (ms),
    null where its time is to be believed. `mended` are rows in whose names or ids something became U+FFFD. `typed`
    columns hold no value of another type for sure.
    """

    columns: Mapping[str, Sequence[Any] | pa.Array]
    places: Sequence[int]
    raw_of: Callable[[int], bytes]
    rejected: Sequence[Rejected]
    keys: Sequence[bytes] | None = None
    nonce: bytes = b""
    collected: pa.Array | None = None
    mended: Sequence[int] = ()
    typed: bool = False

    @cached_property
    def table(self) -> pa.Table:
        """The columns in Arrow; those that accept looks at are there also where nothing is said in them."""
        fields = [f for f in DRAFT_SCHEMA if f.name in self.columns or f.name in _ALWAYS]
        return pa.Table.from_arrays([self._array(f) for f in fields], schema=pa.schema(fields))

    def values(self, name: str) -> Sequence[Any]:
        """A column as values of Python."""
        found = self.columns.get(name)
        if found is None:
            return [None] * len(self.places)
        values: Sequence[Any] = found.to_pylist() if isinstance(found, pa.Array | pa.ChunkedArray) else found
        return values

    def _array(self, field: pa.Field) -> pa.Array | pa.ChunkedArray:
        found = self.columns.get(field.name)
        if found is None:
            return pa.nulls(len(self.places), field.type)
        return found if isinstance(found, pa.Array | pa.ChunkedArray) else pa.array(found, field.type)


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
    if sent_at is not None and "sent_at" not in columns:
        columns = {**columns, "sent_at": [sent_at] * len(places)}
    return Draft(columns, places, raw_of, rejected, keys)


def draft_small(raws: Sequence[bytes], limit: int, read: Callable[[Sequence[bytes]], Draft]) -> Draft:
    """Read records, but for those of more than `limit` bytes: they are rejected as they are, so that nothing that a
    sender makes of them fills the memory.
    """
    if max(map(len, raws), default=0) <= limit:
        return read(raws)
    small = [place for place, raw in enumerate(raws) if len(raw) <= limit]
    large = [Rejected(place, f"larger than {limit} bytes") for place, raw in enumerate(raws) if len(raw) > limit]
    draft = read([raws[place] for place in small])
    rejected = [Rejected(small[r.place], r.reason) for r in draft.rejected]
    return replace(draft, places=[small[place] for place in draft.places], rejected=[*rejected, *large])
