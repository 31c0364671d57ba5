"""Time zones by the rules of the pinned package, so that every machine has the same."""

from datetime import UTC, date, datetime, time, tzinfo
from functools import lru_cache
from importlib.resources import files
from zoneinfo import ZoneInfo


@lru_cache(maxsize=64)
def zone_of(name: str) -> tzinfo:
    """A zone by the rules of the pinned package, not the machine's.

    Raises:
        LookupError: there is no such zone.
    """
    if name == "UTC":
        return UTC
    try:
        with files("tzdata").joinpath("zoneinfo", *name.split("/")).open("rb") as rules:
            return ZoneInfo.from_file(rules, key=name)
    except (OSError, ValueError) as error:
        raise LookupError(name) from error


def day_in(instant: int, zone: str) -> date:
    """The calendar day of a zone that holds an instant, in ms."""
    return datetime.fromtimestamp(instant / 1000, zone_of(zone)).date()


def midnight(day: date, zone: str) -> int:
    """When a day of a zone begins, in ms."""
    return int(datetime.combine(day, time(), zone_of(zone)).timestamp()) * 1000
