"""The order in which files of tests are begun: those that take longest first, so that none is left alone at the end."""

from collections import Counter
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parent
# Each takes at least half a hundredth of all the time, which its number of tests does not tell.
LONGEST = (
    "crash/test_points.py",
    "crash/test_zombies.py",
    "crash/test_outages.py",
    "late/test_late.py",
    "contract/test_isolation.py",
    "crash/test_faults.py",
    "journeys/test_formats.py",
    "journeys/test_object_storage.py",
    "browser/test_portal.py",
    "unit/files/s3/test_faults.py",
    "unit/cli/test_commands.py",
    "contract/test_schemathesis.py",
    "unit/exports/test_splits.py",
    "journeys/test_load.py",
    "journeys/test_real_telemetry.py",
    "contract/flurry/test_reporting.py",
    "contract/flurry/test_flow.py",
    "late/test_copies.py",
    "crash/test_cancels.py",
    "conformance/test_protocols.py",
    "unit/exports/test_sessions.py",
    "unit/db/test_migrate.py",
    "contract/native/test_exports.py",
    "unit/cli/test_traffic.py",
    "browser/test_script.py",
    "contract/native/test_events.py",
    "conformance/test_files.py",
    "unit/exports/test_forms.py",
    "docs/test_ingest.py",
    "contract/leanplum/test_streaming.py",
    "property/test_job_machine.py",
    "unit/store/test_scan.py",
    "unit/exports/test_tables.py",
    "property/test_ingest_machine.py",
    "journeys/test_secrets.py",
    "journeys/test_demo.py",
    "unit/exports/test_interruptions.py",
    "unit/ingest/test_cutting.py",
    "unit/delivery/test_s3.py",
    "unit/exports/test_verify_forms.py",
    "unit/formats/test_identity.py",
    "unit/exports/test_poison.py",
    "journeys/test_command_line.py",
    "unit/upkeep/test_histories.py",
    "journeys/test_chains.py",
    "unit/jobs/test_turns.py",
    "unit/client/test_pull.py",
    "unit/ingest/test_sealing.py",
    "unit/store/test_commits.py",
    "journeys/test_hostile.py",
    "contract/leanplum/test_limits.py",
    "unit/cli/test_export.py",
    "unit/exports/test_recorded.py",
)


def longest_first(items: list[pytest.Item]) -> None:
    """Sort tests by their files: these first, the others by how many tests they have. Within a file nothing moves."""
    ranks = {TESTS / name: rank for rank, name in enumerate(LONGEST)}
    tests = Counter(item.path for item in items)
    items.sort(key=lambda item: (ranks.get(item.path, len(ranks)), -tests[item.path]))
