"""Stop flags: seen by threads and by processes, and nobody's for longer than they are held."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tailrace.compute.local import Kind, local_pool
from tailrace.compute.stops import FLAGS, Stopped, look, stop_flag


def until_stopped(number: int) -> None:
    """Work in small steps, a look at each."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        look(number)
        time.sleep(0.001)


@pytest.mark.parametrize("kind", ["threads", "processes"])
def test_work_sees_its_own_flag_alone(kind: Kind) -> None:
    """Of two that run the one whose flag is set ends; the other does not, until its own is set."""
    with local_pool(kind, 2, "forkserver") as pool, stop_flag() as one, stop_flag() as two:
        works = [pool.submit(until_stopped, stop.number) for stop in (one, two)]
        one.set()
        with pytest.raises(Stopped):
            works[0].result()
        assert not works[1].done()
        two.set()
        with pytest.raises(Stopped):
            works[1].result()


def test_a_flag_is_down_when_it_is_given_out() -> None:
    """Whoever had it before."""
    for _ in range(3):
        with stop_flag() as stop:
            look(stop.number)
            stop.set()
            with pytest.raises(Stopped):
                look(stop.number)
    look(None)


def test_many_threads_have_flags_of_their_own() -> None:
    """As many as there are at a time, each with another number; given back, they are there again."""

    def hold(_: int) -> int:
        with stop_flag() as stop:
            look(stop.number)
            time.sleep(0.001)
            stop.set()
            return stop.number

    with ThreadPoolExecutor(16) as threads:
        numbers = list(threads.map(hold, range(FLAGS * 2)))
    assert max(numbers) < 32
