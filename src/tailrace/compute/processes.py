"""Processes that take work in turn. One that dies is replaced, and its work is tried again with nothing beside it."""

from collections.abc import Callable
from contextlib import suppress
from threading import Lock
from typing import TypeVar

from tailrace.compute.gate import Gate
from tailrace.compute.process import Died, Method, Process

Spec = TypeVar("Spec")
Result = TypeVar("Result")


class Poisoned(Exception):
    """Work has ended its process, alone, as often as is tried. `spec` is what was worked on."""

    def __init__(self, spec: object, deaths: int) -> None:
        super().__init__(f"it ended its process {deaths} times")
        self.spec = spec
        self.deaths = deaths


class Processes:
    """As many as run at a time. Safe to use from many threads.

    A death may be the fault of what runs beside: memory is shared. So work that met one runs alone from then on, and
    only what dies then counts.
    """

    def __init__(self, count: int, method: Method, deaths: int) -> None:
        self._count = count
        self._method = method
        self._deaths = deaths
        self._gate = Gate()
        self._lock = Lock()
        self._idle: list[Process] = []
        self._started = False

    def start(self) -> None:
        """Start all of them, if that was not done before."""
        if self._started:
            return
        with self._lock:
            if not self._started:
                self._idle = [Process(self._method) for _ in range(self._count)]
                self._method = "forkserver"  # from now on this process has threads and is not to be copied
                self._started = True

    def run(self, work: Callable[[Spec], Result], spec: Spec) -> Result:
        """Run work in one of them.

        Raises:
            Poisoned: its process died as often as is tried.
        """
        with suppress(Died), self._gate.together():
            return self._ask(work, spec)
        for _ in range(self._deaths):
            with suppress(Died), self._gate.alone():
                return self._ask(work, spec)
        raise Poisoned(spec, self._deaths)

    def end(self) -> None:
        """End all of them; none may be at work."""
        for process in self._idle:
            process.end()

    def _ask(self, work: Callable[[Spec], Result], spec: Spec) -> Result:
        process = self._take()
        try:
            return process.ask(work, spec)
        finally:
            if process.alive:
                self._idle.append(process)

    def _take(self) -> Process:
        with self._lock:
            return self._idle.pop() if self._idle else Process(self._method)
