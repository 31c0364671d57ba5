"""Named points at which a test may kill or stop the process, to prove that nothing is lost there.

Without these in the environment a point does nothing:

- `TAILRACE_TEST_KILL_AT`: ``name`` or ``name:n``; the process dies when it passes the point for the n-th time. Several
  are separated by commas;
- `TAILRACE_TEST_STOP_AT`: the same, but the process stands still until it is told to go on (SIGCONT);
- `TAILRACE_TEST_ONCE`: a directory, where a file tells that it has happened; then it happens to no other process.
"""

import os
import signal
from pathlib import Path

POINTS = (
    "accept.before_reply",
    "seal.sessions_closed",
    "seal.segment_written",
    "commit.before",
    "commit.after",
    "export.claimed",
    "slice.mid_part",
    "slice.part_written",
    "export.before_record",
    "export.mid_assemble",
    "export.before_commit",
    "export.after_commit",
    "sweep.between_deletes",
)

_ARMS = {"TAILRACE_TEST_KILL_AT": signal.SIGKILL, "TAILRACE_TEST_STOP_AT": signal.SIGSTOP}


class _Arm:
    """What is to happen to this process, and how many passings later."""

    def __init__(self, where: str, number: signal.Signals) -> None:
        self._name, _, count = where.partition(":")
        self._left = int(count or 1)
        self._signal = number

    def passed(self, name: str) -> None:
        if name == self._name:
            self._left -= 1
            if self._left == 0 and self._first():
                os.kill(os.getpid(), self._signal)

    def _first(self) -> bool:
        """Whether it has happened to no other process."""
        once = os.environ.get("TAILRACE_TEST_ONCE")
        try:
            if once:
                (Path(once) / f"{self._signal.name}-{self._name}").touch(exist_ok=False)
        except FileExistsError:
            return False
        return True


_arms = [
    _Arm(where, number)
    for variable, number in _ARMS.items()
    for where in os.environ.get(variable, "").split(",")
    if where
]


def point(name: str) -> None:
    """Die or stand still here if a test asked for it."""
    for arm in _arms:
        arm.passed(name)
