"""Lock-out: five tries are free, then each waits twice as long, and many at once are no way around it."""

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailrace.accounts.lockout import FREE, LONGEST_MS, Strangers, Tries, another, wait_ms
from tailrace.accounts.logins import Credentials, principal_of_login, source
from tailrace.model.errors import Locked, Unauthorized
from tailrace.wiring import House


def test_waits_double_up_to_a_quarter_of_an_hour() -> None:
    """1 s after the fifth, then 2, 4, 8 …, and never more than 15 minutes."""
    assert [wait_ms(FREE + n) for n in range(4)] == [1000, 2000, 4000, 8000]
    assert wait_ms(FREE + 1000) == LONGEST_MS == 900_000


@given(st.lists(st.integers(0, 2_000_000), max_size=80))
def test_tries_are_rare_however_they_come(pauses: list[int]) -> None:
    """Between two tries that are looked at lies the wait after the first; who waits as long as told is looked at."""
    tries, now, last = Tries(), 0, 0
    for pause in pauses:
        now += pause
        try:
            tries = another(tries, now)
        except Locked as locked:
            assert tries.failures >= FREE
            now += locked.seconds * 1000
            tries = another(tries, now)
        if tries.failures > FREE:
            assert now - last >= wait_ms(tries.failures - 1)
        last = now


def test_a_clock_that_is_set_back_locks_nobody_for_long() -> None:
    """What is locked until long after is locked by a clock that was wrong."""
    assert another(Tries(9, 10**12), 0).failures == 10


def test_strangers_are_bounded() -> None:
    """The last names are remembered, each on its own; a refusal does not forget."""
    strangers = Strangers(most=2)
    for _ in range(FREE):
        strangers.count(("", "a"), 0)
    for _ in range(2):
        with pytest.raises(Locked):
            strangers.count(("", "a"), 0)
    for name in "bc":
        strangers.count(("", name), 0)
    strangers.count(("", "a"), 0)


def test_many_at_once_are_no_way_around(house: House) -> None:
    """Of 20 wrong passwords at the same moment five are looked at: each is counted before it is."""
    start, seen, lock = threading.Barrier(20), [0, 0], threading.Lock()

    def guess() -> None:
        start.wait()
        try:
            principal_of_login(house.database, Credentials("ana@example.com", "wrong"))
        except (Unauthorized, Locked) as error:
            with lock:
                seen[isinstance(error, Locked)] += 1

    threads = [threading.Thread(target=guess) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen[0] in (FREE, FREE + 1, FREE + 2), "the first lock lasts a second, which may pass meanwhile"
    assert sum(seen) == 20


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("", ""),
        ("testclient", "testclient"),
        ("x" * 200, "x" * 100),
    ],
)
def test_who_an_address_is(address: str, counted: str) -> None:
    """In IPv6 a customer has a network of 64 bits, so that is what is counted."""
    assert source(address) == counted
