"""Periods are days of a time zone, whole ones also where clocks change."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from tailrace.model.clock import DAY, HOUR, iso
from tailrace.model.zones import zone_of
from tailrace.reports.periods import GRAINS, Grain, aligned, bounds, count


def test_days_on_which_clocks_change() -> None:
    """They have 23 or 25 hours, and in places that change by half an hour 23.5 or 24.5; all others 24."""
    for zone, day, hours in (
        ("America/Los_Angeles", date(2026, 3, 8), 23),
        ("America/Los_Angeles", date(2026, 11, 1), 25),
        ("Australia/Lord_Howe", date(2026, 4, 5), 24.5),
        ("Australia/Lord_Howe", date(2026, 10, 4), 23.5),
        ("UTC", date(2026, 3, 8), 24),
    ):
        made = bounds("day", day - timedelta(days=2), day + timedelta(days=3), zone_of(zone))
        assert [end - begin for begin, end in pairwise(made)] == [DAY, DAY, hours * HOUR, DAY, DAY], zone


def test_a_day_begins_with_its_first_instant() -> None:
    """Where clocks skip midnight a day begins at one, where they repeat it with the first of the two."""
    for zone, day, began in (
        ("America/Sao_Paulo", date(2018, 11, 4), "2018-11-04T03:00:00.000Z"),
        ("America/Havana", date(2026, 11, 1), "2026-11-01T04:00:00.000Z"),
        ("Pacific/Apia", date(2011, 12, 31), "2011-12-30T10:00:00.000Z"),
    ):
        begin, _ = bounds("day", day, day + timedelta(days=1), zone_of(zone))
        assert iso(begin) == began
        before, after = (datetime.fromtimestamp(at / 1000, UTC).astimezone(ZoneInfo(zone)) for at in (begin - 1, begin))
        assert before.date() < after.date() == day


@pytest.mark.parametrize("grain", GRAINS)
def test_periods_follow_one_another(grain: Grain) -> None:
    """They cover the time from the first day to the end, each begins where it may, and their number is known before."""
    first, end = date(2024, 1, 1), date(2024, 12, 2) if grain == "week" else date(2025, 1, 1)
    zone = zone_of("Europe/Berlin")
    days = [datetime.fromtimestamp(at / 1000, zone) for at in bounds(grain, first, end, zone)]
    assert (days[0].date(), days[-1].date()) == (first, end)
    assert all(day.hour == day.minute == 0 and aligned(grain, day.date()) for day in days)
    length = {"day": 1, "week": 7, "month": None, "all": (end - first).days}[grain]
    if length is None:
        assert [(day.year, day.month) for day in days] == [(2024, month) for month in range(1, 13)] + [(2025, 1)]
    else:
        assert {(after.date() - before.date()).days for before, after in pairwise(days)} == {length}
    assert len(days) - 1 <= count(grain, first, end) <= len(days) + 1


def test_what_a_period_may_begin_on() -> None:
    """Weeks on Monday, months on their first day, all else anywhere."""
    days = [date(2026, 6, 1) + timedelta(days=n) for n in range(31)]
    assert [day.day for day in days if aligned("week", day)] == [1, 8, 15, 22, 29]
    assert [day for day in days if aligned("month", day)] == [date(2026, 6, 1), date(2026, 7, 1)]
    assert all(aligned("day", day) and aligned("all", day) for day in days)
