"""Visits as they are sent, and what a report on them must say, counted by plain Python from what was sent."""

import json
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from tailrace.accounts.lookup import scope_of_app
from tailrace.model.clock import DAY, HOUR, parse_iso
from tailrace.wiring import House
from tests.sending import event, seal, send

Row = dict[str, Any]
Group = tuple[Any, ...]

FROM = parse_iso("2026-03-01T00:00:00Z")
RECEIVED = parse_iso("2026-04-01T00:00:00Z")
DAYS = (1, 7, 8, 9, 14, 20)  # of March; clocks in America are put forward on the 8th
APPS = ("app_waves", "app_tides")
NAMES = ("open", "buy", 'a "b", [c]', "Öffnen 1/2")
VERSIONS = ("1.0", "2.0", "2.0.1", None)
COUNTRIES = ("DE", "US", None)
VALUES: Sequence[Any] = ("x", "1", 1, 2.5, True, None, "ä, b", {"deep": [1]})


@dataclass(frozen=True)
class Event:
    """An event of a visit; what is late is sent when the rest has been sealed."""

    name: str
    time: int
    params: Mapping[str, Any]
    late: bool = False


@dataclass(frozen=True)
class Visit:
    """A session as it is sent."""

    app: str
    device: str
    session: str
    version: str | None
    country: str | None
    events: tuple[Event, ...]

    @property
    def start(self) -> int:
        """When the first event happened that was not late."""
        return min(one.time for one in self.events if not one.late)

    @property
    def length(self) -> int:
        """From the start to the last event."""
        return max(one.time for one in self.events) - self.start


def some_visits(seed: int = 7, count: int = 120) -> list[Visit]:
    """Visits of few devices in two apps, some of them around midnight, some with late events."""
    chance = random.Random(seed)  # noqa: S311 - it is to be the same each time
    return [_visit(chance, place) for place in range(count)]


def _visit(chance: random.Random, place: int) -> Visit:
    start = FROM + (chance.choice(DAYS) - 1) * DAY + chance.randrange(DAY)
    times = sorted({start, *(start + chance.randrange(2 * HOUR) for _ in range(chance.randrange(4)))})
    events = [Event(chance.choice(NAMES), time, _params(chance), bool(n) and chance.random() < 0.2)
              for n, time in enumerate(times)]  # fmt: skip
    return Visit(
        chance.choice(APPS),
        f"d{chance.randrange(12)}",
        f"s{place}",
        chance.choice(VERSIONS),
        chance.choice(COUNTRIES),
        tuple(events),
    )


def _params(chance: random.Random) -> Mapping[str, Any]:
    keys = chance.sample(("k", "item", "größe"), chance.randrange(4))
    return {key: chance.choice(VALUES) for key in keys}


def take_in(house: House, visits: Sequence[Visit]) -> None:
    """Send and seal visits, what is late after all else."""
    for late in (False, True):
        for app in sorted({visit.app for visit in visits}):
            scope = scope_of_app(house.database, app)
            records = [_record(visit, one) for visit in visits for one in visit.events
                       if (visit.app, one.late) == (app, late)]  # fmt: skip
            if records:
                assert not send(house, scope, records, at=RECEIVED).rejected
                seal(house, scope)


def _record(visit: Visit, one: Event) -> Row:
    session = {"app_version": visit.version, "country": visit.country}
    session = {key: value for key, value in session.items() if value is not None}
    more = {"session": session} if session else {}
    record = event(one.name, one.time, device=visit.device, session=visit.session, params=dict(one.params))
    return record | more


# What a report must say


Unit = tuple[Visit, Event | None, str | None, Any]
Wanted = Callable[[Unit], bool]


def expected(
    visits: Sequence[Visit],
    table: str,
    grain: str,
    dimensions: Sequence[str],
    metrics: Sequence[str],
    *,
    first: str = "2026-03-01",
    end: str = "2026-03-22",
    zone: str = "UTC",
    wanted: Wanted = lambda _: True,
) -> dict[Group, tuple[Any, ...]]:
    """Values of metrics by period (its first day) and dimensions, by their names."""
    days = date.fromisoformat(first), date.fromisoformat(end)
    seen: dict[tuple[str, str], int] = {}
    for visit in visits:
        seen[visit.app, visit.device] = min(visit.start, seen.get((visit.app, visit.device), visit.start))
    found: dict[Group, dict[str, Any]] = {}
    for unit in (unit for visit in visits for unit in _units(visit, table)):
        visit = unit[0]
        day = _day(visit.start, zone)
        if not days[0] <= day < days[1] or not wanted(unit):
            continue
        period = _period(day, grain, days[0])
        group = (period.isoformat(), *(_value(unit, dimension) for dimension in dimensions))
        counted = found.setdefault(group, {"units": 0, "visits": {}, "devices": {}})
        counted["units"] += 1
        counted["visits"][visit.session] = visit.length
        first_day = _day(seen[visit.app, visit.device], zone)
        new = days[0] <= first_day < days[1] and _period(first_day, grain, days[0]) == period
        counted["devices"][visit.app, visit.device] = new
    return {group: tuple(_metric(one, metric) for metric in metrics) for group, one in found.items()}


def _units(visit: Visit, table: str) -> Iterator[Unit]:
    if table == "appUsage":
        yield visit, None, None, None
        return
    for one in visit.events:
        if table == "appEvent":
            yield visit, one, None, None
        else:
            yield from ((visit, one, key, value) for key, value in one.params.items())


def _day(instant: int, zone: str) -> date:
    return datetime.fromtimestamp(instant / 1000, ZoneInfo(zone)).date()


def _period(day: date, grain: str, first: date) -> date:
    if grain == "week":
        return day - timedelta(days=day.weekday())
    return {"day": day, "month": day.replace(day=1), "all": first}[grain]


def _value(unit: Unit, dimension: str) -> str:
    visit, one, key, value = unit
    said = {
        "app": {"app_waves": "Waves", "app_tides": "Tides"}.get(visit.app),
        "company": "acme",
        "appVersion": visit.version,
        "country": visit.country,
        "event": one and one.name,
        "paramName": key,
        "paramValue": value if isinstance(value, str) else json.dumps(value),
    }
    return said[dimension] or ""


def _metric(counted: Row, metric: str) -> Any:
    time = sum(counted["visits"].values())
    values = {
        "sessions": len(counted["visits"]),
        "timeSpent": time,
        "activeDevices": len(counted["devices"]),
        "newDevices": sum(counted["devices"].values()),
        "averageTimePerDevice": time / len(counted["devices"]),
        "averageTimePerSession": time / len(counted["visits"]),
        "occurrences": counted["units"],
        "count": counted["units"],
    }
    return values[metric]


def told(rows: Sequence[Row], dimensions: Sequence[str], metrics: Sequence[str]) -> dict[Group, tuple[Any, ...]]:
    """Rows of an answer in the same form; no group stands there twice."""
    found = {
        (row["dateTime"][:10], *(row[f"{dimension}|name"] for dimension in dimensions)): tuple(
            row[metric] for metric in metrics
        )
        for row in rows
    }
    assert len(found) == len(rows)
    return found
