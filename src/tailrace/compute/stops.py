"""Stop flags: one byte that the processes of a pool share with the one that started them, for each run of slices.

What travels to a slice is the number of its flag. Where no flags are shared, as in a pool that the command line copies
from itself, there is none: its end is the end of its processes.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any

FLAGS = 1024  # more than runs at a time on any machine

_lock = Lock()
_taken: set[int] = set()
_flags: Any = None


class Stopped(Exception):
    """Work ends early because it was told to. What it has written so far is void."""


class Stop:
    """One flag, to be set from any thread of this process."""

    def __init__(self, number: int) -> None:
        self.number = number

    def set(self) -> None:
        """Have work that carries this number end at its next look."""
        _flags[self.number] = 1


def shared() -> Any:
    """The flags of this process, made when they are first wanted."""
    global _flags
    with _lock:
        if _flags is None:
            from multiprocessing.sharedctypes import RawArray  # late: the command line does without

            _flags = RawArray("b", FLAGS)
    return _flags


def join(flags: Any) -> None:
    """Look at the flags of the process that started this one."""
    global _flags
    _flags = flags


@contextmanager
def stop_flag() -> Iterator[Stop]:
    """A flag that is down, and nobody else's until the block ends; nothing may carry its number any longer then."""
    flags = shared()
    with _lock:
        number = next(n for n in range(FLAGS) if n not in _taken)
        _taken.add(number)
    flags[number] = 0
    try:
        yield Stop(number)
    finally:
        with _lock:
            _taken.discard(number)


def look(number: int | None) -> None:
    """Go on unless the flag of this number is set; None is never set.

    Raises:
        Stopped: it is.
    """
    if number is not None and _flags is not None and _flags[number]:
        raise Stopped
