"""Accept: whose a record is, what makes it the same record again, and where it goes."""

from hashlib import blake2b
from typing import Any

import msgspec
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tailrace.ingest.accept import Door, Origin, Outcome
from tailrace.ingest.flags import NO_TIME
from tailrace.ingest.protocols.native import draft_records
from tailrace.model.access import Scope
from tailrace.model.shards import initial_shards
from tailrace.store.records import in_arrow
from tests.unit.ingest.deciding import decided

NOW = 1_767_323_045_678
SCOPE = Scope(1, 1, "acme", "app")
DOOR = Door(SCOPE, initial_shards(0), 1024, 1_048_576, 16_777_216)
Row = dict[str, Any]


def take(records: list[Row], *, sent_at: int | None = None, now: int = NOW, door: Door = DOOR) -> Outcome:
    """Accept records as a batch."""
    raws = [msgspec.json.encode(record) for record in records]
    return decided(door, draft_records(raws, sent_at), raws, Origin("events", "{}"), now)


def tables(outcome: Outcome) -> list[tuple[int, pa.Table]]:
    """Tables for the inbox with their shards, in order."""
    return [(shard, table) for shard, some in sorted(outcome.submission.records.items()) for table in in_arrow(some)]


def rows(outcome: Outcome) -> list[Row]:
    """What goes to the inbox, shard by shard."""
    return [row for _, table in tables(outcome) for row in table.to_pylist()]


def keys(records: list[Row], **more: Any) -> list[bytes]:
    """The dedupe keys of a batch."""
    return [row["key"] for row in rows(take(records, **more))]


def test_an_id_is_the_whole_identity() -> None:
    """With an id nothing else matters: content, place, actor, sending and receipt may all differ."""
    one = {"id": "x", "event": "a", "device_id": "d"}
    other = {"id": "x", "event": "b", "user_id": "u", "time": 5}
    (key,) = keys([one])
    assert keys([one, other], sent_at=7, now=NOW + 1) == [key, key]
    assert key == blake2b(b"x", digest_size=16, person=b"id").digest()
    assert keys([one | {"id": "y"}]) != [key]


def test_an_id_made_of_the_content_is_the_same_at_every_resend() -> None:
    """The same batch has the same keys and ids whenever it is received; each part of its identity changes them."""
    batch = [{"event": "a", "device_id": "d", "time": NOW}, {"event": "a", "device_id": "d", "time": NOW}]
    first = take(batch, sent_at=5)
    again = take(batch, sent_at=5, now=NOW + 86_400_000)
    assert [r["key"] for r in rows(first)] == [r["key"] for r in rows(again)]
    assert [r["id"] for r in rows(first)] == [r["id"] for r in rows(again)] == [r["key"].hex() for r in rows(first)]
    assert len({r["key"] for r in rows(first)}) == 2, "place in the batch"
    for changed in (
        keys(batch, sent_at=6),
        keys([r | {"event": "b"} for r in batch], sent_at=5),
        keys([r | {"device_id": "e"} for r in batch], sent_at=5),
        keys([r | {"time": NOW + 1} for r in batch], sent_at=5),
    ):
        assert not {r["key"] for r in rows(first)} & set(changed)


def test_a_bad_neighbour_changes_no_key() -> None:
    """Places are those of the batch as it was sent, so a record keeps its key when its neighbour is rejected."""
    good = {"event": "a", "device_id": "d", "time": 1}
    assert keys([{"event": "x"}, good], sent_at=1) == keys([good, good], sent_at=1)[1:]


def test_the_actor_is_the_device_else_the_user() -> None:
    """A device or anonymous id comes first; an empty one is none; identity does not depend on what else is said."""
    sent = [("d", "u"), ("d", None), (None, "u"), ("", "u")]
    records = [{"id": str(n), "event": "e", "device_id": d, "user_id": u} for n, (d, u) in enumerate(sent)]
    found = rows(take(records))
    assert [row["actor"] for row in found] == ["d", "d", "u", "u"]
    hashes = [row["actor_hash"] for row in found]
    assert hashes[0] == hashes[1] != hashes[2] == hashes[3]
    other = replace(DOOR, scope=replace(SCOPE, app=2, app_id="other"))
    assert {r["actor_hash"] for r in rows(take(records, door=other))}.isdisjoint(hashes)


def test_a_missing_time_is_the_received_one_and_flagged() -> None:
    """What the sender said is kept beside it; a record with a time has no flag."""
    none, given_ = rows(take([{"event": "a", "device_id": "d"}, {"event": "b", "device_id": "d", "time": 7 + NOW}]))
    assert (none["time"], none["client_time"], none["received_at"], none["flags"]) == (NOW, None, NOW, NO_TIME)
    assert (given_["time"], given_["client_time"], given_["received_at"], given_["flags"]) == (
        NOW + 7,
        NOW + 7,
        NOW,
        None,
    )


def test_a_rejected_record_is_kept_whole() -> None:
    """The letter has the record as it was sent, its place and its reason; the good ones are not touched by it."""
    found = take([{"event": "a", "device_id": "d"}, {"event": "b"}, {"event": "", "device_id": "d"}])
    assert [(letter.position, letter.raw) for letter in found.submission.dead] == [
        (1, b'{"event":"b"}'),
        (2, b'{"event":"","device_id":"d"}'),
    ]
    assert [(r.place, r.reason) for r in found.rejected] == [
        (letter.position, letter.reason) for letter in found.submission.dead
    ]
    assert found.submission.accepted == 1


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(min_size=1, max_size=5), min_size=1, max_size=30), st.integers(0, 4))
def test_every_record_goes_to_the_shard_of_its_actor(actors: list[str], bits: int) -> None:
    """Each record is in exactly one shard, that of the first bits of its actor's hash, in the order of the batch."""
    door = replace(DOOR, shards=initial_shards(bits))
    records = [{"id": str(n), "event": "e", "user_id": actor} for n, actor in enumerate(actors)]
    found = tables(take(records, door=door))
    assert sum(table.num_rows for _, table in found) == len(actors)
    for shard, table in found:
        ids = [int(row["id"]) for row in table.to_pylist()]
        assert ids == sorted(ids)
        for row in table.to_pylist():
            assert int.from_bytes(row["actor_hash"], "big") >> (128 - bits) == shard
