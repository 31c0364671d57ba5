"""Periods: the days, weeks or months of a time zone as instants."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Literal, get_args

Grain = Literal["day", "week", "month", "all"]
GRAINS: tuple[Grain, ...] = get_args(Grain)
_MONDAY = 0


def aligned(grain: Grain, day: date) -> bool:
    """Whether a period of a grain can begin on a day: weeks begin on Monday."""
    return {"week": day.weekday() == _MONDAY, "month": day.day == 1}.get(grain, True)


def bounds(grain: Grain, first: date, end: date, zone: tzinfo) -> Sequence[int]:
    """The instants (ms) between which the periods from a day up to another lie; `end` is not in them.

    Both days are aligned, and the first is before the end. A day begins with its first instant, also where clocks
    skip midnight or repeat it.
    """
    days = [first]
    while grain != "all" and (after := _after(grain, days[-1])) < end:
        days.append(after)
    return [_begins(day, zone) for day in (*days, end)]


def count(grain: Grain, first: date, end: date) -> int:
    """About how many periods there are, without making them."""
    length = {"day": 1, "week": 7, "month": 28}.get(grain, 0)
    return (end - first).days // length + 1 if length else 1


def _after(grain: Grain, day: date) -> date:
    if grain == "month":
        return (day + timedelta(days=31)).replace(day=1)
    return day + timedelta(days=7 if grain == "week" else 1)


def _begins(day: date, zone: tzinfo) -> int:
    moment = datetime.combine(day, time(), zone).astimezone(UTC)
    return int(moment.timestamp()) * 1000
