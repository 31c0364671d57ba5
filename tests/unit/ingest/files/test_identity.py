"""Rows without an id are told apart by their content and by which of their equals they are."""

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailrace.ingest.files.identity import occurrences
from tailrace.model.hashing import keys_of_rows, occurrence_key
from tests.effort import again

Blocks = list[list[bytes]]


def keys(blocks: Blocks, scratch: Path | None = None) -> list[bytes]:
    with occurrences(scratch) as seen:
        return [key for block in blocks for key in seen.keys(block)]


def naive(rows: list[bytes]) -> list[bytes]:
    """The same with a count of everything in memory."""
    counts: Counter[bytes] = Counter()
    found = []
    for row in rows:
        found.append(occurrence_key(keys_of_rows([row])[0], counts[row]))
        counts[row] += 1
    return found


@given(st.lists(st.lists(st.sampled_from([b"a", b"b", b"c", b"", b"dd"]), max_size=12), max_size=12))
def test_keys_are_those_of_a_count_in_memory(blocks: Blocks) -> None:
    """However rows fall into blocks, each gets the key of its content and its occurrence in the whole file."""
    found = keys(blocks)
    assert found == naive([row for block in blocks for row in block])
    assert len(set(found)) == len(found)


@pytest.mark.parametrize("size", [3, again(1), 100, 10_000])
def test_blocks_do_not_matter(size: int) -> None:
    """The same rows in blocks of any size get the same keys, with very many equals too."""
    rows = [b"same"] * 700 + [str(n % 50).encode() for n in range(300)]
    assert keys([rows[start : start + size] for start in range(0, len(rows), size)]) == naive(rows)


def test_nothing_is_left_behind(tmp_path: Path) -> None:
    """Runs are merged while they are few, and the directory goes when the import ends."""
    with occurrences(tmp_path) as seen:
        for n in range(200):
            seen.keys([str(n).encode()])
        (directory,) = tmp_path.iterdir()
        assert len(list(directory.iterdir())) < 12
    assert list(tmp_path.iterdir()) == []
