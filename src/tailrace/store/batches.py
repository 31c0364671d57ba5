"""Batches: events with the fragments that hold them, and what can be done to them without looking at a row."""

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from msgspec import Struct

from tailrace.columns.sizes import stretches, text_bytes

BATCH_EVENTS = 12_288
BATCH_BYTES = 32 << 20

Ints = npt.NDArray[np.int64]


class EventBatch(Struct, frozen=True):
    """Events with the fragments that hold them: event i belongs to row `parent[i]` of `fragments`."""

    fragments: pa.Table
    parent: pa.Array
    events: pa.Table

    @property
    def parents(self) -> Ints:
        """`parent` as numbers."""
        rows: Ints = self.parent.to_numpy(zero_copy_only=False).astype(np.int64, copy=False)
        return rows

    def keep(self, mask: npt.NDArray[np.bool_]) -> "EventBatch":
        """The events of a mask; fragments stay, whether or not an event is left."""
        if mask.all():
            return self
        wanted = pa.array(mask)
        return EventBatch(self.fragments, self.parent.filter(wanted), self.events.filter(wanted))

    def take(self, rows: Ints) -> "EventBatch":
        """Some events, in this order; one may be there more than once."""
        wanted = pa.array(rows)
        return EventBatch(self.fragments, self.parent.take(wanted), self.events.take(wanted))

    def arranged(self, keys: Ints) -> "EventBatch":
        """Events in the order of keys, one per event; those of one key stay in order."""
        if (keys[1:] >= keys[:-1]).all():
            return self
        order = pa.array(np.argsort(keys, kind="stable"))
        return EventBatch(self.fragments, self.parent.take(order), self.events.take(order))

    def by_fragment(self, keys: Ints) -> "EventBatch":
        """Fragments in the order of keys, one per fragment, their events with them."""
        if (keys[1:] >= keys[:-1]).all():
            return self
        order = np.argsort(keys, kind="stable")
        place = np.empty(len(order), dtype=np.int64)
        place[order] = np.arange(len(order))
        moved = EventBatch(self.fragments.take(pa.array(order)), pa.array(place[self.parents]), self.events)
        return moved.arranged(moved.parents)

    def piece(self, start: int, stop: int) -> "EventBatch":
        """Events ``start..stop`` with just the fragments that they need."""
        used, local = np.unique(self.parents[start:stop], return_inverse=True)
        return EventBatch(
            self.fragments.take(pa.array(used)).combine_chunks(),
            pa.array(local.astype(np.int32)),
            self.events.slice(start, stop - start),
        )


def concat(batches: Sequence[EventBatch]) -> EventBatch:
    """Batches of the same columns as one."""
    counts = [batch.fragments.num_rows for batch in batches]
    before = np.concatenate([[0], np.cumsum(counts)])[:-1]
    parents = [batch.parents + first for batch, first in zip(batches, before, strict=True)]
    return EventBatch(
        pa.concat_tables([b.fragments for b in batches]).combine_chunks(),
        pa.array(np.concatenate(parents) if parents else np.empty(0, dtype=np.int64)),
        pa.concat_tables([b.events for b in batches]).combine_chunks(),
    )


def cut_events(batch: EventBatch) -> Iterator[EventBatch]:
    """Pieces that fit the cache, bounded in events and in the text that they become."""
    whole = EventBatch(batch.fragments, batch.parent, batch.events.combine_chunks())
    sizes = text_bytes(whole.events) + text_bytes(whole.fragments)[whole.parents]
    for start, stop in pieces(sizes):
        yield whole.piece(start, stop)


def cut_fragments(batch: EventBatch) -> Iterator[EventBatch]:
    """The same between fragments, which must be in order: one is cut only where it alone is too large."""
    whole = EventBatch(batch.fragments, batch.parent, batch.events.combine_chunks())
    sizes = text_bytes(whole.events)
    ends = np.searchsorted(whole.parents, np.arange(batch.fragments.num_rows), side="right")
    totals = np.diff(np.concatenate([[0], np.concatenate([[0], np.cumsum(sizes)])[ends]]))
    counts = np.diff(np.concatenate([[0], ends]))
    for first, last in pieces(totals + text_bytes(whole.fragments), counts):
        begin = int(ends[first - 1]) if first else 0
        for start, stop in pieces(sizes[begin : ends[last - 1]], most=1 << 62):
            yield whole.piece(begin + start, begin + stop)


def pieces(sizes: Ints, counts: Ints | None = None, most: int | None = None) -> Iterator[tuple[int, int]]:
    """Cut rows to pieces of at most `most` events (one per row unless `counts` says) and about `BATCH_BYTES`.

    A piece has one row at least.
    """
    return stretches(sizes, BATCH_EVENTS if most is None else most, BATCH_BYTES, counts)
