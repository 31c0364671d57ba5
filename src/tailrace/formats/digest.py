"""Digest of the rows of a file, whatever their order: equal digests mean equal multisets of rows.

Each row, without what ends it, is hashed with XXH3-128; the hashes are added modulo 2**128; `content_sha256` is the
SHA-256 of the text ``tailrace-rows-1 <count> <sum as 32 hex digits>``. Anyone can compute it from the file alone.
"""

from hashlib import sha256

import numpy as np
import numpy.typing as npt
from xxhash import xxh3_128_digest

MODULUS = 1 << 128


def digest_rows(data: memoryview, bounds: npt.NDArray[np.int64], ending: int) -> int:
    """Sum of the hashes of rows: row i is ``data[bounds[i]:bounds[i + 1]]``, its last `ending` bytes left out.

    The one loop per row that there is: as far as may be in C, and added up by NumPy in lanes of 32 bits.
    """
    own = bounds - bounds[0]
    ends = (own[1:] - ending).tolist()
    rows = map(bytes(data[bounds[0] : bounds[-1]]).__getitem__, map(slice, own[:-1].tolist(), ends))
    lanes = np.frombuffer(b"".join(map(xxh3_128_digest, rows)), dtype=">u4").reshape(-1, 4)
    total = 0
    for lane in lanes.astype(np.uint64).sum(axis=0).tolist():
        total = (total << 32) + lane
    return total % MODULUS


def content_sha256(rows: int, total: int) -> str:
    """The digest of `rows` rows whose hashes add up to `total`."""
    return sha256(f"tailrace-rows-1 {rows} {total % MODULUS:032x}".encode()).hexdigest()
