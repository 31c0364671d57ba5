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


def stretches(
    sizes: npt.NDArray[np.int64], most: int, most_bytes: int, counts: npt.NDArray[np.int64] | None = None
) -> Iterator[tuple[int, int]]:
    """Cut rows of these sizes to stretches ``start:stop`` within both bounds; one row at least, however large.

    `most` bounds the rows, or the sum of `counts` where a row counts for several.
    """
    bytes_to = np.concatenate([[0], np.cumsum(sizes)])
    count_to = np.arange(len(sizes) + 1) if counts is None else np.concatenate([[0], np.cumsum(counts)])
    start = 0
    while start < len(sizes):
        full = int(np.searchsorted(bytes_to, bytes_to[start] + most_bytes, side="right")) - 1
        many = int(np.searchsorted(count_to, count_to[start] + most, side="right")) - 1
        stop = max(min(full, many), start + 1)
        yield start, stop
        start = stop
