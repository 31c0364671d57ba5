"""Named points at which a test may kill the process, to prove that nothing is lost there.

Without `TAILRACE_TEST_KILL_AT` in the environment a point does nothing. Its value is ``name`` or ``name:n`` for the
n-th time that the point is passed.
"""

import os
import signal

POINTS = (
    "accept.before_reply",
    "seal.sessions_closed",
    "seal.segment_written",
    "commit.before",
    "commit.after",
)

_name, _, _count = os.environ.get("TAILRACE_TEST_KILL_AT", "").partition(":")
_left = int(_count or 1)


def point(name: str) -> None:
    """Die here by SIGKILL if a test asked for it."""
    global _left
    if name == _name:
        _left -= 1
        if _left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
