"""Shards cover all actors."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailrace.model.shards import Shard, initial_shards, shard_of

hashes = st.binary(min_size=16, max_size=16)


def in_bits(hash_: bytes) -> str:
    """A hash as 128 digits."""
    return "".join(f"{byte:08b}" for byte in hash_)


@given(st.integers(0, 8), hashes)
def test_every_actor_has_exactly_one_shard(bits: int, hash_: bytes) -> None:
    """2**n ranges hold each hash once, and the one that does is named by the hash's first bits."""
    shards = initial_shards(bits)
    holders = [shard for shard in shards if shard.holds(hash_)]
    assert [shard.bucket for shard in holders] == [in_bits(hash_)[:bits] or "all"]
    assert shard_of(shards, hash_) is holders[0]


@given(st.integers(0, 7), hashes)
def test_a_split_keeps_an_actor_in_its_range(bits: int, hash_: bytes) -> None:
    """The halves of a shard hold together what the shard held, so that ranges can be split."""
    for shard in initial_shards(bits):
        halves = [Shard(0, bits + 1, 2 * shard.prefix + half) for half in (0, 1)]
        assert sum(half.holds(hash_) for half in halves) == shard.holds(hash_)


def test_buckets_sort_as_ranges() -> None:
    """Names of buckets are in the order of their ranges, which is the order of every export."""
    buckets = [shard.bucket for shard in initial_shards(3)]
    assert buckets == sorted(buckets) == ["000", "001", "010", "011", "100", "101", "110", "111"]


def test_a_hole_is_an_error() -> None:
    """Ranges that leave an actor out are a defect that is raised, not an event lost."""
    with pytest.raises(LookupError):
        shard_of([Shard(0, 1, 0)], b"\xff" * 16)
