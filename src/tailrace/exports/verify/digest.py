"""The digest of rows, written down a second time from its description, so that it proves what the engine computed."""

from collections.abc import Iterable
from hashlib import sha256

from xxhash import xxh3_128_intdigest

MODULUS = 1 << 128


def sum_of(rows: Iterable[bytes]) -> int:
    """The hashes of rows, without what ends them, added up."""
    return sum(map(xxh3_128_intdigest, rows)) % MODULUS


def content_sha256(rows: int, total: int) -> str:
    """The digest of `rows` rows whose hashes add up to `total`."""
    return sha256(f"tailrace-rows-1 {rows} {total % MODULUS:032x}".encode()).hexdigest()
