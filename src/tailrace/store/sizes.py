"""How much text rows hold: what bounds memory, since everything else in a row is small."""

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
