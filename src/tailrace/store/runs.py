"""Exact dedupe: sorted runs of 128-bit keys in immutable objects.

A run is a count n, then n high halves, then n low halves, little-endian 64-bit, sorted by (high, low). Looking up
maps the object and bisects it, so memory is bounded by what is asked, not by what is known. Four runs of like size
are merged into one, which keeps their number small.
"""

from collections.abc import Sequence
from contextlib import ExitStack

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from msgspec import Struct

from tailrace.files.base import Files
from tailrace.model.segment import CLEAR, Location

Halves = npt.NDArray[np.uint64]

MERGE_AT = 4
LARGEST_MERGE = 2_000_000  # keys; a merge takes some 50 bytes of memory for each


class Keys(Struct, frozen=True):
    """Keys as two arrays of 64-bit halves of equal length."""

    high: Halves
    low: Halves

    def __len__(self) -> int:
        return len(self.high)

    def take(self, which: npt.NDArray[np.intp] | npt.NDArray[np.bool_]) -> "Keys":
        """Some of the keys."""
        return Keys(self.high[which], self.low[which])


class Run(Struct, frozen=True):
    """A committed run: its object, how many keys it holds, and when the newest of them arrived, ms."""

    number: int
    object: str
    ids: int
    key_ref: str = CLEAR
    newest_at: int = 0

    @property
    def location(self) -> Location:
        """The whole object."""
        return Location(self.object, 0, 8 + 16 * self.ids, self.key_ref)


def keys_of(column: pa.ChunkedArray) -> Keys:
    """Keys from a column of 16-byte values without nulls."""
    data = b"".join(
        chunk.buffers()[1].to_pybytes()[16 * chunk.offset : 16 * (chunk.offset + len(chunk))] for chunk in column.chunks
    )
    halves = np.frombuffer(data, dtype="<u8").reshape(-1, 2)
    return Keys(np.ascontiguousarray(halves[:, 0]), np.ascontiguousarray(halves[:, 1]))


def first_of_each(keys: Keys) -> npt.NDArray[np.bool_]:
    """True where a key occurs for the first time."""
    order = np.lexsort((keys.low, keys.high))  # stable: equal keys stay in their order
    ordered = keys.take(order)
    new = np.ones(len(keys), dtype=np.bool_)
    new[1:] = (ordered.high[1:] != ordered.high[:-1]) | (ordered.low[1:] != ordered.low[:-1])
    first = np.empty(len(keys), dtype=np.bool_)
    first[order] = new
    return first


def known(files: Files, runs: Sequence[Run], keys: Keys) -> npt.NDArray[np.bool_]:
    """True where a key is in one of the runs."""
    order = np.argsort(keys.high, kind="stable")  # in order, look-ups walk through a run once instead of jumping in it
    ordered = keys.take(order)
    there = np.zeros(len(keys), dtype=np.bool_)
    for run in runs:
        with files.reader(run.location) as source:
            there |= _contains(_load(source), ordered)
    found = np.empty(len(keys), dtype=np.bool_)
    found[order] = there
    return found


def write_run(files: Files, object_key: str, keys: Keys) -> None:
    """Write keys, sorted, as a durable run."""
    order = np.lexsort((keys.low, keys.high))
    with files.create(object_key) as sink:
        sink.write(np.uint64(len(keys)).astype("<u8").tobytes())
        for half in (keys.high, keys.low):  # one after the other, so that only one of them is there twice
            sink.write(half[order].astype("<u8", copy=False).tobytes())


def with_runs(files: Files, keys: Keys, swallowed: Sequence[Run]) -> Keys:
    """Keys and those of some runs in one, in memory."""
    with ExitStack() as stack:
        loaded = [_load(stack.enter_context(files.reader(run.location))) for run in swallowed]
        parts = [keys, *loaded]
        return Keys(np.concatenate([p.high for p in parts]), np.concatenate([p.low for p in parts]))


def to_merge(runs: Sequence[Run], fresh: int) -> list[Run]:
    """The runs that a new run of `fresh` keys should swallow: those about as small, once there are enough of them.

    What comes of that may in turn be as large as enough others, so the number of runs grows only with the logarithm
    of what is known, until they are as large as a merge may be.
    """
    swallowed: list[Run] = []
    total = fresh
    while tier := _tier([run for run in runs if run not in swallowed], total):
        swallowed += tier
        total += sum(run.ids for run in tier)
    return swallowed


def _tier(runs: Sequence[Run], size: int) -> list[Run]:
    tier: list[Run] = []
    total = size
    for run in sorted((run for run in runs if run.ids <= 2 * size), key=lambda run: run.ids):
        total += run.ids
        if total > LARGEST_MERGE:
            break
        tier.append(run)
    return tier if len(tier) >= MERGE_AT - 1 else []


def _load(source: pa.NativeFile) -> Keys:
    buffer = source.read_buffer()
    count = int(np.frombuffer(buffer, dtype="<u8", count=1)[0])
    return Keys(
        np.frombuffer(buffer, dtype="<u8", count=count, offset=8),
        np.frombuffer(buffer, dtype="<u8", count=count, offset=8 + 8 * count),
    )


def _contains(run: Keys, keys: Keys) -> npt.NDArray[np.bool_]:
    """Bisect on the high halves, then walk the few run entries that share one."""
    found = np.zeros(len(keys), dtype=np.bool_)
    place = np.searchsorted(run.high, keys.high)
    waiting = np.arange(len(keys))
    while True:
        inside = place < len(run)
        waiting, place = waiting[inside], place[inside]
        alike = run.high[place] == keys.high[waiting]
        waiting, place = waiting[alike], place[alike]
        if not len(waiting):
            return found
        equal = run.low[place] == keys.low[waiting]
        found[waiting[equal]] = True
        waiting, place = waiting[~equal], place[~equal] + 1
