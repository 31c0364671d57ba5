"""The heartbeat: renewing, hearing, and not giving up."""

import threading
from collections.abc import Callable

import pytest

from tailrace.jobs.heartbeat import Heard, heartbeat
from tailrace.model.errors import FenceLost, Unavailable

QUICK = 3  # a lease of 3 ms is renewed every ms


class Renewals:
    """Answers of a queue, one for each renewal; the last one stays. `done` is set when all were given."""

    def __init__(self, *answers: object) -> None:
        self._answers = list(answers)
        self.done = threading.Event()
        self.times = 0

    def __call__(self) -> object:
        self.times += 1
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if self.times >= len(self._answers) and len(self._answers) == 1:
            self.done.set()
        if isinstance(answer, Exception):
            raise answer
        return answer


def heard(renew: Renewals, until: Callable[[list[Heard]], bool]) -> list[Heard]:
    """What is heard until a condition holds."""
    signals: list[Heard] = []
    enough = threading.Event()

    def listen(signal: Heard) -> None:
        signals.append(signal)
        if until(signals):
            enough.set()

    with heartbeat(renew, QUICK, listen):
        assert enough.wait(60)
    return signals


def test_cancelling_is_heard() -> None:
    """As often as a renewal says so; going on is no news."""
    signals = heard(Renewals("go_on", "cancel", "cancel"), lambda signals: len(signals) >= 2)
    assert set(signals) == {"cancel"}


def test_a_lost_lease_is_heard_once() -> None:
    """Nothing is renewed after it, even if the work goes on."""
    renew = Renewals("go_on", FenceLost("job 1"))
    signals: list[Heard] = []
    threads: list[threading.Thread] = []
    told = threading.Event()

    def listen(signal: Heard) -> None:
        threads.append(threading.current_thread())
        signals.append(signal)
        told.set()

    with heartbeat(renew, QUICK, listen):
        assert told.wait(60)
        threads[0].join(60)  # it ends by itself, while the work goes on
        assert not threads[0].is_alive()
    assert (signals, renew.times) == (["lost"], 2)


@pytest.mark.parametrize("error", [Unavailable("the database did not answer", 5), ValueError("?")])
def test_a_renewal_that_fails_is_tried_again(error: Exception) -> None:
    """A database that is away for a moment costs no lease."""
    assert heard(Renewals(error, error, "cancel"), lambda signals: bool(signals))[0] == "cancel"


def test_the_beat_ends_with_its_block() -> None:
    """Also when the block fails: no thread stays to hold what nobody works on."""
    with pytest.raises(ZeroDivisionError), heartbeat(Renewals(None), QUICK):
        raise ZeroDivisionError
    assert [thread for thread in threading.enumerate() if thread.name == "heartbeat"] == []
