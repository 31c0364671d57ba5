"""Hashes of columns of texts."""

import numpy as np
import pyarrow as pa
import pytest

from tailrace.columns.hashing import stirred, text_hashes

MASK = (1 << 64) - 1
GOLDEN = 0x9E3779B97F4A7C15
GOLDEN_HASH = 4332724555445322582


def mixed(number: int) -> int:
    """Splitmix64's finish, by Python's own numbers."""
    number ^= number >> 30
    number = number * 0xBF58476D1CE4E5B9 & MASK
    number ^= number >> 27
    number = number * 0x94D049BB133111EB & MASK
    return number ^ number >> 31


def plain(text: str) -> int:
    """What the module's docstring says, byte by byte."""
    data = text.encode()
    total = sum((byte + 1) * mixed((place + 1) * GOLDEN & MASK) for place, byte in enumerate(data))
    return mixed((total + len(data) * GOLDEN) & MASK)


@pytest.mark.parametrize("texts", [["a", "", "ab", "ba", "é" * 500, "a"], [""], [], [None, "x"]])
def test_hashes_are_those_of_a_loop(texts: list[str | None]) -> None:
    """A column has the hashes that a loop over its bytes has; what is missing is empty, slices change nothing."""
    wanted = [plain(text or "") for text in texts]
    assert text_hashes(pa.array(texts, pa.string())).tolist() == wanted
    assert text_hashes(pa.array(["zz", *texts], pa.string()).slice(1)).tolist() == wanted


def test_hashes_never_change() -> None:
    """They are in files that clients keep: a text has the same hash in every release."""
    assert text_hashes(pa.array(["state-1"])).tolist() == [plain("state-1")] == [GOLDEN_HASH]


def test_different_texts_have_different_hashes() -> None:
    """Among a hundred thousand ids of one kind no two meet, and their low bits are spread evenly."""
    hashes = text_hashes(pa.array([f"d{n}" for n in range(100_000)]))
    assert len(np.unique(hashes)) == 100_000
    counts = np.bincount((hashes % np.uint64(1000)).astype(np.int64), minlength=1000)
    assert counts.min() > 50
    assert counts.max() < 150
    assert len(np.unique(stirred(np.arange(1000, dtype=np.uint64)))) == 1000
