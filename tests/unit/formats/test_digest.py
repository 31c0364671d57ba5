"""The digest of rows, from its documented formula."""

from hashlib import sha256
from itertools import accumulate

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from xxhash import xxh3_128

from tailrace.formats.digest import MODULUS, content_sha256, digest_rows

lines = st.lists(st.binary(max_size=9), max_size=8)
endings = st.sampled_from([b"", b"\n", b"\r\n"])


def digest(rows: list[bytes], ending: bytes = b"\n") -> int:
    """The digest of rows that end alike, from the bytes of their file."""
    bounds = np.array([0, *accumulate(len(row) + len(ending) for row in rows)])
    return digest_rows(memoryview(b"".join(row + ending for row in rows)), bounds, len(ending))


def by_hand(rows: list[bytes]) -> int:
    """The sum of the rows' hashes, each hash taken from its own hex digits."""
    return sum(int(xxh3_128(row).hexdigest(), 16) for row in rows) % 2**128


@given(lines, endings)
def test_the_formula_is_the_documented_one(rows: list[bytes], ending: bytes) -> None:
    """Count and sum of hashes, as stated text, through SHA-256; empty rows and rows with line ends are rows too."""
    total = digest(rows, ending)
    assert total == by_hand(rows)
    text = f"tailrace-rows-1 {len(rows)} {by_hand(rows):032x}"
    assert content_sha256(len(rows), total) == sha256(text.encode()).hexdigest()


@given(lines, st.randoms(use_true_random=False), st.integers(0, 8))
def test_order_and_cuts_do_not_matter(rows: list[bytes], chance: object, cut: int) -> None:
    """Rows in another order, digested in two parts, have the same digest; parts add up before the reduction."""
    other = rows.copy()
    chance.shuffle(other)  # type: ignore[attr-defined]
    parts = [digest(part) for part in (other[:cut], other[cut:])]
    assert content_sha256(len(rows), sum(parts)) == content_sha256(len(rows), by_hand(rows))


@given(lines, lines)
def test_other_rows_have_another_digest(one: list[bytes], other: list[bytes]) -> None:
    """A row lost, doubled or changed is seen: digests are equal only for equal multisets."""
    same = content_sha256(len(one), by_hand(one)) == content_sha256(len(other), by_hand(other))
    assert same == (sorted(one) == sorted(other))


def test_digests_are_golden() -> None:
    """These digests are in manifests that clients keep: they never change."""
    assert content_sha256(0, 0) == "8b2c3d66deb5e1cff757452efa7b3c66a3d05ff2d038eb9ecbccf3deaadeccf4"
    assert digest([b"a", b"b"]) == 0xF491C25375BAE8093E203DD2636ED25E
    assert MODULUS == 2**128
