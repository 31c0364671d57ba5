"""Clocks (4.11): a sender's clock is corrected by what its batch says, within bounds; a file is believed."""

from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tailrace.accounts.audit import Actor
from tailrace.ingest.clocks import ClockRules, timed
from tailrace.ingest.flags import CORRECTED, NO_TIME, OUTSIDE
from tailrace.ingest.replay import replay
from tailrace.model.clock import DAY, HOUR, MINUTE, SECOND
from tailrace.store.inbox import append
from tests.unit.ingest.files.conftest import NOW, Importer, Write, importer, write
from tests.unit.ingest.test_accept import DOOR, Row, rows, take

__all__ = ["importer", "write"]

Given = int | None
RULES = ClockRules()
YEAR = 365 * DAY


def naive(time: Given, sent: Given, heard: Given, received: int, rules: ClockRules) -> tuple[int, int]:
    """The same, one rule after the other."""
    if heard is None or time is None:
        return (received, NO_TIME) if time is None else (time, 0)
    late = 0 if sent is None else heard - sent
    steps = 0 if abs(late) > rules.most else (2 * late + rules.step) // (2 * rules.step)
    told = time + steps * rules.step
    if not -rules.age <= told - heard <= rules.ahead:
        return heard, OUTSIDE
    return told, CORRECTED if steps else 0


near = st.none() | st.integers(NOW - 900 * DAY, NOW + 900 * DAY) | st.integers(NOW - 3 * MINUTE, NOW + 3 * MINUTE)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(near, near, st.sampled_from([None, NOW, NOW - 30 * DAY])), min_size=1, max_size=6),
    st.sampled_from([RULES, ClockRules(step=1000, most=2 * DAY, age=10 * DAY, ahead=DAY), ClockRules(most=0)]),
)
def test_columns_are_timed_as_records_would_be_one_by_one(
    records: list[tuple[Given, Given, Given]], rules: ClockRules
) -> None:
    """Each record has the time and the flags that the rules give it by itself, whatever its neighbours are."""
    times, sent, heard = (pa.array(column, pa.int64()) for column in zip(*records, strict=True))
    found, flags = timed(pa.chunked_array([times]), pa.chunked_array([sent]), heard, NOW, rules)
    expected = [naive(*record, NOW, rules) for record in records]
    assert list(zip(found.to_pylist(), flags.tolist(), strict=True)) == expected


@pytest.mark.parametrize(
    ("happened", "wrong", "latency", "expected", "flags"),
    [
        (NOW - HOUR, 0, 400, NOW - HOUR, 0),
        (NOW - HOUR, 29 * SECOND, 400, NOW - HOUR + 29 * SECOND, 0),
        (NOW - HOUR, 3 * HOUR, 400, NOW - HOUR, CORRECTED),
        (NOW - HOUR, -3 * HOUR, 29_000, NOW - HOUR, CORRECTED),
        (NOW - 3 * DAY, -56 * YEAR, 400, NOW - 3 * DAY, CORRECTED),
        (NOW - 400 * DAY, 2 * HOUR, 0, NOW - 400 * DAY, CORRECTED),
        (NOW - 401 * DAY, 2 * HOUR, 0, NOW, OUTSIDE),
        (NOW + DAY, 2 * HOUR, 0, NOW + DAY, CORRECTED),
        (NOW + DAY + 1, 0, 0, NOW, OUTSIDE),
    ],
    ids=[
        "an honest clock",
        "a clock that is nearly right",
        "ahead",
        "behind, on a slow network",
        "a clock that began anew in 1970",
        "as old as may be",
        "too old",
        "as far ahead as may be",
        "too far ahead",
    ],
)
def test_what_a_clock_says_is_put_right(happened: int, wrong: int, latency: int, expected: int, flags: int) -> None:
    """A clock that is wrong by whole minutes gives the true time to the ms, whatever the network adds; what is kept
    beside it is what the sender said.
    """
    record = {"event": "e", "device_id": "d", "time": happened + wrong}
    (row,) = rows(take([record], sent_at=NOW - latency + wrong, now=NOW))
    assert (row["time"], row["flags"] or 0) == (expected, flags)
    assert (row["client_time"], row["sent_at"], row["received_at"]) == (happened + wrong, NOW - latency + wrong, NOW)


def test_batches_of_one_device_stay_in_order_though_the_network_does_not_keep_its_pace() -> None:
    """Three batches of a device that is two hours ahead, each delayed by another time: its events keep their gaps."""
    ahead = 2 * HOUR
    found = []
    for n, latency in enumerate((5000, 100, 2500)):
        sent = NOW + n * 200 + ahead
        record = {"event": "e", "device_id": "d", "time": sent - 50}
        found += rows(take([record], sent_at=sent, now=NOW + n * 200 + latency))
    assert [row["time"] - NOW for row in found] == [-50, 150, 350]


def test_no_correction_enters_a_key() -> None:
    """The same batch at two moments has other times and the same keys, so a resend is a duplicate of the first."""
    batch: list[Row] = [{"event": "e", "device_id": "d", "time": NOW + 3 * HOUR}]
    first, again = (rows(take(batch, sent_at=NOW + 3 * HOUR, now=NOW + late))[0] for late in (0, 2 * HOUR))
    assert (first["time"], again["time"]) == (NOW, NOW + 2 * HOUR)
    assert first["key"] == again["key"]


def test_a_file_is_believed(importer: Importer, write: Write) -> None:
    """Times of any age and any `sent_at` are taken as they are, of native lines and of mapped rows alike."""
    importer.run(write("a.ndjson", '{"event":"e","device_id":"d","time":"1999-01-02T03:04:05Z"}\n'))
    fields = "".join(f'{name} = {{ column = "{name}" }}\n' for name in ("event", "device_id", "time", "sent_at"))
    importer.run(
        write("b.csv", "event,device_id,time,sent_at\ne,d,2035-01-01T00:00:00Z,2001-01-01T00:00:00Z\n"),
        "[fields]\n" + fields,
    )
    assert [(row["time"], row["flags"]) for row in importer.rows()] == [
        (915_246_245_000, None),
        (2_051_222_400_000, None),
    ]


def test_a_file_is_corrected_where_its_map_says_when_rows_were_collected(importer: Importer, write: Write) -> None:
    """By `collected_at` a row's clock is told right or wrong as if it had come then; a row without it is believed."""
    names = ("event", "device_id", "time", "sent_at", "collected_at")
    cells = [
        "a,d,2020-01-01T02:00:00Z,2020-01-01T03:00:00Z,2020-01-01T00:00:10Z",
        "b,d,2020-01-01T02:00:00Z,2020-01-01T03:00:00Z,",
        "c,d,2010-01-01T00:00:00Z,,2020-01-01T00:00:10Z",
    ]
    fields = "".join(f'{name} = {{ column = "{name}" }}\n' for name in names)
    importer.run(write("a.csv", "\n".join([",".join(names), *cells, ""])), "[fields]\n" + fields)
    midnight = 1_577_836_800_000
    assert [(row["event"], row["time"] - midnight, row["flags"]) for row in importer.rows()] == [
        ("a", -HOUR, CORRECTED),
        ("c", 10_000, OUTSIDE),
        ("b", 2 * HOUR, None),
    ]


def test_a_replay_measures_clocks_by_the_first_receipt(importer: Importer) -> None:
    """A record that is replayed two days later is corrected by when it came, not by when it was replayed."""
    long = "d" * 1001
    record: dict[str, Any] = {"event": "e", "device_id": long, "time": NOW + 3 * HOUR - SECOND}
    found = take(
        [record], sent_at=NOW + 3 * HOUR, now=NOW, door=replace(DOOR, scope=importer.door.scope, max_text_bytes=1000)
    )
    letter = replace(found.submission.dead[0], context=f'{{"protocol":"native","sent_at":{NOW + 3 * HOUR}}}')
    append(importer.database, [replace(found.submission, dead=[letter])])
    importer.door = replace(importer.door, max_text_bytes=5000)
    (buried,) = importer.letters()
    assert replay(importer.database, importer.door, buried.number, lambda: NOW + 2 * DAY, Actor(1, "op")).records == 1
    (row,) = importer.rows()
    assert (row["time"], row["received_at"], row["flags"]) == (NOW - SECOND, NOW + 2 * DAY, CORRECTED)
