"""What the API lets its clients ask for: settings of its own, with the document's numbers as defaults."""

from collections.abc import Mapping, Sequence

from tailrace.model.clock import DAY, MINUTE
from tailrace.model.policy import Limit, Policy

NAME = "flurry"
WEEK = 7 * DAY

LIMITS: Sequence[Limit] = (
    Limit("flurry.max_window_days", 31, "days", "Longest period of a Flurry request; 0: any.", most=36_500),
    Limit("flurry.max_age_days", 0, "days", "How long ago a Flurry request may begin; 0: any time.", most=36_500),
    Limit(
        "flurry.max_events",
        0,
        "events",
        "A Flurry request for about more events than this is told to ask by weeks or days; 0: none is.",
    ),
    Limit("flurry.max_running", 10_000, "exports", "Unfinished exports of a space above which Flurry's are refused."),
    Limit(
        "flurry.link_life_ms",
        10 * MINUTE,
        "ms",
        "How long an `s3URI` is good for, from when it was asked for; at most seven days.",
        most=WEEK,
    ),
    Limit(
        "flurry.file_life_ms",
        30 * DAY,
        "ms",
        "How long the file of a Flurry request is kept.",
        most=315_360_000_000,
    ),
    Limit("flurry.coordinate_decimals", 2, "digits", "Decimals that `latitude` and `longitude` keep.", most=9),
    Limit(
        "flurry.storage_links",
        1,
        "0 or 1",
        "1: with files on S3 an `s3URI` is S3's own presigned URL; 0: it always leads to this server.",
        most=1,
    ),
)


def policy_of(limits: Mapping[str, int]) -> Policy:
    """The policy by the limits that hold now."""
    return Policy(
        max_window_ms=limits["flurry.max_window_days"] * DAY,
        max_age_ms=limits["flurry.max_age_days"] * DAY,
        max_events=limits["flurry.max_events"],
        offers=(WEEK, DAY),
        max_running=limits["flurry.max_running"],
        series=NAME,
    )
