"""What the API lets its clients ask for: settings of its own, with the document's numbers as defaults."""

from collections.abc import Mapping, Sequence

from tailrace.model.clock import DAY
from tailrace.model.policy import Limit, Policy, Quota

NAME = "devtodev"
PER_DAY_OF_SPACE, PER_DAY_OF_USER = f"{NAME}.per_day_of_space", f"{NAME}.per_day_of_user"
APART, PENDING = f"{NAME}.apart_ms", 202
_UNBOUNDED = 1 << 62  # the document bounds what a user may have at once, and nothing else

LIMITS: Sequence[Limit] = (
    Limit(PER_DAY_OF_SPACE, 100, "jobs", "devtodev jobs of a space on a day in UTC; 0: any number."),
    Limit(PER_DAY_OF_USER, 50, "jobs", "devtodev jobs of a user on a day in UTC; 0: any number."),
    Limit("devtodev.max_running", 5, "jobs", "devtodev jobs that a user may have waiting or running; 0: any number."),
    Limit(APART, 5_000, "ms", "How long after a user's last devtodev job the next may come; 0: at once.", most=DAY),
    Limit("devtodev.file_life_ms", DAY, "ms", "How long the report of a devtodev job is kept.", most=315_360_000_000),
    Limit("devtodev.max_downloads", 10, "downloads", "How often a report may be downloaded; 0: any number of times."),
    Limit(
        "devtodev.max_age_days", 90, "days", "How long ago a devtodev job may begin and end; 0: any time.", most=36_500
    ),
    Limit(
        "devtodev.pending_status",
        PENDING,
        "status",
        "Status of a devtodev job that waits: 200 for clients that take 202 for an error; anything else is 202.",
        most=202,
    ),
)


def policy_of(limits: Mapping[str, int]) -> Policy:
    """The policy by the limits that hold now."""
    return Policy(
        max_running=_UNBOUNDED,
        series=NAME,
        max_running_of_user=limits["devtodev.max_running"],
        apart_ms=limits[APART],
        quotas=(
            Quota(PER_DAY_OF_USER, limits[PER_DAY_OF_USER], "user"),
            Quota(PER_DAY_OF_SPACE, limits[PER_DAY_OF_SPACE], "space"),
        ),
    )


def pending_status(limits: Mapping[str, int]) -> int:
    """What is answered of a job that waits."""
    return 200 if limits["devtodev.pending_status"] == 200 else PENDING
