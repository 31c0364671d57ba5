"""Digest of the rows of a file, whatever their order: equal digests mean equal multisets of rows.

Each line, without its newline, is hashed with XXH3-128; the hashes are added modulo 2**128; `content_sha256` is the
SHA-256 of the text ``tailrace-rows-1 <count> <sum as 32 hex digits>``. Anyone can compute it from the file alone.
"""

from hashlib import sha256

from xxhash import xxh3_128_intdigest

MODULUS = 1 << 128


def digest_lines(data: bytes) -> int:
    """Sum of the hashes of lines, each of which ends with a newline."""
    return sum(map(xxh3_128_intdigest, data[:-1].split(b"\n"))) % MODULUS if data else 0


def content_sha256(rows: int, total: int) -> str:
    """The digest of `rows` rows whose hashes add up to `total`."""
    return sha256(f"tailrace-rows-1 {rows} {total % MODULUS:032x}".encode()).hexdigest()
