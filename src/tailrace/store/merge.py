"""Whole sessions: the fragments of a session, which several commits may have written, as one row.

Fragments of a session lie in segments of one day and bucket. Those that came late are few, so they are read first and
merged into the stream of first fragments, which comes in order of session number. What waits is bounded: a session
whose events do not fit into `LATE_BYTES` is given in several rows.
"""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from msgspec import Struct
from msgspec.structs import replace

from tailrace.columns.groups import Groups
from tailrace.columns.sizes import text_bytes
from tailrace.model.segment import Segment
from tailrace.store.batches import EventBatch, Ints, concat

LATE_BYTES = 32 << 20
MERGE_COLUMNS = ("session_number", "fragment")
# What a session's newest fragment knows best; for all else the first that knows anything counts.
_NEWEST = frozenset(("session_end", "session_duration_ms", "session_user_id"))

Mask = npt.NDArray[np.bool_]
Scan = Callable[[Segment], Iterator[EventBatch]]


def whole_sessions(scan: Scan, segments: Sequence[Segment]) -> Iterator[EventBatch]:
    """Batches in which each fragment stands for its whole session, in order of session number.

    `scan` gives the batches of a segment, uncut, with the columns of `MERGE_COLUMNS` among others; `segments` are all
    that can hold fragments of their sessions, in order.
    """
    late = _Late(scan, [segment for segment in segments if segment.statistics.late_fragments])
    for segment in segments:
        for batch in scan(segment):
            yield from _with_late(_firsts(batch), late)
    while late.waiting is not None:
        yield _merged([late.take(late.waiting.numbers[-1])])


def _firsts(batch: EventBatch) -> EventBatch:
    return _only(batch, batch.fragments["fragment"].to_numpy() == 0)


def _with_late(batch: EventBatch, late: "_Late") -> Iterator[EventBatch]:
    """A batch of first fragments with all late ones of their sessions, and of sessions between them."""
    numbers = batch.fragments["session_number"].to_numpy()
    while len(numbers) and late.waiting is not None and late.waiting.numbers[0] <= numbers[-1]:
        upto = min(numbers[-1], late.waiting.numbers[-1])
        yield _merged([_only(batch, numbers <= upto), late.take(upto)])
        batch = _only(batch, numbers > upto)
        numbers = batch.fragments["session_number"].to_numpy()
    if len(numbers):
        yield batch


class _Chunk(Struct, frozen=True):
    """Late fragments in order of session number and fragment."""

    batch: EventBatch
    numbers: Ints


class _Late:
    """The late fragments of some segments, in order, a bounded chunk at a time."""

    def __init__(self, scan: Scan, segments: Sequence[Segment]) -> None:
        self._scan = scan
        self._segments = segments
        self._chunks = self._read() if segments else iter(())
        self.waiting = next(self._chunks, None)

    def take(self, upto: int) -> EventBatch:
        """Those that wait up to a session number."""
        chunk = self.waiting
        if chunk is None:
            raise LookupError("no late fragment waits")
        mask = chunk.numbers <= upto
        taken = _only(chunk.batch, mask)
        self.waiting = (
            next(self._chunks, None) if mask.all() else _Chunk(_only(chunk.batch, ~mask), chunk.numbers[~mask])
        )
        return taken

    def _read(self) -> Iterator[_Chunk]:
        """Look at all of them for their sizes. What fits together is kept at once, else each chunk is read again."""
        there: list[EventBatch] = []
        places, sizes, total = [], [], 0
        for batch in self._all():
            places.append(_places(batch))
            sizes.append(_sizes(batch))
            total += int(sizes[-1].sum())
            there = [*there, batch] if total <= LATE_BYTES else []
        if there:
            yield _chunk(there)
        elif places:
            for first, last in _bounds(np.concatenate(places), np.concatenate(sizes)):
                yield _chunk(self._between(first, last))

    def _between(self, first: Ints, last: Ints) -> list[EventBatch]:
        """Late fragments from one place to another, both included."""
        found = []
        for batch in self._all():
            place = _places(batch)
            found.append(_only(batch, _reaches(place, first) & ~_exceeds(place, last)))
        return [batch for batch in found if batch.events.num_rows]

    def _all(self) -> Iterator[EventBatch]:
        for segment in self._segments:
            for batch in self._scan(segment):
                late = _only(batch, batch.fragments["fragment"].to_numpy() > 0)
                if late.events.num_rows:
                    yield late


def _chunk(batches: Sequence[EventBatch]) -> _Chunk:
    batch = _sorted(concat(batches))
    return _Chunk(batch, batch.fragments["session_number"].to_numpy())


def _bounds(place: Ints, size: Ints) -> Iterator[tuple[Ints, Ints]]:
    """First and last place of each chunk: about `LATE_BYTES`, cut inside a session only if it alone is larger."""
    order = np.lexsort((place[:, 1], place[:, 0]))
    place, size = place[order], size[order]
    before = np.cumsum(size) - size
    new = np.concatenate([[True], place[1:, 0] != place[:-1, 0]])
    begun = before[new][np.cumsum(new) - 1]  # what was before the session of each
    chunk = np.stack([begun // LATE_BYTES, (before - begun) // LATE_BYTES], axis=1)
    cuts = np.flatnonzero((chunk[1:] != chunk[:-1]).any(axis=1)) + 1
    for start, stop in zip([0, *cuts], [*cuts, len(place)], strict=True):
        yield place[start], place[stop - 1]


def _reaches(place: Ints, bound: Ints) -> Mask:
    """Which places are at a bound or after it."""
    reached: Mask = (place[:, 0] > bound[0]) | ((place[:, 0] == bound[0]) & (place[:, 1] >= bound[1]))
    return reached


def _exceeds(place: Ints, bound: Ints) -> Mask:
    """Which places are after a bound."""
    return _reaches(place, bound + np.array([0, 1]))


def _places(batch: EventBatch) -> Ints:
    """Session number and fragment of each row, as two columns."""
    return np.stack([batch.fragments["session_number"].to_numpy(), batch.fragments["fragment"].to_numpy()], axis=1)


def _sizes(batch: EventBatch) -> Ints:
    texts = text_bytes(batch.events).astype(np.float64)
    own = np.bincount(batch.parents, texts, batch.fragments.num_rows).astype(np.int64)
    sizes: Ints = own + text_bytes(batch.fragments)
    return sizes


def _only(batch: EventBatch, fragments: Mask) -> EventBatch:
    """The events of some fragments, with those fragments that have any."""
    kept = batch.keep(fragments[batch.parents])
    return kept.piece(0, kept.events.num_rows)


def _sorted(batch: EventBatch) -> EventBatch:
    """In order of session number and fragment."""
    place = _places(batch)
    rank = np.empty(len(place), dtype=np.int64)
    rank[np.lexsort((place[:, 1], place[:, 0]))] = np.arange(len(place))
    return batch.by_fragment(rank)


def _merged(batches: Sequence[EventBatch]) -> EventBatch:
    """Fragments of one session as one row, their events in order of fragment."""
    batch = _sorted(concat([one for one in batches if one.events.num_rows]))
    sessions = Groups.of(batch.fragments["session_number"].to_numpy())
    columns = [
        column.take(sessions.newest(column) if name in _NEWEST else sessions.oldest(column))
        for name, column in zip(batch.fragments.column_names, batch.fragments.columns, strict=True)
    ]
    fragments = pa.Table.from_arrays(columns, names=batch.fragments.column_names)
    return replace(batch, fragments=fragments, parent=pa.array(sessions.of_row[batch.parents]))
