"""Both ways to decide about a batch: what they decide must be the same, whichever of them a server takes.

What is right is not told by that: tests say it themselves of the outcome that they get.
"""

from collections.abc import Sequence

from msgspec.structs import replace

from tailrace.ingest.accept import Door, Origin, Outcome, accept
from tailrace.ingest.draft import Draft
from tailrace.ingest.plain import accept_small
from tailrace.store.records import in_arrow, joined_records


def decided(door: Door, draft: Draft, raws: Sequence[bytes], origin: Origin, now: int) -> Outcome:
    """What `accept` decides, after a look that `accept_small` does not differ in anything that is kept."""
    outcome = accept(door, draft, raws, origin, now)
    small = accept_small(door, draft, raws, origin, now)
    tables = {shard: in_arrow(records) for shard, records in small.submission.records.items()}
    assert {shard: joined_records(some).to_pylist() for shard, some in tables.items()} == {
        shard: joined_records([records]).to_pylist() for shard, records in outcome.submission.records.items()
    }
    assert list(small.rejected) == list(outcome.rejected)
    assert list(small.submission.dead) == list(outcome.submission.dead)
    assert replace(small.submission, records={}, dead=(), nbytes=0) == replace(
        outcome.submission, records={}, dead=(), nbytes=0
    )
    return outcome
