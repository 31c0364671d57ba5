"""A pool of this machine, shared by all who run slices: processes, or threads of this process."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Literal, TypeVar

from tailrace.compute.process import Method, preload
from tailrace.compute.processes import Processes

Spec = TypeVar("Spec")
Result = TypeVar("Result")
Kind = Literal["processes", "threads"]


class LocalPool:
    """Runs work, at most `workers` at a time. Safe to use from many threads."""

    def __init__(self, workers: int, processes: Processes | None = None) -> None:
        self.workers = workers
        self._processes = processes
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="slice")

    def submit(self, work: Callable[[Spec], Result], spec: Spec) -> Future[Result]:
        """Run work when a worker is free. The future raises Poisoned if its process died over it again and again."""
        if self._processes is None:
            return self._threads.submit(work, spec)
        self._processes.start()
        return self._threads.submit(self._processes.run, work, spec)

    def warm(self) -> None:
        """Make the workers ready, so that the first work need not wait for them."""
        if self._processes is not None:
            self._processes.start()

    def close(self) -> None:
        """Give up what waits, let what runs finish, and end the processes."""
        self._threads.shutdown(cancel_futures=True)
        if self._processes is not None:
            self._processes.end()

    def __enter__(self) -> "LocalPool":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def local_pool(kind: Kind, workers: int, method: Method, modules: Sequence[str] = (), *, deaths: int = 3) -> LocalPool:
    """A pool of this machine. `modules` should be there in a fresh process before it is copied; `deaths` says how often
    work may end its process when it runs alone.
    """
    if kind == "threads":
        return LocalPool(workers)
    if method == "forkserver":
        preload(modules)
    return LocalPool(workers, Processes(workers, method, deaths))
