"""Lists: what was packed comes out, in order, also beside Arrow tables."""

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from tailrace.model.access import Scope
from tailrace.store.inbox import Submission, append, take
from tailrace.store.lists import Columns, Lists, lists_of, shared_of, texts_of
from tailrace.store.records import joined_records, memory_of, pack_records, unpack_records
from tailrace.store.schema import RECORD_SCHEMA
from tailrace.wiring import House
from tests.unit.store.records import T0, records

ALL = 1 << 40


def listed(*ids: str, **each: Sequence[Any]) -> Lists:
    """Records of one actor that carry these ids, as lists."""
    keys = b"".join(text.encode().ljust(16) for text in ids)
    sessions = shared_of([(None if n % 2 else '{"a":1}') for n in range(len(ids))])
    wide = {"key": keys, "actor_hash": bytes(16 * len(ids))}
    same = {"event": "e", "time": T0, "received_at": T0, "actor": "d1"}
    return lists_of(Columns(len(ids), wide, {"id": texts_of(ids)}, {"session": sessions}, same, each), T0)


def unpacked(*blobs: bytes) -> pa.Table:
    """All records of some rows of the inbox."""
    return joined_records(list(unpack_records(blobs)))


def test_each_kind_of_column_comes_out() -> None:
    """Wide values, values of their own, shared texts and what is the same; a column that one batch lacks is null."""
    table = unpacked(pack_records([listed("a", "b", level=[1, None]), listed("c", value=[2.5])]))
    assert table.schema == RECORD_SCHEMA
    assert table.select(["key", "id", "level", "value", "session", "event", "time"]).to_pylist() == [
        {"key": b"a".ljust(16), "id": "a", "level": 1, "value": None, "session": '{"a":1}', "event": "e", "time": T0},
        {"key": b"b".ljust(16), "id": "b", "level": None, "value": None, "session": None, "event": "e", "time": T0},
        {"key": b"c".ljust(16), "id": "c", "level": None, "value": 2.5, "session": '{"a":1}', "event": "e", "time": T0},
    ]


def test_order_is_that_of_arrival_whatever_the_batches_are() -> None:
    """Lists and tables of one commit, and rows of both kinds, one after the other."""
    one = pack_records([listed("a"), records(["b"]), listed("c", "d")])
    rows = [one, pack_records([listed("e")]), pack_records([records(["f"])]), pack_records([listed("g"), listed("h")])]
    assert unpacked(*rows)["id"].to_pylist() == list("abcdefgh")


def test_many_are_read_some_at_a_time() -> None:
    """Values of Python take several times the memory of a column, so not all of a seal's are there at once."""
    tables = list(unpack_records([pack_records([listed(*(f"{n}-{m}" for m in range(5_000)))]) for n in range(8)]))
    assert [table.num_rows for table in tables] == [20_000, 20_000]


def test_what_they_take_is_what_they_take_in_arrow() -> None:
    """A text that many records share is there once in the lists, but a seal has it once for each of them."""
    wide = {"key": bytes(1_600), "actor_hash": bytes(1_600)}
    shared = {"session": shared_of(["x" * 1_000] * 100)}
    lists = lists_of(Columns(100, wide, {"id": texts_of(["i"] * 100)}, shared), T0, 100_000)
    assert len(lists.packed) < 10_000 < 100_000 <= memory_of(lists) < 120_000


def test_the_inbox_takes_both(house: House, scope: Scope) -> None:
    """A group commit of lists alone, and one that has both, are read as they came; the ledger's count is of records."""
    submissions = [Submission(scope, T0, {0: some}) for some in (listed("a", "b"), listed("c"))]
    append(house.database, submissions)
    append(house.database, [Submission(scope, T0, {0: records(["d"])}), Submission(scope, T0, {0: listed("e")})])
    taken = take(house.database, scope, 0, 0, records=ALL, raw_bytes=ALL)
    assert (taken.records["id"].to_pylist(), taken.position) == (list("abcde"), 2)
    assert sum(submission.accepted for submission in submissions) == 3
