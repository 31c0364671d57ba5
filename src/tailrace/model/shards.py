"""Shards: ranges of actor hashes. A shard can be split; an actor never moves otherwise."""

from collections.abc import Sequence

from msgspec import Struct


class Shard(Struct, frozen=True):
    """All actors whose hash begins with `prefix`, written in `bits` bits. One lease owns it."""

    number: int
    bits: int
    prefix: int

    @property
    def bucket(self) -> str:
        """The range in words, for object names and sorting: ``all``, or its bits such as ``01``."""
        return f"{self.prefix:0{self.bits}b}" if self.bits else "all"

    def holds(self, actor_hash: bytes) -> bool:
        """Whether an actor belongs here."""
        return self.bits == 0 or int.from_bytes(actor_hash[:8], "big") >> (64 - self.bits) == self.prefix


def initial_shards(bits: int) -> list[Shard]:
    """2**bits equal ranges that cover every actor once."""
    return [Shard(number, bits, number) for number in range(1 << bits)]


def shard_of(shards: Sequence[Shard], actor_hash: bytes) -> Shard:
    """The one shard that holds an actor.

    Raises:
        LookupError: the ranges leave a hole, which is a defect of the catalogue.
    """
    for shard in shards:
        if shard.holds(actor_hash):
            return shard
    raise LookupError("the shards of this app do not cover every actor")
