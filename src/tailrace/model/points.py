"""Named points at which a test may have the process killed, or a thread wait, to prove that nothing is lost there.

Without these in the environment a point does nothing:

- `TAILRACE_TEST_KILL_AT`: ``name`` or ``name:n``; the process dies when it passes the point for the n-th time. Several
  are separated by commas;
- `TAILRACE_TEST_WAIT_AT`: the same, but the thread waits there until its sign is taken away;
- `TAILRACE_TEST_SIGNS`: a directory, in which a file such as ``kill.export.claimed`` is a sign that it has happened.
  What has its sign happens to no other process.
"""

import os
import signal
import time
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
    "bundles.before_commit",
    "sweep.between_deletes",
    "delivery.file_copied",
    "delivery.before_end",
)

_WAIT_S = 0.01


class _Arm:
    """What is to happen to this process, and how many passings later."""

    def __init__(self, what: str, where: str) -> None:
        self._what = what
        self._name, _, count = where.partition(":")
        self._left = int(count or 1)

    def passed(self, name: str) -> None:
        if name == self._name:
            self._left -= 1
            if self._left == 0:
                self._happen()

    def _happen(self) -> None:
        folder = os.environ.get("TAILRACE_TEST_SIGNS")
        sign = Path(folder) / f"{self._what}.{self._name}" if folder else None
        try:
            if sign:
                sign.touch(exist_ok=False)
        except FileExistsError:
            return
        if self._what == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        while sign and sign.exists():
            time.sleep(_WAIT_S)


def _arms_of(what: str) -> list[_Arm]:
    named = os.environ.get(f"TAILRACE_TEST_{what.upper()}_AT", "")
    return [_Arm(what, where) for where in named.split(",") if where]


_arms = [*_arms_of("kill"), *_arms_of("wait")]


def point(name: str) -> None:
    """Die or wait here if a test asked for it."""
    for arm in _arms:
        arm.passed(name)
