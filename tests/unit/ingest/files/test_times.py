"""Times of files: every form gives the same milliseconds, whatever stands in the rows around it."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailrace.ingest.files.faults import Faults, converted
from tailrace.ingest.files.times import time_reader
from tailrace.model.zones import zone_of


def read(form: str, *texts: str | None, zone: str = "UTC") -> list[int | None]:
    values: list[int | None] = time_reader(form, zone)(pa.array(texts, pa.string())).to_pylist()
    return values


def ms(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() * 1000)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2023-02-01 16:16:44.589000", "2023-02-01T16:16:44.589Z"),
        ("2023-02-01 16:16:44", "2023-02-01T16:16:44Z"),
        ("2023-02-01T16:16:44.589999999", "2023-02-01T16:16:44.589Z"),
        ("2023-02-01T16:16:44.5Z", "2023-02-01T16:16:44.500Z"),
        ("2023-02-01T16:16:44+02:00", "2023-02-01T14:16:44Z"),
        ("2023-02-01T16:16:44.123456-0330", "2023-02-01T19:46:44.123Z"),
        ("2023-02-01T16:16-03", "2023-02-01T19:16:00Z"),
        ("2023-02-01", "2023-02-01T00:00:00Z"),
        (" 2023-02-01 ", "2023-02-01T00:00:00Z"),
        ("1969-12-31T23:59:59.9995", "1969-12-31T23:59:59.999Z"),
    ],
)
def test_iso_texts(text: str, expected: str) -> None:
    """With and without fraction, zone and time of day; cut to milliseconds downwards; alone and in company."""
    assert read("iso", text) == [ms(expected)]
    assert read("iso", "2024-02-29T00:00:00Z", None, text, "2024-01-01")[2] == ms(expected)


@pytest.mark.parametrize(
    ("form", "text", "expected"),
    [
        ("epoch_s", "1675268204", 1_675_268_204_000),
        ("epoch_s", "1675268204.589", 1_675_268_204_589),
        ("epoch_s", "1.675268204589e9", 1_675_268_204_589),
        ("epoch_s", "-0.0001", -1),
        ("epoch_ms", "1675268204589", 1_675_268_204_589),
        ("epoch_ms", "1675268204589.9", 1_675_268_204_589),
        ("epoch_us", "1675268204589999", 1_675_268_204_589),
        ("epoch_us", "-1", -1),
        ("%d/%m/%Y %H:%M:%S", "01/02/2023 16:16:44", 1_675_268_204_000),
        ("%Y-%m-%d %H:%M:%S %z", "2023-02-01 17:16:44 +0100", 1_675_268_204_000),
        ("%Y%m%d %H%M%S.%f", "20230201 161644.589", 1_675_268_204_589),
        ("native", "1675268204589", 1_675_268_204_589),
        ("native", "2023-02-01T16:16:44.589Z", 1_675_268_204_589),
    ],
)
def test_counts_and_patterns(form: str, text: str, expected: int) -> None:
    """Counts since 1970 in three units, with or without fraction, and patterns, with or without zone."""
    assert read(form, text, None) == [expected, None]


def test_native_times_may_be_mixed() -> None:
    """A column of a native table holds texts and counts side by side, as a native record may."""
    assert read("native", "0", "1970-01-01T00:00:01Z", "1970-01-01 00:00:02") == [0, 1000, 2000]


@pytest.mark.parametrize("form", ["iso", "epoch_s", "epoch_ms", "%Y-%m-%d", "%Y.%f", "native"])
@pytest.mark.parametrize("text", ["x", "", "2023-13-01", "nan", "2023-02-30T00:00:00Z"])
def test_other_texts_are_faults(form: str, text: str) -> None:
    """A text that is not a time is a fault of its row, and no other row's time changes by it."""
    good = {"epoch_s": "0", "epoch_ms": "0", "%Y-%m-%d": "1970-01-01", "%Y.%f": "1970.0"}.get(form, "1970-01-01")
    faults = Faults()
    texts = pa.array([good, text, good, None])
    found = converted(texts, time_reader(form, "UTC"), faults, "fields.time", "a time")
    assert found.to_pylist() == [0, None, 0, None]
    assert faults.found == {1: f"fields.time: not a time: {text!r}"}


@given(
    st.lists(st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1)), min_size=1),  # noqa: DTZ001 - local times
    st.sampled_from(["Europe/Berlin", "America/Los_Angeles", "Asia/Kathmandu", "Australia/Lord_Howe"]),
)
def test_zones_are_those_of_the_standard_library(moments: list[datetime], zone: str) -> None:
    """Local times of any zone, in skipped and repeated hours too, are what Python makes of them row by row."""
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    since = [moment.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC) - epoch for moment in moments]
    texts = [moment.isoformat(sep=" ") for moment in moments]
    assert read("iso", *texts, zone=zone) == [s // timedelta(milliseconds=1) for s in since]


def test_an_hour_that_comes_twice_is_the_first() -> None:
    """When clocks go back, a local time means its first occurrence; one that they skip means that much later."""
    assert read("iso", "2023-10-29 02:30:00", zone="Europe/Berlin") == [ms("2023-10-29T00:30:00Z")]
    assert read("iso", "2023-03-26 02:30:00", zone="Europe/Berlin") == [ms("2023-03-26T01:30:00Z")]


@pytest.mark.parametrize("name", ["Nowhere/City", "../../etc/passwd", "", "Europe"])
def test_unknown_zones(name: str) -> None:
    """Only names of the pinned package are zones."""
    with pytest.raises(LookupError):
        zone_of(name)
