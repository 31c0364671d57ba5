"""Quotas and buckets: exact however many spend at once, on both databases, and undone with what is rolled back."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailrace.accounts.quotas import (
    TOKEN,
    Level,
    Window,
    hold_turns,
    refilled,
    seconds_until,
    spend,
    spent_today,
    take,
    take_turn,
    utc_day,
)
from tailrace.db.engine import Database
from tailrace.model.clock import DAY, MINUTE
from tailrace.model.errors import QuotaSpent, TooSoon
from tailrace.wiring import House

NOON = 20_000 * DAY + DAY // 2
RACE = """
import sys
from pathlib import Path
from tailrace.accounts.quotas import spend, take, utc_day
from tailrace.db.engine import open_database
from tailrace.model.clock import SystemClock
from tailrace.model.errors import QuotaSpent, TooSoon
noon, got = 20_000 * 86_400_000 + 43_200_000, [0, 0]
database = open_database(Path(sys.argv[1]), sys.argv[2], SystemClock())
print("ready", flush=True)
sys.stdin.readline()
for n in range(40):
    try:
        with database.write() as connection:
            if n % 2:
                spend(connection, 1, "race", "", 25, utc_day(noon), noon)
            else:
                take(connection, 1, "race", "", 25, 60, noon)
        got[n % 2] += 1
    except (QuotaSpent, TooSoon):
        pass
print(*got)
"""


def spent(database: Database, now: int = NOON, most: int = 2, space: int = 1, subject: str = "") -> bool:
    """Spend one; whether there was one."""
    try:
        with database.write() as connection:
            spend(connection, space, "q", subject, most, utc_day(now), now)
    except QuotaSpent:
        return False
    return True


def test_a_window_holds_so_many(house: House) -> None:
    """As many as the limit, for each space, name and subject on its own; the next window begins anew; 0 is no limit."""
    database = house.database
    assert [spent(database) for _ in range(3)] == [True, True, False]
    assert spent(database, subject="x")
    assert spent(database, space=2)
    assert spent(database, now=NOON + DAY)
    assert all(spent(database, most=0) for _ in range(5))
    with pytest.raises(QuotaSpent) as caught, database.write() as connection:
        spend(connection, 2, "q", "", 1, utc_day(NOON), NOON)
    assert (caught.value.resets_at, caught.value.seconds) == (20_001 * DAY, DAY // 2 // 1000)


def test_the_end_of_a_window(house: House) -> None:
    """Who was overtaken at midnight counts on the day that others have begun; a clock set back far begins anew."""
    database = house.database
    tomorrow = NOON + DAY
    assert spent(database, now=tomorrow)
    assert [spent(database), spent(database)] == [True, False]
    assert not spent(database, now=tomorrow)
    assert spent(database, now=NOON - 3 * DAY)


def test_what_was_spent_today_is_told(house: House) -> None:
    """Of the caller's space, by the one who has spent most, and nothing of yesterday or of who only took turns."""
    database = house.database
    for _ in range(3):
        spent(database, most=9)
    spent(database, subject="x")
    spent(database, space=2, most=9)
    with database.write() as connection:
        spend(connection, 1, "other", "", 9, utc_day(NOON - DAY), NOON - DAY)
        take_turn(connection, 1, "turns", "", hold_turns(connection, 1, "turns", ""), 0, NOON)
        told = [spent_today(connection, 1, now) for now in (NOON - DAY, NOON, NOON + DAY)]
        assert spent_today(connection, 3, NOON) == {}
    assert told == [{"other": 1}, {"q": 3}, {}]


def test_what_is_rolled_back_was_not_spent(house: House) -> None:
    """A quota is part of the transaction that it is spent in."""

    def both(*, undo: bool) -> None:
        with house.database.write() as connection:
            spend(connection, 1, "q", "", 1, utc_day(NOON), NOON)
            take(connection, 1, "b", "", 1, 1, NOON)
            if undo:
                raise KeyError

    for _ in range(5):
        with pytest.raises(KeyError):
            both(undo=True)
    both(undo=False)


def test_threads_spend_exactly_what_there_is(house: House) -> None:
    """Eight threads that want 80 of 25 get 25, of a window and of a bucket."""
    got = {"window": 0, "bucket": 0}
    lock, start = threading.Lock(), threading.Barrier(8)

    def run() -> None:
        start.wait()
        for _ in range(10):
            for kind in got:
                try:
                    with house.database.write() as connection:
                        if kind == "window":
                            spend(connection, 1, "t", "", 25, utc_day(NOON), NOON)
                        else:
                            take(connection, 1, "t", "", 25, 60, NOON)
                except (QuotaSpent, TooSoon):
                    continue
                with lock:
                    got[kind] += 1

    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert got == {"window": 25, "bucket": 25}


def test_processes_spend_exactly_what_there_is(data: Path, house: House) -> None:
    """Two processes that want 40 of 25 at the same time get 25 together, of a window and of a bucket."""
    command = [sys.executable, "-c", RACE, str(data), house.settings.database]
    racers = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    for racer in racers:
        assert racer.stdout is not None
        assert racer.stdout.readline() == "ready\n"
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write("\n")
        racer.stdin.flush()
    got = [[int(number) for number in racer.communicate(timeout=60)[0].split()] for racer in racers]
    assert [sum(numbers) for numbers in zip(*got, strict=True)] == [25, 25]


def test_a_bucket_says_when(house: House) -> None:
    """An empty one says in how many seconds there is one again, and then there is; 0 is no limit."""
    with house.database.write() as connection:
        for _ in range(3):
            take(connection, 0, "b", "x", 3, 6, NOON)
    with pytest.raises(TooSoon) as caught, house.database.write() as connection:
        take(connection, 0, "b", "x", 3, 6, NOON + 4_500)
    assert caught.value.seconds == 6
    with house.database.write() as connection:
        take(connection, 0, "b", "x", 3, 6, NOON + 10_000)
        for _ in range(9):
            take(connection, 0, "b", "y", 0, 6, NOON)


@given(st.lists(st.integers(0, 3 * MINUTE), min_size=1, max_size=60), st.integers(1, 20), st.integers(0, 6000))
def test_a_bucket_never_gives_more_than_it_gets(pauses: list[int], burst: int, refill: int) -> None:
    """Over any stretch of time: at most the burst and what is refilled; and what it owes is never lost."""
    bucket, now, taken = Level(burst * TOKEN, 0), 0, 0
    for pause in pauses:
        now += pause
        bucket = refilled(bucket, burst, refill, now)
        assert 0 <= bucket.level <= burst * TOKEN
        assert bucket.at == now
        if bucket.level >= TOKEN:
            bucket = Level(bucket.level - TOKEN, bucket.at)
            taken += 1
        else:
            wait = seconds_until(bucket, refill)
            if refill:
                assert refilled(bucket, burst, refill, now + wait * 1000).level >= TOKEN
                assert wait == 1 or refilled(bucket, burst, refill, now + (wait - 1) * 1000).level < TOKEN
    assert taken * MINUTE <= burst * MINUTE + now * refill


@given(st.integers(1, 5), st.integers(1, 700), st.integers(1, 400))
def test_looking_often_loses_nothing(burst: int, refill: int, steps: int) -> None:
    """A bucket that is looked at every few milliseconds is as full as one that is looked at once."""
    often = once = Level(0, 0)
    for step in range(1, steps + 1):
        often = refilled(often, burst, refill, step * 7)
    once = refilled(once, burst, refill, steps * 7)
    assert often == once


@given(st.integers(0, 5 * TOKEN), st.integers(-(10**9), 10**9))
def test_a_clock_that_is_set_back_gives_nothing(level: int, back: int) -> None:
    """Nor does it take away anything, or make anybody wait for its old time."""
    found = refilled(Level(level, 10**12), 5, 60, 10**12 - abs(back))
    assert found == Level(level, 10**12 - abs(back))


def test_a_day_in_utc() -> None:
    """Half-open, from midnight to midnight."""
    for now in (20_000 * DAY, 20_000 * DAY + 1, 20_001 * DAY - 1):
        assert utc_day(now) == Window(20_000 * DAY, 20_001 * DAY)
