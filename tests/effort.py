"""How much tests try: each thing once in CI; once more, with other values or on the other database, by `-m thorough`.

A few examples each time, and as many times more as `TAILRACE_TEST_EXAMPLES` says.
"""

import os
import zlib
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

_TIMES = int(os.environ.get("TAILRACE_TEST_EXAMPLES", "1"))
_TESTS = Path(__file__).resolve().parent

# Where what a database does is the matter itself, so that CI tries both.
BOTH = ("conformance", "crash", "property", "unit/db", "unit/ingest", "unit/jobs", "unit/store")


def examples(few: int) -> int:
    """How many examples a property is tried with where each takes long."""
    return few * _TIMES


def seeds(count: int) -> list[Any]:
    """Seeds of stories of one kind, of which CI tells the first."""
    return [0, *(again(seed) for seed in range(1, count))]


def again(*values: object) -> Any:
    """A parameter with which a test shows once more what it shows with another one."""
    return pytest.param(*values, marks=pytest.mark.thorough)


def mark_repetitions(items: Sequence[pytest.Item]) -> None:
    """Of a test that runs on either database make one of the two runs a repetition, here on this one, there on that."""
    pairs: dict[str, dict[str, pytest.Item]] = defaultdict(dict)
    for item in items:
        callspec: Any = getattr(item, "callspec", None)
        if callspec is not None and "backend" in callspec.params and not _on_both(item.path):
            backend: str = callspec.params["backend"]
            pairs[item.nodeid.replace(backend, "", 1)][backend] = item
    for name, runs in pairs.items():
        if len(runs) > 1:
            again_on = sorted(runs)[zlib.crc32(name.encode()) % len(runs)]
            runs[again_on].add_marker(pytest.mark.thorough)


def _on_both(path: Path) -> bool:
    return any(path.is_relative_to(_TESTS / folder) for folder in BOTH)
