"""The commands of a world as real processes, which are started again when they die."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from tailrace.cli.codes import TRY_AGAIN

Role = Literal["alone", "server", "worker"]

STOP_S = 30
KILLED, ENDED = -signal.SIGKILL, (0, -signal.SIGTERM)  # exit codes; the second is of one that had only just begun
TAIL = 6000  # characters of a log
# What `tailrace.model.points` reads.
KILL_AT, WAIT_AT, SIGNS = "TAILRACE_TEST_KILL_AT", "TAILRACE_TEST_WAIT_AT", "TAILRACE_TEST_SIGNS"


class Daemon:
    """`tailrace serve` with its worker (alone), without (server), or `tailrace worker`."""

    def __init__(self, role: Role, data: Path, port: int, log: Path, environment: Mapping[str, str]) -> None:
        options = {"alone": ["--port", str(port)], "server": ["--port", str(port), "--no-worker"], "worker": []}
        command = "worker" if role == "worker" else "serve"
        self.role = role
        self.log = log
        self._command = [sys.executable, "-m", "tailrace", command, "--data", str(data), *options[role]]
        self._environment = {**os.environ, **environment}
        self._process: subprocess.Popen[bytes] | None = None
        self._kills: Mapping[str, str] = {}
        self._begun = 0  # how long its log was when it was started last
        self._ended = False  # whether it was told to end since then

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """The process as it is now."""
        assert self._process is not None
        return self._process

    def start(self, arms: Mapping[str, str]) -> None:
        """Start it; `arms` are points at which something is to happen to it."""
        self._kills = {variable: value for variable, value in arms.items() if variable != WAIT_AT}
        self._start(arms)

    def start_again(self) -> None:
        """Start it after its death: it may die at other points as well, but waits nowhere."""
        self._start(self._kills)

    def _start(self, arms: Mapping[str, str]) -> None:
        with self.log.open("ab") as out:
            self._begun, self._ended = out.tell(), False
            self._process = subprocess.Popen(self._command, env={**self._environment, **arms}, stdout=out, stderr=out)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal, unless it is dead."""
        self._ended |= number == signal.SIGTERM
        self.process.send_signal(number)

    @property
    def standing(self) -> bool:
        """Whether it was stopped and waits to be told to go on."""
        return state_of(self.process.pid) == "T"

    def said(self, event: str) -> bool:
        """Whether its log has an event since it was started last."""
        return f"event={event}".encode() in self.log.read_bytes()[self._begun :]

    def check_death(self, code: int) -> None:
        """Raise AssertionError unless somebody killed or ended it, or it could not begin without what is away."""
        meant = code in (KILLED, TRY_AGAIN) or (self._ended and code in ENDED)
        assert meant, f"the {self.role} died by itself with exit code {code}:\n{self.log.read_text()[-TAIL:]}"

    def end(self) -> int:
        """End it in order; its exit code."""
        self.signal(signal.SIGTERM)
        return self.process.wait(STOP_S)


def state_of(process: int) -> str:
    """The state of a process in one letter; "" if there is none."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return ""


def processes_with(variable: str, value: str) -> list[int]:
    """All living processes whose environment has a variable of a value."""
    wanted = f"{variable}={value}".encode()
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if wanted in (folder / "environ").read_bytes().split(b"\0") and state_of(int(folder.name)) not in ("Z", ""):
                found.append(int(folder.name))
        except (OSError, ValueError):
            continue
    return found
