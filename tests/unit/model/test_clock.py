"""Instants and their text."""

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailrace.model.clock import DAY, ShiftedClock, SystemClock, day_name, day_of, iso, parse_iso

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FIRST = -62_135_596_800_000  # year 1
LAST = 253_402_300_799_999  # year 9999
instants = st.integers(FIRST, LAST)


@given(instants)
def test_an_instant_comes_back_from_its_text(ms: int) -> None:
    """Every millisecond of the years 1 to 9999 survives the way to text and back."""
    assert parse_iso(iso(ms)) == ms


@given(instants)
def test_text_is_what_the_standard_library_writes(ms: int) -> None:
    """The text is ISO 8601 with four digits of year and exactly three of fraction, also before the year 1000."""
    moment = EPOCH + timedelta(milliseconds=ms)
    assert iso(ms) == moment.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


@given(st.datetimes(datetime(2, 1, 1), datetime(9998, 12, 31)), st.integers(-14 * 60, 14 * 60))  # noqa: DTZ001
def test_any_offset_names_the_same_instant(local: datetime, minutes: int) -> None:
    """An instant written with an offset is the one that the standard library means, its microseconds cut off."""
    aware = local.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    assert parse_iso(aware.isoformat()) == (aware - EPOCH) // timedelta(milliseconds=1)


@pytest.mark.parametrize("text", ["2026-01-02T03:04:05", "2026-01-02", "yesterday", "", "2026-13-01T00:00:00Z"])
def test_text_without_an_offset_is_refused(text: str) -> None:
    """A local time is no instant, and neither is anything else."""
    with pytest.raises(ValueError, match=r"\S"):
        parse_iso(text)


@given(instants)
def test_days_are_utc_days(ms: int) -> None:
    """A day's number and name are those of the UTC calendar, before 1970 too."""
    moment = EPOCH + timedelta(milliseconds=ms)
    assert EPOCH.date() + timedelta(days=day_of(ms)) == moment.date()
    assert day_name(day_of(ms)) == moment.date().isoformat()
    assert day_of(ms) * DAY <= ms < (day_of(ms) + 1) * DAY


def test_a_shifted_clock_follows_its_file(tmp_path: Path) -> None:
    """The file is read at each call; without it, or while it is half written, the clock is the machine's."""
    file = tmp_path / "shift"
    clock = ShiftedClock(file)
    assert clock.offset() == 0
    for text, offset in (("-86400000", -DAY), ("", 0), (" 5\n", 5)):
        file.write_text(text)
        assert clock.offset() == offset
    file.write_text(str(10 * DAY))
    before = SystemClock().now()
    assert before + 10 * DAY <= clock.now() <= SystemClock().now() + 10 * DAY
