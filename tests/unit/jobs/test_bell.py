"""The wake-up."""

import threading

from tailrace.jobs.bell import Bell


def test_a_ring_before_the_wait_is_heard() -> None:
    """Work that was made between looking and waiting does not wait for the fallback time."""
    bell = Bell()
    bell.ring()
    assert bell.wait(0, seconds=3600) == 1


def test_a_ring_wakes_every_worker() -> None:
    """All who wait return, long before the fallback time."""
    bell = Bell()
    heard: list[int] = []
    threads = [threading.Thread(target=lambda: heard.append(bell.wait(0, seconds=3600))) for _ in range(4)]
    for thread in threads:
        thread.start()
    bell.ring()
    for thread in threads:
        thread.join(60)
    assert heard == [1] * 4


def test_silence_ends_with_the_fallback_time() -> None:
    """A worker that has heard every ring looks again after the time, because another process rings no bell here."""
    bell = Bell()
    bell.ring()
    assert bell.wait(1, seconds=0.01) == 1
