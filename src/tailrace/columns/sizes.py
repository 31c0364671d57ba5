"""How much text rows hold: what bounds memory, since everything else in a row is small."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc


def text_bytes(table: pa.Table) -> npt.NDArray[np.int64]:
    """Bytes of text in each row of a table."""
    sizes = np.zeros(table.num_rows, dtype=np.int64)
    for column in table.columns:
        if column.type == pa.string() and column.null_count < len(column):
            sizes += pc.fill_null(pc.binary_length(column), 0).to_numpy()
    return sizes


def stretches(sizes: npt.NDArray[np.int64], most_rows: int, most_bytes: int) -> Iterator[tuple[int, int]]:
    """Cut rows of these sizes to stretches ``start:stop`` within both bounds; one row at least, however large."""
    ends = np.cumsum(sizes)
    start = 0
    while start < len(sizes):
        before = ends[start - 1] if start else 0
        full = int(np.searchsorted(ends, before + most_bytes, side="right"))
        stop = min(max(full, start + 1), start + most_rows, len(sizes))
        yield start, stop
        start = stop
