"""Dedupe runs against Python's sets."""

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tailrace.files.base import Files
from tailrace.files.local import LocalFiles
from tailrace.store import runs
from tailrace.store.runs import LARGEST_MERGE, MERGE_AT, Keys, Run, first_of_each, keys_of, known, with_runs

# Few distinct halves, so that keys often share one: the lookup bisects on the high half alone.
halves = st.sampled_from([0, 1, 2, 2**63 - 1, 2**63, 2**64 - 1]).map(lambda n: n.to_bytes(8, "little"))
keys = st.builds(lambda high, low: high + low, halves, halves) | st.binary(min_size=16, max_size=16)
lists = st.lists(keys, max_size=12)


def loaded(values: list[bytes]) -> Keys:
    """Keys from a column that begins inside its buffer and has several chunks."""
    padded = pa.array([b"p" * 16, *values], pa.binary(16)).slice(1)
    cut = len(values) // 2
    return keys_of(pa.chunked_array([padded.slice(0, cut), padded.slice(cut)], pa.binary(16)))


def plain(found: Keys) -> list[bytes]:
    """Keys as bytes, in order."""
    return [
        int(high).to_bytes(8, "little") + int(low).to_bytes(8, "little")
        for high, low in zip(found.high, found.low, strict=True)
    ]


def written(files: Files, name: str, values: list[bytes]) -> Run:
    """A run in the storage."""
    runs.write_run(files, name, loaded(values))
    return Run(1, name, len(values))


@given(lists)
def test_keys_come_out_as_they_went_in(values: list[bytes]) -> None:
    """A column of keys keeps its order and every bit, sliced and in chunks or not."""
    assert plain(loaded(values)) == values


@given(lists)
def test_the_first_of_each_key_is_kept(values: list[bytes]) -> None:
    """True at the first place of each distinct key and nowhere else."""
    assert first_of_each(loaded(values)).tolist() == [key not in values[:place] for place, key in enumerate(values)]


@settings(max_examples=60, deadline=None)
@given(st.lists(lists, max_size=3), lists)
def test_known_is_membership(parts: list[list[bytes]], asked: list[bytes]) -> None:
    """A key is known if and only if it is in one of the runs, equal halves of other keys notwithstanding."""
    with TemporaryDirectory() as directory:
        files = LocalFiles(Path(directory))
        stored = [written(files, str(number), values) for number, values in enumerate(parts)]
        found = known(files, stored, loaded(asked)).tolist()
    everything = {key for values in parts for key in values}
    assert found == [key in everything for key in asked]


@settings(max_examples=40, deadline=None)
@given(st.lists(lists, min_size=1, max_size=3))
def test_a_merged_run_holds_what_its_parts_held(parts: list[list[bytes]]) -> None:
    """Runs that are read, joined and written as one lose and add no key."""
    with TemporaryDirectory() as directory:
        files = LocalFiles(Path(directory))
        stored = [written(files, str(number), values) for number, values in enumerate(parts)]
        everything = with_runs(files, loaded([]), stored)
        runs.write_run(files, "merged", everything)
        merged = with_runs(files, loaded([]), [Run(9, "merged", len(everything))])
    assert sorted(plain(merged)) == sorted(key for values in parts for key in values)


def test_many_keys_of_one_high_half_are_told_apart(tmp_path: Path) -> None:
    """A long stretch of equal high halves is walked to its end, and no further."""
    high = (7).to_bytes(8, "little")
    values = [high + (2 * number).to_bytes(8, "little") for number in range(3000)]
    run = written(LocalFiles(tmp_path), "run", values[::-1])
    asked = [high + number.to_bytes(8, "little") for number in range(6100)]
    assert known(LocalFiles(tmp_path), [run], loaded(asked)).tolist() == [n % 2 == 0 and n < 6000 for n in range(6100)]


def test_the_bytes_of_a_run_never_change(tmp_path: Path) -> None:
    """A run is a count, the high halves and the low halves, little-endian, sorted as unsigned numbers."""
    values = [bytes([255] * 8) + bytes(8), bytes(15) + b"\x01", bytes(16)]
    written(LocalFiles(tmp_path), "run", values)
    expected = [(3).to_bytes(8, "little"), bytes(8), bytes(8), bytes([255] * 8), bytes(8), bytes(7) + b"\x01", bytes(8)]
    assert (tmp_path / "run").read_bytes() == b"".join(expected)


def test_a_missing_run_is_an_error(tmp_path: Path) -> None:
    """A run that is not there must not look like one that knows nothing: every resend would be stored again."""
    with pytest.raises(FileNotFoundError):
        known(LocalFiles(tmp_path), [Run(1, "gone", 5)], loaded([bytes(16)]))


@given(st.lists(st.integers(1, 100_000), min_size=1, max_size=300))
def test_runs_stay_few_and_lose_no_key(sizes: list[int]) -> None:
    """However seals come, runs are swallowed whole and once, and their number grows only with the logarithm."""
    there: list[Run] = []
    for number, size in enumerate(sizes):
        swallowed = runs.to_merge(there, size)
        assert {run.number for run in swallowed} <= {run.number for run in there}
        assert len({run.number for run in swallowed}) == len(swallowed)
        there = [run for run in there if run not in swallowed]
        there.append(Run(number, str(number), size + sum(run.ids for run in swallowed)))
        assert sum(run.ids for run in there) == sum(sizes[: number + 1])
    assert len(there) <= 2 * MERGE_AT * (1 + int(np.log2(sum(sizes))))


def test_merges_are_bounded() -> None:
    """What a merge reads into memory has a bound, whatever is known."""
    large = [Run(number, str(number), LARGEST_MERGE // 2) for number in range(9)]
    for fresh in (1, 1000, LARGEST_MERGE, 10 * LARGEST_MERGE):
        swallowed = runs.to_merge(large, fresh)
        assert not swallowed or fresh + sum(run.ids for run in swallowed) <= LARGEST_MERGE


def test_runs_are_merged_as_far_as_they_fit() -> None:
    """Together they would be too many, but the small ones are not."""
    there = [Run(number, str(number), LARGEST_MERGE // 8) for number in range(20)]
    swallowed = runs.to_merge(there, LARGEST_MERGE // 8)
    assert len(swallowed) == 7
