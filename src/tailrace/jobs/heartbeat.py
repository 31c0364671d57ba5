"""The heartbeat: a lease is renewed from a thread of its own, so that long work is not taken for death."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import copy_context
from typing import Literal

from tailrace.logs import log
from tailrace.model.errors import FenceLost, Unavailable

Heard = Literal["cancel", "lost"]


def _ignore(_heard: Heard) -> None:
    """For work that nobody cancels, and that finds out by itself when it has lost its lease."""


@contextmanager
def heartbeat(
    renew: Callable[[], object], lease_ms: int, on_signal: Callable[[Heard], None] = _ignore
) -> Iterator[None]:
    """Call `renew` three times in each lease until the block ends, or until another process has what was leased.

    `on_signal` is called, in the heartbeat's thread, with ``cancel`` whenever `renew` answers that, and with ``lost``
    when the lease is lost.
    """
    stop = threading.Event()
    run = copy_context().run  # so that its lines name the job, too
    steps = (_beat, renew, lease_ms / 3000, stop, on_signal)
    beat = threading.Thread(target=run, args=steps, name="heartbeat", daemon=True)
    beat.start()
    try:
        yield
    finally:
        stop.set()
        beat.join()


def _beat(
    renew: Callable[[], object], every_s: float, stop: threading.Event, on_signal: Callable[[Heard], None]
) -> None:
    while not stop.wait(every_s):
        try:
            if renew() == "cancel":
                on_signal("cancel")
        except FenceLost:
            on_signal("lost")
            return
        except Unavailable as error:
            log.warning("lease.not_renewed", why=error.why)
        except Exception:
            log.exception("lease.not_renewed")
