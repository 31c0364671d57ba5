"""Time zones by the rules of the pinned package, so that every machine has the same."""

from datetime import UTC, tzinfo
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
