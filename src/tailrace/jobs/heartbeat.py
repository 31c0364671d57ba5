"""The heartbeat: a lease is renewed from a thread of its own, so that long work is not taken for death."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import structlog

from tailrace.model.errors import FenceLost

log = structlog.get_logger()


@contextmanager
def heartbeat(renew: Callable[[], None], lease_ms: int) -> Iterator[None]:
    """Call `renew` three times in each lease until the block ends, or until another process has what was leased."""
    stop = threading.Event()
    thread = threading.Thread(target=_beat, args=(renew, lease_ms / 3000, stop), name="heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _beat(renew: Callable[[], None], every_s: float, stop: threading.Event) -> None:
    while not stop.wait(every_s):
        try:
            renew()
        except FenceLost:
            return
        except Exception:
            log.exception("lease.not_renewed")
