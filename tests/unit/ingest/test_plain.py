"""Plain batches: decided without Arrow, and in nothing otherwise than by it."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tailrace.ingest.accept import Door, Origin
from tailrace.ingest.discretion import Discretion
from tailrace.ingest.plain import MOST_ROWS, accept_small
from tailrace.ingest.protocols.native import decode_body, draft_batch, draft_whole
from tailrace.model.access import Scope
from tailrace.model.shards import initial_shards
from tailrace.store.inbox import Submission
from tailrace.store.lists import Lists
from tests.unit.ingest.deciding import decided

NOW = 1_767_323_045_678
DAY = 86_400_000
DOOR = Door(Scope(1, 1, "acme", "app"), initial_shards(0), 64, 2_048, 1 << 20, max_params=6)
ORIGIN = Origin("events", "{}")
Row = dict[str, Any]
PLAIN: Row = {"id": "x", "event": "e", "device_id": "d", "time": NOW - 5}


def submitted(*records: Row, door: Door = DOOR, sent_at: int | None = None) -> Submission:
    """What a server brings to the inbox of a batch."""
    raws = [msgspec.json.encode(record) for record in records]
    return accept_small(door, draft_batch(raws, sent_at), raws, ORIGIN, NOW).submission


def is_plain(submission: Submission) -> bool:
    """Whether a batch was decided without Arrow."""
    return bool(submission.records) and all(isinstance(some, Lists) for some in submission.records.values())


def nested(depth: int) -> Any:
    """An object in so many others."""
    value: Any = 1
    for _ in range(depth):
        value = {"in": value}
    return value


NAMES = st.sampled_from(["a", "", "é\u00e9", "n\x00l", "y" * 63, "z" * 64, "z" * 65, "日" * 22, "😀" * 16, None])
TIMES = st.sampled_from([NOW, NOW - 1, NOW - 500 * DAY, NOW + 2 * DAY, -(1 << 62), 1 << 62, None])
PARAMS = st.sampled_from([{}, {"a": 1}, {"t": "x:y{[" * 40}, nested(64), nested(66), dict.fromkeys("abcdefg", 1), None])
SESSIONS = st.sampled_from(
    [{"ip": "203.0.113.9"}, {"user_agent": "Googlebot"}, {"app_version": "1"}, {"end": True}, {}, None]
)
FURTHER: Row = {
    "user_id": NAMES,
    "session_id": NAMES,
    "params": PARAMS,
    "session": SESSIONS,
    "profile": st.sampled_from([{"level": 3}, {"attributes": nested(65)}, None]),
    "kind": st.sampled_from(["standard", None]),
    "value": st.sampled_from([1.5, 3, None]),
    "level": st.sampled_from([1, (1 << 63) - 1, -(1 << 63), 1 << 63, None]),
    "amount": st.sampled_from([9.99, 1.0000005, None]),
    "currency": st.sampled_from(["USD", "EUR", "usd", "", None]),
    "amount_usd": st.sampled_from([2.5, None]),
    "is_tester": st.sampled_from([True, False, None]),
    "page": st.sampled_from([{"url": "u", "properties": {"p": [1]}}, {"infos": 2}, None]),
}
RECORDS = st.fixed_dictionaries({"id": NAMES, "event": NAMES, "device_id": NAMES, "time": TIMES}, optional=FURTHER)
GOOD = st.fixed_dictionaries(
    {"id": st.text("ab", min_size=1), "event": st.just("e"), "device_id": st.sampled_from("xyz"), "time": st.just(NOW)},
    optional=FURTHER,
)


@given(
    records=st.lists(RECORDS, max_size=4) | st.lists(GOOD, max_size=6),
    sent_at=st.sampled_from([None, NOW, NOW - 90_000, NOW + 3 * DAY, 1 << 62]),
    bots=st.sampled_from(["keep", "drop"]),
    bits=st.sampled_from([0, 2]),
)
def test_nothing_is_decided_otherwise(records: list[Row], sent_at: int | None, bots: Any, bits: int) -> None:
    """Whatever is sent, both ways keep the same records in the same shards, and reject the same for the same reason."""
    raws = [msgspec.json.encode(record) for record in records]
    door = replace(DOOR, shards=initial_shards(bits), discretion=Discretion(bots=bots))
    decided(door, draft_batch(raws, sent_at), raws, ORIGIN, NOW)


@given(records=st.lists(RECORDS | GOOD, max_size=4), sent_at=st.sampled_from([None, NOW]))
def test_a_body_read_in_one_go_is_read_as_record_by_record(records: list[Row], sent_at: int | None) -> None:
    """Where it can be read in one go at all; and records that are asked for are those that were sent."""
    body = msgspec.json.encode({"batch": records, "sent_at": sent_at})
    raws, said = decode_body(body)
    each, whole = draft_batch(raws, said), draft_whole(body)
    assert (whole is None) == bool(each.rejected)
    if whole is not None:
        assert (whole.columns, list(whole.places)) == (each.columns, list(each.places))
        assert [whole.raw_of(row) for row in whole.places] == raws


OTHERS = [
    b"",
    b"{",
    b'{"event":"e"}\n{"event":"f"}',
    b'{"batch":[{"event":1}]}',
    rb'{"b\u0061tch":[{"event":"e","time":1,"device_id":"d"}]}',
    b"\xff",
    b"[]",
]


@pytest.mark.parametrize("body", OTHERS)
def test_no_other_body_is_read_in_one_go(body: bytes) -> None:
    """Lines, what is broken or has a record that is, and a batch by a name that only a reader of JSON would know."""
    assert draft_whole(body) is None


def test_what_is_plain() -> None:
    """Ids, objects, standard events, money, an address that is cut, a clock that is corrected: all of that is plain."""
    assert is_plain(submitted(PLAIN))
    assert is_plain(submitted(PLAIN, {**PLAIN, "id": "", "user_id": "u"}, sent_at=NOW - 90_000))
    assert is_plain(submitted({**PLAIN, "session": {"ip": "203.0.113.9"}, "profile": {"level": 2}}))
    assert is_plain(submitted({**PLAIN, "params": {"a": [1]}, "amount": 1, "currency": "USD", "kind": "standard"}))
    assert is_plain(submitted(*[PLAIN] * MOST_ROWS))


@pytest.mark.parametrize(
    "odd",
    [
        {"event": ""},
        {"device_id": ""},
        {"time": None},
        {"time": NOW - 500 * DAY},
        {"event": "n\x00"},
        {"event": "y" * 65},
        {"params": nested(65)},
        {"params": dict.fromkeys("abcdefg", 1)},
        {"params": {"a": "x" * 2_048}},
        {"params": 1},
    ],
)
def test_what_is_not(odd: Row) -> None:
    """One record that may break a rule, or whose time is made, is for `accept` to decide, with its neighbours."""
    assert not is_plain(submitted(PLAIN, {**PLAIN, **odd}))


def test_what_texts_take_is_told_in_bytes() -> None:
    """Bounds of what waits and of what a seal reads count on it."""
    submission = submitted(*[{**PLAIN, "session": {"city": "東" * 100}}] * 50)
    assert is_plain(submission)
    assert submission.nbytes > 50 * 300


def test_a_large_batch_is_not_small() -> None:
    """Arrow is as quick with many records."""
    assert not is_plain(submitted(*[PLAIN] * (MOST_ROWS + 1)))


def test_the_earliest_time_is_by_a_clock_that_is_right() -> None:
    """By it exports tell whether a window is complete."""
    (lists,) = submitted(PLAIN, {**PLAIN, "time": NOW - 70_000}, sent_at=NOW - 120_000).records.values()
    assert (lists.earliest, lists.num_rows) == (NOW + 50_000, 2)
