"""How bundles are made and how often they may be asked for: settings of its own, with the document's numbers."""

from collections.abc import Mapping, Sequence

from tailrace.model.bundles import Schedule, Terms
from tailrace.model.clock import DAY, SECOND
from tailrace.model.policy import Limit
from tailrace.surfaces.fullstory.shapes import rows

NAME = "fullstory"
PAGE = 20  # "the first 20 data export bundles"
LONGEST_WAIT_S = 30  # of a Retry-After; there are clients that give up at more

LIMITS: Sequence[Limit] = (
    Limit(
        "fullstory.bundle_seconds",
        86_400,
        "s",
        "How long the interval of a bundle is, from half an hour to a day; a change holds from the next one on.",
        least=1_800,
        most=86_400,
    ),
    Limit(
        "fullstory.settle_seconds",
        3_600,
        "s",
        "How long after its end a bundle is closed. What arrives later, or belongs to a session that is open still, is"
        " in a later one; longer than `seal.inactivity_ms` keeps that rare.",
        most=31_536_000,
    ),
    Limit(
        "fullstory.history_days",
        30,
        "days",
        "How far back bundles begin when they are first asked for; older events are all in the first one.",
        most=36_500,
    ),
    Limit(
        "fullstory.keep_days", 30, "days", "How long the file of a bundle is kept; then it is unlisted.", most=36_500
    ),
    Limit(
        "fullstory.burst",
        50,
        "calls",
        "Calls of FullStory's API that one token may make at once; 0: any number.",
        per_token=True,
    ),
    Limit("fullstory.refill_per_minute", 2, "calls", "So many of them are given back a minute.", per_token=True),
    Limit(
        "fullstory.downloads_per_minute",
        0,
        "downloads",
        "Bundles that one token may download a minute, however many calls it has left; 0: any number.",
        per_token=True,
    ),
    Limit("fullstory.coordinate_decimals", 1, "digits", "Decimals that `PageLatLong` keeps.", most=9),
)


def terms_of(limits: Mapping[str, int]) -> Terms:
    """How bundles are made by the limits that hold now."""
    return Terms(
        width_ms=limits["fullstory.bundle_seconds"] * SECOND,
        settle_ms=limits["fullstory.settle_seconds"] * SECOND,
        history_ms=limits["fullstory.history_days"] * DAY,
        life_ms=limits["fullstory.keep_days"] * DAY,
        rows=rows(limits["fullstory.coordinate_decimals"]),
    )


SCHEDULE = Schedule(NAME, terms_of)
