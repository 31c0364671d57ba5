"""Slices on this machine: in processes of their own, or in threads of this one."""

import ctypes
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures import wait as finished
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from multiprocessing.connection import wait
from typing import Any, Literal, TypeVar

Spec = TypeVar("Spec")
Result = TypeVar("Result")

# M_MMAP_THRESHOLD, M_TRIM_THRESHOLD and M_TOP_PAD of malloc.h: from where on a buffer gets a mapping of its own, how
# much may lie idle at the top of the heap, and by how much more than is needed it grows. In bytes.
_MALLOC_OPTIONS = {-3: 256 << 20, -1: 48 << 20, -2: 8 << 20}

Pool = Literal["processes", "threads"]
# How a pool gets its processes. `fork` copies this one, which must not have started threads; `forkserver` copies a
# fresh one, which takes half a second to start and then serves for good.
Method = Literal["fork", "forkserver"]


def run_all(executor: Executor, work: Callable[[Spec], Result], specs: Sequence[Spec]) -> Generator[Result]:
    """Results in the order of the specs. The first failure is raised and what has not begun is given up.

    When this ends nothing runs any more.
    """
    futures = [executor.submit(work, spec) for spec in specs]
    try:
        for future in futures:
            yield future.result()
    finally:
        finished([future for future in futures if not future.cancel()])


def local_pool(pool: Pool, workers: int, method: Method, preload: Sequence[str] = ()) -> Executor:
    """An executor of this machine. `preload` names modules that a fresh process should hold before it is copied."""
    if pool == "threads":
        return ThreadPoolExecutor(workers, thread_name_prefix="slice")
    context = multiprocessing.get_context(method)
    if method == "forkserver":
        context.set_forkserver_preload(list(preload))
    return _Processes(lambda: ProcessPoolExecutor(workers, mp_context=context, initializer=_begin))


class _Processes(Executor):
    """A process pool that is replaced when one of its processes died: what ran in it fails, what comes next runs."""

    def __init__(self, make: Callable[[], ProcessPoolExecutor]) -> None:
        self._make = make
        self._pool = make()

    def submit(self, work: Callable[..., Result], /, *args: Any, **kwargs: Any) -> Future[Result]:
        """Run work in one of the processes."""
        try:
            return self._pool.submit(work, *args, **kwargs)
        except BrokenProcessPool:
            self._pool.shutdown(wait=False)
            self._pool = self._make()
            return self._pool.submit(work, *args, **kwargs)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the processes."""
        self._pool.shutdown(wait, cancel_futures=cancel_futures)


def _begin() -> None:
    """What a process of a pool does first: an interrupt is for the one that started it, whose end is its own end."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _reuse_memory()
    threading.Thread(target=_end_with_parent, name="parent", daemon=True).start()


def _reuse_memory() -> None:
    """Have the C library keep large buffers for the next ones: mapping each anew is a third of the system time."""
    with suppress(OSError, AttributeError):  # another C library has no such thing, and needs none
        library = ctypes.CDLL(None)
        for option, size in _MALLOC_OPTIONS.items():
            library.mallopt(option, size)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
