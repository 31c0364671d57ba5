"""Slices on this machine's threads: reading, joining and packing all release the interpreter's lock."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import TypeVar

Spec = TypeVar("Spec")
Result = TypeVar("Result")


def run_all(executor: Executor, work: Callable[[Spec], Result], specs: Sequence[Spec]) -> Iterator[Result]:
    """Results in the order of the specs. The first failure is raised and what has not begun is given up."""
    futures = [executor.submit(work, spec) for spec in specs]
    try:
        for future in futures:
            yield future.result()
    finally:
        for future in futures:
            future.cancel()


def local_pool(threads: int) -> ThreadPoolExecutor:
    """A pool of this process."""
    return ThreadPoolExecutor(threads, thread_name_prefix="slice")
