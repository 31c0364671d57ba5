"""A gate that many may pass together, or one alone."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition


class Gate:
    """Whoever wants to be alone waits until all others are through, and they wait for it."""

    def __init__(self) -> None:
        self._changed = Condition()
        self._inside = 0
        self._lonely = 0  # who is alone inside, or waits to be

    @contextmanager
    def together(self) -> Iterator[None]:
        """Be inside with others."""
        with self._changed:
            self._changed.wait_for(lambda: not self._lonely)
            self._inside += 1
        try:
            yield
        finally:
            self._leave()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Be inside with nobody else."""
        with self._changed:
            self._lonely += 1
            self._changed.wait_for(lambda: not self._inside)
            self._inside += 1
        try:
            yield
        finally:
            self._leave(lonely=1)

    def _leave(self, lonely: int = 0) -> None:
        with self._changed:
            self._inside -= 1
            self._lonely -= lonely
            self._changed.notify_all()
