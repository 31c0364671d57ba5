"""Groups: rows that stand together because they have the same key."""

from typing import Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from msgspec import Struct

Ints = npt.NDArray[np.int64]


class Groups(Struct, frozen=True):
    """Runs of equal keys: each is the rows ``begins[i]:ends[i]``. `of_row` says to which run a row belongs."""

    begins: Ints
    ends: Ints
    of_row: Ints

    @classmethod
    def of(cls, keys: Ints) -> Self:
        """The runs of keys, which are in order."""
        new = np.concatenate([[True], keys[1:] != keys[:-1]])[: len(keys)]
        begins = np.flatnonzero(new)
        return cls(begins, np.append(begins, len(keys))[1:], np.cumsum(new) - 1)

    def newest(self, column: pa.ChunkedArray) -> pa.Array:
        """The row of the last value of each run; null where it has none."""
        rows = np.where(column.is_valid().to_numpy(), np.arange(len(column)), -1)
        place = np.maximum.accumulate(rows)[self.ends - 1]
        return pa.array(place, mask=place < self.begins)

    def oldest(self, column: pa.ChunkedArray) -> pa.Array:
        """The row of the first value of each run; null where it has none."""
        rows = np.where(column.is_valid().to_numpy(), np.arange(len(column)), len(column))
        place = np.minimum.accumulate(rows[::-1])[::-1][self.begins]
        return pa.array(place, mask=place >= self.ends)
