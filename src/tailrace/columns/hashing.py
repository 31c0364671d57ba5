"""Hashes of columns of texts, in 64 bits, without a loop per text. They are part of what files show: they never change.

Each byte, plus one, is multiplied by a weight of its place; the sum modulo 2⁶⁴ is stirred. Weights are chance for this
purpose, so two different texts meet with odds of about 2⁻⁵⁶: among n texts in one app that is n²/2⁵⁷.
"""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

U64 = npt.NDArray[np.uint64]
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def text_hashes(texts: pa.Array) -> U64:
    """A hash per text; what is missing counts as empty."""
    filled = pc.fill_null(texts, "")
    if not len(filled):
        return np.empty(0, np.uint64)
    offsets = np.frombuffer(filled.buffers()[1], np.int32)[filled.offset : filled.offset + len(filled) + 1]
    data = np.frombuffer(filled.buffers()[2] or b"", np.uint8)[offsets[0] : offsets[-1]]
    bounds = (offsets - offsets[0]).astype(np.int64)
    lengths = np.diff(bounds)
    weights = stirred(np.arange(1, lengths.max() + 1, dtype=np.uint64) * _GOLDEN)
    places = np.arange(len(data)) - np.repeat(bounds[:-1], lengths)
    weighed = (data.astype(np.uint64) + np.uint64(1)) * weights[places]
    sums = np.concatenate([np.zeros(1, np.uint64), np.cumsum(weighed)])
    return stirred(sums[bounds[1:]] - sums[bounds[:-1]] + lengths.astype(np.uint64) * _GOLDEN)


def stirred(numbers: U64) -> U64:
    """Numbers whose bits each depend on all bits of the number before; different ones stay different."""
    mixed = numbers ^ (numbers >> np.uint64(30))
    mixed = mixed * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    found: U64 = mixed ^ (mixed >> np.uint64(31))
    return found
