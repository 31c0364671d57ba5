"""What the API lets its clients ask for: settings of its own, with the document's numbers as defaults."""

from collections.abc import Mapping, Sequence

from tailrace.model.clock import DAY
from tailrace.model.policy import Daily, Limit, Policy

NAME = "leanplum"
ZONE = "America/Los_Angeles"  # "PST/PDT": of dates, and of the day of the quota

LIMITS: Sequence[Limit] = (
    Limit(
        "leanplum.max_age_days",
        60,
        "days",
        "How long ago what a Leanplum export shows may have begun, or become available; 0: any time.",
        most=36_500,
    ),
    Limit("leanplum.per_day", 24, "exports", "Leanplum exports of an app on a Pacific day; 0: any number."),
    Limit(
        "leanplum.max_running", 10_000, "exports", "Unfinished exports of a space above which Leanplum's are refused."
    ),
    Limit(
        "leanplum.file_life_ms",
        DAY,
        "ms",
        "How long the files of a Leanplum export are kept.",
        most=315_360_000_000,
    ),
    Limit(
        "leanplum.file_bytes",
        256_000_000,
        "bytes",
        "About how large a file of a Leanplum export becomes; at least 16,000,000.",
        most=1 << 40,
    ),
)


def policy_of(limits: Mapping[str, int]) -> Policy:
    """The policy by the limits that hold now."""
    return Policy(
        max_running=limits["leanplum.max_running"],
        series=NAME,
        daily=Daily("leanplum.per_day", limits["leanplum.per_day"], ZONE),
    )
