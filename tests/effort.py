"""How much tests try: a few examples each time, and as many times more as `TAILRACE_TEST_EXAMPLES` says."""

import os

_TIMES = int(os.environ.get("TAILRACE_TEST_EXAMPLES", "1"))


def examples(few: int) -> int:
    """How many examples a property is tried with where each takes long."""
    return few * _TIMES
