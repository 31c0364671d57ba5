"""The order in which files of tests are begun: those that take longest first, so that none is left alone at the end."""

from collections import Counter
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parent
# Each takes about a hundredth of all the time or more, which its number of tests does not tell.
LONGEST = (
    "crash/test_points.py",
    "crash/test_zombies.py",
    "crash/test_outages.py",
    "crash/test_faults.py",
    "contract/test_schemathesis.py",
    "late/test_late.py",
    "late/test_copies.py",
    "unit/exports/test_forms.py",
    "unit/exports/test_splits.py",
    "unit/exports/test_sessions.py",
    "crash/test_cancels.py",
    "unit/cli/test_commands.py",
    "unit/exports/test_tables.py",
    "journeys/test_object_storage.py",
    "property/test_ingest_machine.py",
    "property/test_job_machine.py",
    "unit/exports/test_estimate.py",
    "unit/ingest/test_cutting.py",
    "unit/store/test_scan.py",
    "journeys/test_formats.py",
    "journeys/test_load.py",
    "journeys/test_real_telemetry.py",
    "contract/flurry/test_flow.py",
    "unit/upkeep/test_histories.py",
    "browser/test_script.py",
    "browser/test_portal.py",
)


def longest_first(items: list[pytest.Item]) -> None:
    """Sort tests by their files: these first, the others by how many tests they have. Within a file nothing moves."""
    ranks = {TESTS / name: rank for rank, name in enumerate(LONGEST)}
    tests = Counter(item.path for item in items)
    items.sort(key=lambda item: (ranks.get(item.path, len(ranks)), -tests[item.path]))
