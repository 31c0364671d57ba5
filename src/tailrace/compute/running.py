"""Running many slices: results in order, a bounded number of slices begun, and none that still runs at the end."""

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, wait
from typing import Generic, TypeVar

from tailrace.compute.local import LocalPool

Spec = TypeVar("Spec")
Result = TypeVar("Result")


def run_all(
    pool: LocalPool,
    work: Callable[[Spec], Result],
    specs: Iterable[Spec],
    ahead: int | None = None,
    most: int | None = None,
) -> Generator[Result]:
    """Results in the order of the specs. The first failure is raised and what has not begun is given up.

    No more than `ahead` are handed to the pool at a time, so that all who share it take turns, and no more than `most`
    are begun and not done with; a result is done with when the next is asked for. None sets no bound. When this ends
    nothing runs any more.

    Raises:
        Poisoned: a spec ends every process that works on it.
    """
    flight = _Flight(pool, work, specs, ahead, most)
    try:
        flight.fill()
        while flight:
            yield flight.land()
            flight.leave()
    finally:
        flight.end()


class _Flight(Generic[Spec, Result]):
    """What one caller has handed to a pool, oldest first."""

    def __init__(
        self,
        pool: LocalPool,
        work: Callable[[Spec], Result],
        specs: Iterable[Spec],
        ahead: int | None,
        most: int | None,
    ) -> None:
        self._pool = pool
        self._work = work
        self._left = iter(specs)
        self._ahead = ahead
        self._most = most
        self._begun: deque[Future[Result]] = deque()

    def __bool__(self) -> bool:
        return bool(self._begun)

    def fill(self) -> None:
        """Hand over as many as may be."""
        while self._room():
            spec = next(self._left, None)
            if spec is None:
                return
            self._begun.append(self._pool.submit(self._work, spec))

    def land(self) -> Result:
        """The next result."""
        future = self._begun[0]
        while self._ahead is not None and not future.done():  # others that finish make room, too
            wait(self._unfinished(), return_when=FIRST_COMPLETED)
            self.fill()
        result = future.result()
        self.fill()
        return result

    def leave(self) -> None:
        """Be done with that result."""
        self._begun.popleft()
        self.fill()

    def end(self) -> None:
        """Give up what has not begun, and wait for the rest."""
        wait([future for future in self._begun if not future.cancel()])

    def _room(self) -> bool:
        few = self._most is None or len(self._begun) < self._most
        return few and (self._ahead is None or len(self._unfinished()) < self._ahead)

    def _unfinished(self) -> list[Future[Result]]:
        return [future for future in self._begun if not future.done()]
