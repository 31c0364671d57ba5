"""Running a program and measuring what it and its children cost."""

import os
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

SAMPLES_PER_S = 20


class Failed(Exception):
    """A program did not end well; its last words are the message."""


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds on the clock, seconds of processor, and the largest memory at one moment in bytes of PSS."""

    wall: float
    cpu: float
    peak: int


def run(command: Sequence[str], folder: Path) -> Cost:
    """Run a program in a folder to its end.

    Processor time is user and system time of the process and of all children that it waited for. Memory is the sum of
    PSS over the process tree, sampled: shared pages count once, and a shorter peak than the pause can be missed.
    """
    peak = _Peak()
    begin = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, cwd=folder)
    said: list[bytes] = []
    reader = threading.Thread(target=lambda: said.append(process.stderr.read() if process.stderr else b""))
    reader.start()
    peak.follow(process.pid)
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - begin
    process.returncode = os.waitstatus_to_exitcode(status)  # so that Popen does not wait again
    peak.end()
    reader.join()
    if process.returncode:
        words = said[0].decode(errors="replace")[-500:]
        raise Failed(f"{' '.join(command)} ended with {process.returncode}: {words}")
    return Cost(wall, usage.ru_utime + usage.ru_stime, peak.bytes)


class _Peak:
    """The largest sum of PSS of a process tree, looked at in a thread."""

    def __init__(self) -> None:
        self.bytes = 0
        self._over = threading.Event()
        self._thread: threading.Thread | None = None

    def follow(self, pid: int) -> None:
        self._thread = threading.Thread(target=self._look, args=(pid,))
        self._thread.start()

    def end(self) -> None:
        self._over.set()
        if self._thread:
            self._thread.join()

    def _look(self, pid: int) -> None:
        while True:
            self.bytes = max(self.bytes, memory_of(pid))
            if self._over.wait(1 / SAMPLES_PER_S):
                return


def memory_of(pid: int) -> int:
    """PSS of a process and all below it, bytes."""
    return sum(map(_pss, _tree(pid)))


def _tree(pid: int) -> Iterator[int]:
    """A process and all below it."""
    yield pid
    try:
        for children in Path(f"/proc/{pid}/task").glob("*/children"):
            for child in children.read_text().split():
                yield from _tree(int(child))
    except OSError:  # it ended meanwhile
        return


def _pss(pid: int) -> int:
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0
    for line in text.splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    return 0
