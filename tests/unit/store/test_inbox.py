"""The inbox: gap-free, in order, bounded when read."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select

from tailrace.accounts.lookup import scope_of_app
from tailrace.db.tables import inbox, inbox_heads, owned
from tailrace.model.access import Scope
from tailrace.store.inbox import append, append_received, create_heads, forget, take, waiting_since
from tailrace.wiring import House
from tests.unit.store.records import T0, ids_of, records, submission

ALL = 1 << 40


def everything(house: House, scope: Scope, shard: int = 0, after: int = 0) -> list[str]:
    """All ids after a position."""
    return ids_of(take(house.database, scope, shard, after, records=ALL, raw_bytes=ALL).records)


def positions(house: House, scope: Scope, shard: int = 0) -> list[int]:
    """All positions that have a row."""
    with house.database.read_inbox() as connection:
        mine = (owned(inbox, scope), inbox.c.shard == shard)
        return list(connection.scalars(select(inbox.c.position).where(*mine).order_by(inbox.c.position)))


def stretches(house: House, scope: Scope, done: threading.Event) -> Iterator[list[str]]:
    """What a sealer reads, stretch by stretch from where it stopped, until the writers are done."""
    after = 0
    while True:
        last = done.is_set()
        found = take(house.database, scope, 0, after, records=ALL, raw_bytes=ALL)
        yield ids_of(found.records)
        if last and found.position == after:
            return
        after = found.position


def test_a_reader_beside_many_writers_skips_nothing(house: House, scope: Scope) -> None:
    """While threads append, one reads on from its last position: it sees each record once, in gap-free positions.

    On PostgreSQL a row that is numbered first may be committed last; then a reader would pass it by.
    """
    done = threading.Event()
    seen: list[str] = []

    def read() -> None:
        for ids in stretches(house, scope, done):
            seen.extend(ids)

    reader = threading.Thread(target=read)
    reader.start()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda n: append(house.database, [submission(scope, [f"{n}a", f"{n}b"])]), range(60)))
    done.set()
    reader.join()
    assert len(seen) == 120
    assert set(seen) == {f"{n}{half}" for n in range(60) for half in "ab"}
    assert positions(house, scope) == list(range(1, 61))


def test_an_append_waits_for_the_one_before_it(house: House, scope: Scope) -> None:
    """A transaction that took a position and is still open keeps the next one from being read past it."""
    done = threading.Event()

    def other() -> None:
        append(house.database, [submission(scope, ["second"])])
        done.set()

    thread = threading.Thread(target=other)
    with house.database.write_inbox() as connection:
        append_received(connection, submission(scope, ["first"]))
        thread.start()
        assert not done.wait(0.3)  # its position would be 2, and 1 is not there yet
        assert everything(house, scope) == []
    thread.join(60)
    assert everything(house, scope) == ["first", "second"]


def test_an_append_that_fails_takes_no_position(house: House, scope: Scope) -> None:
    """A group in which one submission cannot be stored stores none, and the next one follows without a gap."""
    append(house.database, [submission(scope, ["a"])])
    with pytest.raises(LookupError):
        append(house.database, [submission(scope, ["b"]), submission(scope, ["c"], shard=99)])
    append(house.database, [submission(scope, ["d"])])
    assert (everything(house, scope), positions(house, scope)) == (["a", "d"], [1, 2])


def test_a_group_is_one_row_per_shard(house: House, scope: Scope) -> None:
    """Submissions of one group share a row of their app and shard, in their order; other apps have their own."""
    other = scope_of_app(house.database, "app_tides")
    create_heads(house.database, scope, [1])
    group = [submission(scope, ["a"]), submission(other, ["b"]), submission(scope, ["c"], shard=1)]
    append(house.database, [*group, submission(scope, ["d"])])
    assert everything(house, scope) == ["a", "d"]
    assert everything(house, scope, 1) == ["c"]
    assert everything(house, other) == ["b"]
    assert [positions(house, s, n) for s, n in ((scope, 0), (scope, 1), (other, 0))] == [[1]] * 3


BOUNDS = [(0, 3, "abc", 2), (0, 1, "ab", 1), (0, 5, "abc", 2), (0, 6, "abcdef", 3), (2, 1, "def", 3), (3, 9, "", 3)]


def test_take_is_bounded_in_records_and_always_goes_on(house: House, scope: Scope) -> None:
    """At least one row if there is one, else whole rows up to the bound, and it says whether others are there; at the
    end it stays where it is.
    """
    for ids in ("ab", "c", "def"):
        append(house.database, [submission(scope, list(ids))])
    for after, most, expected, position in BOUNDS:
        found = take(house.database, scope, 0, after, records=most, raw_bytes=ALL)
        assert (ids_of(found.records), found.position) == (list(expected), position)
        assert found.more == (position < 3)


def test_take_is_bounded_in_bytes(house: House, scope: Scope) -> None:
    """The bound on bytes counts what the records take in memory, and a row above it still comes alone."""
    for ids in ("ab", "cd", "ef"):
        append(house.database, [submission(scope, list(ids))])
    size = records(list("ab")).get_total_buffer_size()
    for most, expected in ((0, "ab"), (size, "ab"), (2 * size - 1, "ab"), (2 * size, "abcd"), (3 * size, "abcdef")):
        found = take(house.database, scope, 0, 0, records=ALL, raw_bytes=most)
        assert ids_of(found.records) == list(expected)


def test_forgetting_stops_at_its_position_and_positions_go_on(house: House, scope: Scope) -> None:
    """Rows that a seal passed are deleted, no others; a position is never given twice."""
    other = scope_of_app(house.database, "app_tides")
    for ids in ("a", "b", "c"):
        append(house.database, [submission(scope, [ids]), submission(other, [ids])])
    forget(house.database, scope, 0, 2)
    assert (everything(house, scope), everything(house, other)) == (["c"], ["a", "b", "c"])
    forget(house.database, scope, 0, 3)
    append(house.database, [submission(scope, ["d"])])
    assert (everything(house, scope, after=3), positions(house, scope)) == (["d"], [4])


def test_the_earliest_time_that_waits(house: House, scope: Scope) -> None:
    """What bounds `complete_through` is the earliest event time after a position, not the first that arrived."""
    for time in (T0 + 5, T0 - 5, T0):
        append(house.database, [submission(scope, [str(time)], time=time)])
    with house.database.read_inbox() as connection:
        found = [waiting_since(connection, scope, 0, after) for after in range(4)]
    assert found == [T0 - 5, T0 - 5, T0, None]


def test_making_an_inbox_again_keeps_it(house: House, scope: Scope) -> None:
    """Every start makes what is missing; a head that is there keeps its position and counts."""
    append(house.database, [submission(scope, ["a", "b"])])
    create_heads(house.database, scope, [0, 7])
    with house.database.read_inbox() as connection:
        rows = connection.execute(select(inbox_heads).where(owned(inbox_heads, scope)).order_by(inbox_heads.c.shard))
        assert [(row.shard, row.position, row.received) for row in rows] == [(0, 1, 2), (7, 0, 0)]
