"""Limits as data: every policy value has a documented name, a default and a unit."""

from collections.abc import Iterable
from typing import Literal

from msgspec import Struct

from tailrace.model.errors import Invalid


class Limit(Struct, frozen=True):
    """One policy value that `tailrace apply` can set; one that is `per_token` can be another for single tokens."""

    name: str
    default: int
    unit: str
    what: str
    most: int = (1 << 63) - 1
    least: int = 0
    per_token: bool = False


LIMITS: dict[str, Limit] = {
    limit.name: limit
    for limit in (
        Limit(
            "downloads.link_life_ms",
            3_600_000,
            "ms",
            "How long the links of a manifest are good for, from when it was asked for; at most seven days.",
            most=604_800_000,
        ),
        Limit("exports.max_running", 100, "exports", "Unfinished exports that one space may have at a time."),
        Limit(
            "exports.max_wait_ms",
            900_000,
            "ms",
            "How far ahead an availability window may end; the export waits until then.",
        ),
        Limit(
            "exports.max_complete_wait_ms",
            604_800_000,
            "ms",
            "How far ahead a window may end that an export waits for until it is complete (`wait_until_complete`).",
        ),
        Limit(
            "exports.file_life_ms",
            604_800_000,
            "ms",
            "How long the files of an export are kept; after that it is `expired` and can be asked for again.",
            most=315_360_000_000,
        ),
        Limit("exports.per_day", 0, "exports", "Exports that one space may ask for on a day in UTC; 0: any number."),
        Limit(
            "portal.max_window_days", 30, "days", "Longest period of a request made in the portal; 0: any.", most=36_500
        ),
        Limit("portal.max_age_days", 730, "days", "How long ago such a period may begin; 0: any time.", most=36_500),
        Limit("requests.burst", 0, "requests", "Requests that one token may send at once; 0: any number."),
        Limit("requests.refill_per_minute", 600, "requests", "So many of them are given back a minute."),
        Limit("reports.burst", 200, "requests", "Reports that one token may ask for at once; 0: any number."),
        Limit("reports.refill_per_minute", 600, "requests", "So many of them are given back a minute."),
        Limit("mail.burst", 30, "messages", "Messages that one space may have sent at once; 0: any number."),
        Limit("mail.refill_per_minute", 10, "messages", "So many of them are given back a minute."),
        Limit("logins.burst", 30, "logins", "Passwords that one address may try at once; 0: any number."),
        Limit("logins.refill_per_minute", 10, "logins", "So many of them are given back a minute."),
        Limit("ingest.max_body_bytes", 16_777_216, "bytes", "Largest request body, before and after decompression."),
        Limit("ingest.max_record_bytes", 1_048_576, "bytes", "Largest single event; a larger one is a dead letter."),
        Limit("ingest.max_records", 50_000, "records", "Most events in one request."),
        Limit(
            "ingest.max_params",
            1_000,
            "keys",
            "Most keys of any one object in an event's parameters, session or profile; one with more is a dead letter.",
        ),
        Limit(
            "ingest.max_text_bytes",
            1_024,
            "bytes",
            "Longest event name or id; a longer one is a dead letter. At most 2,048, since names are keys of an index.",
            most=2_048,
        ),
        Limit(
            "ingest.clock_step_ms",
            60_000,
            "ms",
            "A sender's clock is corrected by whole steps of this; one that is right to half a step is left alone.",
            most=86_400_000,
        ),
        Limit(
            "ingest.max_correction_ms",
            3_155_760_000_000,
            "ms",
            "A clock that seems to be further off is not corrected; 0: none is.",
            most=400_000_000_000_000,
        ),
        Limit(
            "ingest.max_age_ms",
            34_560_000_000,
            "ms",
            "An event that seems to be older when it is received gets the time of receipt.",
            most=400_000_000_000_000,
        ),
        Limit(
            "ingest.max_ahead_ms",
            86_400_000,
            "ms",
            "An event that seems to be further in the future when it is received gets the time of receipt.",
            most=400_000_000_000_000,
        ),
    )
}


class Quota(Struct, frozen=True):
    """So many exports of a dialect on a day in UTC, of each space or of each user in it; 0: any number.

    `name` is that of its limit.
    """

    name: str
    most: int
    of: Literal["space", "user"]


class Policy(Struct, frozen=True):
    """What a dialect lets its clients ask for, as far as it is not the server's own; None and 0 are no limit. Times in
    ms.

    More than about `max_events` in a window is refused, and the longest of `offers` that would do is granted instead.
    `max_running` bounds the unfinished exports of a space; None: as for everybody. Exports get numbers of a `series`,
    where a dialect calls them by number or needs to know its own.

    Of a dialect with a series each user may have `max_running_of_user` unfinished exports and ask `apart_ms` after the
    last one at the earliest, within all of the `quotas`, which are spent in their order. A request that is refused
    spends none.
    `daily` bounds those of one app on one day.
    """

    max_window_ms: int = 0
    max_age_ms: int = 0
    max_events: int = 0
    offers: tuple[int, ...] = ()
    max_running: int | None = None
    series: str = ""
    max_running_of_user: int = 0
    apart_ms: int = 0
    quotas: tuple[Quota, ...] = ()
    daily: "Daily | None" = None


class Daily(Struct, frozen=True):
    """A quota by days of a time zone, under the name of its limit; `most` 0 is none."""

    name: str
    most: int
    zone: str


def register(limits: Iterable[Limit]) -> None:
    """Add the limits of a dialect, whose names begin with its own.

    Raises:
        ValueError: another limit has that name.
    """
    for limit in limits:
        if LIMITS.setdefault(limit.name, limit) != limit:
            raise ValueError(f"there is another limit named {limit.name}")


def check_limit(name: str, value: object) -> int:
    """A value for a policy, or an error that names the policy.

    Raises:
        Invalid: the name is not a policy, or the value is not a whole number of at least 0.
    """
    if name not in LIMITS:
        raise Invalid(f"limits.{name}", f"no such policy; known are {', '.join(sorted(LIMITS))}")
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise Invalid(f"limits.{name}", f"must be a whole number of {LIMITS[name].unit}, 0 or more")
    if value < LIMITS[name].least:
        raise Invalid(f"limits.{name}", f"must be no less than {LIMITS[name].least}")
    if value > LIMITS[name].most:
        raise Invalid(f"limits.{name}", f"must be no more than {LIMITS[name].most}")
    return value


def check_token_limit(name: str, value: object) -> int:
    """The same for a policy that single tokens may have otherwise than everybody.

    Raises:
        Invalid: as `check_limit`, and if it is the same for all.
    """
    checked = check_limit(name, value)
    if not LIMITS[name].per_token:
        raise Invalid(f"limits.{name}", "is the same for all tokens")
    return checked
