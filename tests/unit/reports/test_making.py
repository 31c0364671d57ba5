"""Reports are made of little: statistics where they tell enough, few columns, a bounded number of actors at a time."""

from collections import Counter
from functools import partial
from typing import Any

import pytest
from msgspec.structs import replace

from tailrace.model.access import Scope
from tailrace.model.clock import DAY, HOUR, parse_iso
from tailrace.model.errors import Invalid
from tailrace.reports import counting, making
from tailrace.reports.asked import Dimension, Measure, Report, Unit
from tailrace.reports.conditions import Condition
from tailrace.reports.distinct import Distinct
from tailrace.reports.making import Made, make_report
from tailrace.store.segments import read_row_group
from tailrace.wiring import House
from tests.sending import Row, event, seal, send

T = parse_iso("2026-03-01T00:00:00Z")
RECEIVED = T + 30 * DAY
EVERYTHING: tuple[Measure, ...] = ("units", "sessions", "time_ms", "actors", "new_actors")


@pytest.fixture
def backend(request: pytest.FixtureRequest) -> str:
    """Only names and segments come from a database: one test on both is enough."""
    name: str = getattr(request, "param", "sqlite")
    return name


def report(unit: Unit, *dimensions: Dimension, measures: tuple[Measure, ...] = EVERYTHING, days: int = 5) -> Report:
    """A report by day."""
    return Report(unit, [T + day * DAY for day in range(days + 1)], dimensions, frozenset(measures))


def made(house: House, scope: Scope, asked: Report) -> Made:
    return make_report(house.database, house.files, scope, asked)


@pytest.fixture
def sent(house: House, scope: Scope) -> list[Row]:
    """Ten devices, each with a session on each of four days that holds two events, sealed in two seals."""
    records = [
        event(name, T + day * DAY + device * HOUR + place * 1000, device=f"d{device}", session=f"s{device}/{day}",
              params={"n": device, "even": device % 2 == 0})
        for day in range(4) for device in range(10) for place, name in enumerate(("go", "stop"))
    ]  # fmt: skip
    for half in (records[:40], records[40:]):
        send(house, scope, half, at=RECEIVED)
        seal(house, scope)
    return records


@pytest.mark.parametrize("backend", ["sqlite", "postgresql"], indirect=True)
@pytest.mark.usefixtures("sent")
def test_both_databases(house: House, scope: Scope) -> None:
    """Names, segments and counts are the same on either."""
    found = made(house, scope, report("event", "event"))
    per_day = {"units": 10, "sessions": 10, "time_ms": 10_000, "actors": 10}
    assert found.numbers == {
        (day, (name,)): per_day | {"new_actors": 10 if day == 0 else 0} for day in range(4) for name in ("go", "stop")
    }
    assert {found.names.text("event", "name", name) for name in found.names.numbers["event"]} == {"go", "stop"}


class Reads:
    """Takes down what a report reads of files."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.columns: set[str] = set()
        for module in ("fragments", "scan"):
            patch.setattr(f"tailrace.store.{module}.read_row_group", self._read)

    def _read(self, file: Any, index: int, columns: Any, events: Any) -> Any:
        self.columns |= {*columns, *(f"events.{name}" for name in events)}
        return read_row_group(file, index, columns, events)


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> Reads:
    return Reads(monkeypatch)


@pytest.mark.usefixtures("sent")
def test_statistics_are_enough_for_some(house: House, scope: Scope, reads: Reads) -> None:
    """Sessions, occurrences and parameters by name are told without a read where a period holds all of a segment, and
    are the same where it does not; other measures and dimensions read.
    """
    cases: list[tuple[Unit, tuple[Dimension, ...], Measure, dict[Any, int]]] = [
        ("session", (), "sessions", {(): 10}),
        ("event", ("event",), "units", {("go",): 10, ("stop",): 10}),
        ("event", (), "units", {(): 20}),
        ("param", ("event", "key"), "units", {(e, k): 10 for e in ("go", "stop") for k in ("n", "even")}),
        ("param", ("key",), "units", {("n",): 20, ("even",): 20}),
    ]
    for unit, dimensions, measure, wanted in cases:
        asked = report(unit, *dimensions, measures=(measure,), days=4)
        truth = {(day, values): number for day in range(4) for values, number in wanted.items()}
        found = made(house, scope, asked).numbers
        assert {group: numbers[measure] for group, numbers in found.items()} == truth
        assert not reads.columns, (unit, dimensions)
        shifted = replace(asked, bounds=[T - DAY // 2, T + 4 * HOUR + 1, T + 9 * DAY])
        total: Counter[Any] = Counter()
        for (_, values), numbers in made(house, scope, shifted).numbers.items():
            total[values] += numbers[measure]
        assert total == {values: 4 * number for values, number in wanted.items()}
        assert reads.columns, (unit, dimensions)
        reads.columns.clear()


@pytest.mark.usefixtures("sent")
def test_what_is_not_looked_at_is_not_read(house: House, scope: Scope, reads: Reads) -> None:
    """Of sessions no column of events is read, of events no parameters; a condition adds what it looks at."""
    basics = {"session_start", "fragment", "row_session_number"}
    made(house, scope, report("session", measures=("actors",)))
    assert reads.columns == basics | {"user_number", "first_seen"}
    reads.columns.clear()
    made(house, scope, report("session", "version", measures=("time_ms",)))
    assert reads.columns == basics | {"session_duration_ms", "app_version"}
    reads.columns.clear()
    asked = report("event", measures=("sessions",))
    made(house, scope, replace(asked, conditions=(Condition("country", "name", "in", ("DE",)),)))
    assert {"country", "events.event"} <= reads.columns
    assert "events.params" not in reads.columns
    reads.columns.clear()
    nothing = replace(asked, conditions=(Condition("event", "name", "in", ("nobody",)),))
    assert made(house, scope, nothing).numbers == {}
    assert not reads.columns


@pytest.fixture
def shares(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """The shares of actors that are counted, one after the other."""
    found: list[tuple[int, int]] = []
    made_by = counting.Counting

    def noted(*given: Any) -> Any:
        found.append(given[2])
        return made_by(*given)

    monkeypatch.setattr(making, "Counting", noted)
    return found


@pytest.mark.usefixtures("sent")
def test_many_actors_are_counted_some_at_a_time(
    house: House, scope: Scope, shares: list[tuple[int, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With room for few pairs of group and actor a report reads more often, and says the same."""
    asked = replace(report("event", "event"), bounds=[T, T + 5 * DAY])
    whole = made(house, scope, asked)
    assert shares == [(0, 1)]
    monkeypatch.setattr(counting, "Distinct", partial(Distinct, 6))
    assert made(house, scope, asked) == whole
    assert shares[-4:] == [(0, 4), (1, 4), (2, 4), (3, 4)]  # 20 pairs, at most 6 at a time
    assert {numbers["actors"] for numbers in whole.numbers.values()} == {10}


@pytest.mark.usefixtures("sent")
def test_periods_that_are_over_are_forgotten(
    house: House, scope: Scope, shares: list[tuple[int, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By day there is never more to keep than two days have, so four days with ten actors each are read once."""
    monkeypatch.setattr(counting, "Distinct", partial(Distinct, 20))
    found = made(house, scope, report("session", measures=("actors",), days=4)).numbers
    assert [found[day, ()]["actors"] for day in range(4)] == [10] * 4
    assert shares == [(0, 1)]
    made(house, scope, replace(report("event", "event", measures=("actors",)), bounds=[T, T + 5 * DAY]))
    monkeypatch.setattr(counting, "Distinct", partial(Distinct, 19))
    made(house, scope, replace(report("event", "event", measures=("actors",)), bounds=[T, T + 5 * DAY]))
    assert shares[1:] == [(0, 1), (0, 1), (0, 2), (1, 2)]


@pytest.mark.usefixtures("sent")
def test_too_many_groups_are_refused(house: House, scope: Scope, monkeypatch: pytest.MonkeyPatch) -> None:
    """A report whose rows do not fit says so, and how many do."""
    monkeypatch.setattr(counting.check_groups, "__defaults__", (7,))
    with pytest.raises(Invalid, match="more than 7 rows"):
        made(house, scope, report("event", "event"))
    assert len(made(house, scope, report("session")).numbers) == 4


def test_late_events_belong_to_their_session(house: House, scope: Scope) -> None:
    """A late event of the day after makes its session longer and counts on the session's day; nobody is counted twice.
    An earlier one does not move the start.
    """
    at = T + 23 * HOUR
    send(house, scope, [event("go", at), event("go", at + HOUR // 2)], at=RECEIVED)
    seal(house, scope)
    send(house, scope, [event("go", at + 3 * HOUR), event("stop", at - HOUR)], at=RECEIVED)
    seal(house, scope)
    assert made(house, scope, report("session")).numbers == {
        (0, ()): {"units": 1, "sessions": 1, "time_ms": 3 * HOUR, "actors": 1, "new_actors": 1}
    }
    assert made(house, scope, report("event", "event")).numbers == {
        (0, (name,)): {"units": count, "sessions": 1, "time_ms": 3 * HOUR, "actors": 1, "new_actors": 1}
        for name, count in (("go", 3), ("stop", 1))
    }
