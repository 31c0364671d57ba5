"""One process that does what it is asked, a thing at a time, over a pipe of its own.

Since nobody shares the pipe, a process that dies at whatever moment harms nothing but what it was doing.
"""

import multiprocessing
import os
import pickle
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib.abc import MetaPathFinder
from multiprocessing.connection import Connection, wait
from typing import Any, Literal, TypeVar

from tailrace.compute import stops
from tailrace.compute.memory import reuse_memory
from tailrace.logs import log

Spec = TypeVar("Spec")
Result = TypeVar("Result")

# How processes are made. `fork` copies this one, which must not have started threads; `forkserver` copies a fresh one,
# which takes half a second to start and then serves for good.
Method = Literal["fork", "forkserver"]


class Died(Exception):
    """The process ended while it was at work."""


class Process:
    """A process that waits for work."""

    def __init__(self, method: Method) -> None:
        context: Any = multiprocessing.get_context(method)
        self._pipe, theirs = context.Pipe()
        flags = stops.shared() if method == "forkserver" else None
        self._process = context.Process(target=_serve, args=(theirs, flags), name="slices", daemon=True)
        self._process.start()
        theirs.close()  # so that the pipe ends with the process
        self.alive = True

    def ask(self, work: Callable[[Spec], Result], spec: Spec) -> Result:
        """Do work and wait for its result, or raise what it raises.

        Raises:
            Died: the process has ended.
        """
        try:
            self._pipe.send((work, spec))
            result, error, told = self._pipe.recv()
        except (EOFError, OSError):
            self.end()
            log.warning("slices.process_died", code=self._process.exitcode)
            raise Died(f"exit code {self._process.exitcode}") from None
        if error is not None:
            error.add_note(told)
            raise error
        found: Result = result
        return found

    def end(self) -> None:
        """End the process, which must be idle or dead."""
        self.alive = False
        with suppress(OSError):
            self._pipe.send(None)
        self._pipe.close()
        self._process.join()


def preload(modules: Sequence[str]) -> None:
    """Name modules that a fresh process should hold before it is copied."""
    multiprocessing.get_context("forkserver").set_forkserver_preload(list(modules))


def _serve(pipe: Connection, flags: Any) -> None:
    """The life of a process."""
    _begin(flags)
    with suppress(EOFError, OSError):  # the other side is gone
        while (asked := pipe.recv()) is not None:
            pipe.send(_answer(*asked))


def _answer(work: Callable[[Any], Any], spec: Any) -> tuple[Any, BaseException | None, str]:
    try:
        return work(spec), None, ""
    except BaseException as error:
        return None, _portable(error), traceback.format_exc()


def _portable(error: BaseException) -> BaseException:
    """An error, or if it cannot travel, one that says what it was."""
    try:
        pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error


def _begin(flags: Any) -> None:
    """What a process does first: an interrupt is for the one that started it, whose end is its own end."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if flags is not None:
        stops.join(flags)
    sys.meta_path.insert(0, _NoPandas())
    reuse_memory()
    threading.Thread(target=_end_with_parent, name="parent", daemon=True).start()


class _NoPandas(MetaPathFinder):
    """Says at once that there is no pandas: Arrow asks anew with each array that it makes, and no slice needs it."""

    def find_spec(self, fullname: str, path: object = None, target: object = None) -> None:  # noqa: ARG002
        """Raises ModuleNotFoundError for that one module."""
        if fullname == "pandas":
            raise ModuleNotFoundError(fullname)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
