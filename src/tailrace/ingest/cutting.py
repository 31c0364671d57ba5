"""Which records of a complete session go into which of its fragments. Pure: arrays in, arrays out.

An export holds a row group at a time, and a fragment is never in two. So no fragment may be large, however much one
session holds: what does not fit into a fragment begins the next one of the same session.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from msgspec import Struct

from tailrace.columns.sizes import stretches, text_bytes
from tailrace.ingest.grouping import Groups

Ints = npt.NDArray[np.int64]


class Bounds(Struct, frozen=True):
    """The most events and bytes of text in a fragment and in a segment; one record at least, however large.

    Not settings: what reads segments counts on them.
    """

    fragment_events: int = 60_000
    fragment_bytes: int = 16 << 20
    segment_events: int = 250_000
    segment_bytes: int = 64 << 20


BOUNDS = Bounds()


class Stretch(Struct, frozen=True):
    """Records ``first:stop`` in the order of the groups, one after the other in one group; `size` is bytes of text."""

    first: int
    stop: int
    size: int

    def __len__(self) -> int:
        return self.stop - self.first


class Cutter:
    """Cuts groups of records to stretches that fit fragments. `outgrown` says which groups need more than one."""

    def __init__(self, records: pa.Table, groups: Groups, bounds: Bounds) -> None:
        self._groups = groups
        self._bounds = bounds
        self._weights = text_bytes(records)[groups.order]
        self.sizes: Ints = np.add.reduceat(self._weights, groups.first[:-1])
        self.outgrown = (groups.sizes() > bounds.fragment_events) | (self.sizes > bounds.fragment_bytes)

    def cut(self, group: int) -> Sequence[Stretch]:
        """The stretches of a group, in order of time: each but the last as full as it can be."""
        first, stop = int(self._groups.first[group]), int(self._groups.first[group + 1])
        if not self.outgrown[group]:
            return (Stretch(first, stop, int(self.sizes[group])),)
        mine = self._weights[first:stop]
        return [
            Stretch(first + start, first + end, int(mine[start:end].sum()))
            for start, end in stretches(mine, self._bounds.fragment_events, self._bounds.fragment_bytes)
        ]
