"""The Analytics Reporting API: what reports say is what plain Python counts from what was sent."""

import csv
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from tailrace.accounts.limits import set_limits
from tailrace.wiring import House
from tests.contract.flurry.visits import Row, Visit, expected, some_visits, take_in, told
from tests.contract.live import READ, live

DATA = "/public/v1/data"
USAGE = ("sessions", "activeDevices", "newDevices", "timeSpent", "averageTimePerDevice", "averageTimePerSession")
EVENTS = (*USAGE, "occurrences")
SPAN = "2026-03-01/2026-03-22"
WEEKS = "2026-03-02/2026-03-16"


@dataclass(frozen=True)
class Reports:
    """A served store with visits."""

    http: httpx.Client
    house: House
    visits: Sequence[Visit]

    def ask(self, path: str, **query: str) -> httpx.Response:
        return self.http.get(f"{DATA}/{path}", params=query, headers=READ)

    def rows(self, path: str, **query: str) -> list[Row]:
        answer = self.ask(path, **query)
        assert answer.status_code == 200, answer.text
        found: list[Row] = answer.json()["rows"]
        return found

    def values(self, dimension: str, **query: str) -> list[Row]:
        answer = self.http.get(f"/public/v1/dimensions/{dimension}/values", params=query, headers=READ)
        assert answer.status_code == 200, answer.text
        found: list[Row] = answer.json()["rows"]
        return found


@pytest.fixture
def backend() -> str:
    """What differs between databases is the catalogue alone; test_both_databases asks for it on both."""
    return "sqlite"


@pytest.fixture
def reports(house: House) -> Iterator[Reports]:
    visits = some_visits()
    take_in(house, visits)
    with house.database.write() as connection:
        set_limits(connection, {"reports.burst": 0})
    with live(house) as http:
        yield Reports(http, house, visits)


def check(reports: Reports, table: str, grain: str, dimensions: Sequence[str], metrics: Sequence[str]) -> None:
    """Compare a report with what was sent, in two time zones, days in which clocks are put forward among them."""
    first, _, end = (WEEKS if grain == "week" else "2026-03-01/2026-04-01").partition("/")
    for zone in ("UTC", "America/Los_Angeles"):
        rows = reports.rows(
            "/".join((table, grain, *dimensions)), metrics=",".join(metrics), dateTime=f"{first}/{end}", timeZone=zone
        )
        wanted = expected(reports.visits, table, grain, dimensions, metrics, first=first, end=end, zone=zone)
        assert wanted
        assert told(rows, dimensions, metrics) == wanted, (table, grain, dimensions, zone)


def test_usage_is_what_was_sent(reports: Reports) -> None:
    """Sessions, devices, new devices and time by each grain and each dimension, late events included."""
    for grain, dimensions in (
        ("day", ()),
        ("day", ("app", "appVersion", "country")),
        ("week", ("app", "country")),
        ("month", ("country",)),
        ("all", ("appVersion", "app")),
    ):
        check(reports, "appUsage", grain, dimensions, USAGE)
    check(reports, "appUsage", "day", ("company",), ("sessions",))


def test_events_are_what_was_sent(reports: Reports) -> None:
    """The same of sessions with an event, and how often it occurred."""
    for grain, dimensions in (
        ("day", ("app", "event")),
        ("week", ("appVersion", "app", "event", "country")),
        ("month", ("app", "country")),
        ("all", ("country",)),
    ):
        check(reports, "appEvent", grain, dimensions, EVENTS)


def test_params_are_what_was_sent(reports: Reports) -> None:
    """Parameters by name and value: texts as they are, all else as JSON."""
    for grain, dimensions in (
        ("day", ("app", "event", "paramName", "paramValue", "appVersion")),
        ("week", ("paramValue",)),
        ("month", ("app", "paramName")),
        ("all", ("app",)),
    ):
        check(reports, "eventParams", grain, dimensions, ("count",))


def test_each_metric_alone(reports: Reports) -> None:
    """What a report counts does not depend on which other metrics it has: statistics of segments say what rows say."""
    for table, metrics in (("appUsage", USAGE), ("appEvent", EVENTS), ("eventParams", ("count",))):
        of = {"appUsage": ("app",), "appEvent": ("app", "event"), "eventParams": ("app", "event", "paramName")}[table]
        for metric in metrics:
            check(reports, table, "week" if metric == "sessions" else "day", of, (metric,))


def test_ids_are_those_of_the_catalogue(reports: Reports) -> None:
    """Rows and lists of values have the same ids, all texts; each is of one app and good for a filter."""
    apps = {row["id"]: row["name"] for row in reports.values("app")}
    assert sorted(apps.values()) == ["Tides", "Waves"]
    for dimension, table in (("appVersion", "appUsage"), ("event", "appEvent")):
        values = {(apps[row["app|id"]], row["name"]): row["id"] for row in reports.values(dimension)}
        rows = reports.rows(f"{table}/all/app;show=id,name/{dimension};show=all", metrics="sessions", dateTime=SPAN)
        assert {type(row[key]) for row in rows for key in row if "|" in key} == {str}
        ids = {(row["app|name"], row[f"{dimension}|name"]): row[f"{dimension}|id"] for row in rows}
        sent = {
            ({"app_waves": "Waves", "app_tides": "Tides"}[v.app], name)
            for v in reports.visits
            for name in ([one.name for one in v.events] if dimension == "event" else [v.version])
            if name is not None
        }
        assert values.keys() == sent
        assert values == {key: id_ for key, id_ in ids.items() if key[1]}
        assert len(set(values.values())) == len(values)
        assert {id_ for (_, name), id_ in ids.items() if not name} <= {"0"}
        for (app, name), id_ in values.items():
            query = {"metrics": "sessions", "dateTime": SPAN, "filters": f"{dimension}|id-in[{id_}]"}
            (row,) = reports.rows(f"{table}/all/app/{dimension}", **query)
            assert (row["app|name"], row[f"{dimension}|name"]) == (app, name)


def test_what_a_row_looks_like(reports: Reports) -> None:
    """Time, then attributes in the order of the path, then metrics in their order; `show` says which, else the name."""
    path = "appUsage/day/country;show=all/app;show=id/appVersion;show=name,id/app"
    row = reports.rows(path, metrics="newDevices,sessions", dateTime=SPAN, timeZone="America/Los_Angeles")[0]
    assert list(row) == [
        *("dateTime", "country|id", "country|name", "country|iso", "app|id", "app|name"),
        *("appVersion|name", "appVersion|id", "newDevices", "sessions"),
    ]
    assert row["country|id"] == row["country|name"] == row["country|iso"]
    everything = reports.rows("appEvent/all/company;show=all/app;show=all/event;show=all", metrics="occurrences",
                              dateTime=SPAN)  # fmt: skip
    assert {len(row) for row in everything} == {1 + 2 + 6 + 6 + 1}
    waves = next(row for row in everything if row["app|name"] == "Waves")
    assert waves["app|apiKey"] == "WAVESAPIKEY0000000001"
    assert waves["event|app|id"] == waves["app|id"]
    assert waves["event|company|id"] == waves["app|company|id"] == waves["company|id"]
    assert (waves["event|deleted"], waves["event|filtered"]) == ("0", "0")


@pytest.mark.parametrize(
    ("zone", "moments"),
    [
        ("America/Los_Angeles", ["2026-03-07 00:00:00.000-08:00", "2026-03-08 00:00:00.000-08:00",
                                 "2026-03-09 00:00:00.000-07:00"]),
        ("", ["2026-03-07 00:00:00.000+00:00", "2026-03-08 00:00:00.000+00:00", "2026-03-09 00:00:00.000+00:00"]),
    ],
)  # fmt: skip
def test_moments_are_of_the_time_zone(reports: Reports, zone: str, moments: list[str]) -> None:
    """The first instant of each day, with its offset; UTC unless said otherwise, and the end is not included."""
    more = {"timeZone": zone} if zone else {}
    rows = reports.rows("appUsage/day", metrics="sessions", dateTime="2026-03-07/2026-03-10", **more)
    assert [row["dateTime"] for row in rows] == moments


def test_filters(reports: Reports) -> None:
    """Each operator on each attribute; all must hold; they hold also for what is not shown."""
    ids = {row["name"]: row["id"] for row in reports.values("event", filters="app|name-in[Waves]")}
    cases: list[tuple[str, Any]] = [
        ("app|name-in[Waves]", lambda u: u[0].app == "app_waves"),
        ("app|apiKey-in[WAVESAPIKEY0000000001]", lambda u: u[0].app == "app_waves"),
        ("app|name-notin[Waves],country|iso-in[DE]", lambda u: u[0].app == "app_tides" and u[0].country == "DE"),
        ("company|name-in[acme]", lambda _: True),
        ("company|name-in[other]", lambda _: False),
        ("appVersion|name-startsWith[2.]", lambda u: (u[0].version or "").startswith("2.")),
        ("appVersion|name-in[]", lambda u: u[0].version is None),
        ("appVersion|id-in[0]", lambda u: u[0].version is None),
        ("appVersion|name-notin[1.0,2.0]", lambda u: u[0].version not in ("1.0", "2.0")),
        ("event|name-contains[pe,uy]", lambda u: "pe" in u[1].name or "uy" in u[1].name),
        ('event|name-in["a ""b"", [c]", \u2018open\u2019]', lambda u: u[1].name in ("open", 'a "b", [c]')),
        ("event|name-in['\u00d6ffnen 1/2']", lambda u: u[1].name == "\u00d6ffnen 1/2"),
        (f"event|id-in[{ids['buy']},9999999]", lambda u: (u[0].app, u[1].name) == ("app_waves", "buy")),
        (f"event|id-notin[{ids['buy']}]", lambda u: (u[0].app, u[1].name) != ("app_waves", "buy")),
        ("country|name-in[US],event|name-in[buy, open],event|name-notin[buy]",
         lambda u: u[0].country == "US" and u[1].name == "open"),
        ("country|iso-in[de]", lambda _: False),
        ("event|name-in[nobody sent this]", lambda _: False),
    ]  # fmt: skip
    for filters, wanted in cases:
        for metrics in (("occurrences",), EVENTS):
            rows = reports.rows("appEvent/week/app", metrics=",".join(metrics), dateTime=WEEKS, filters=filters)
            first, _, end = WEEKS.partition("/")
            truth = expected(reports.visits, "appEvent", "week", ("app",), metrics, first=first, end=end, wanted=wanted)
            assert told(rows, ("app",), metrics) == truth, filters


def test_filters_on_params(reports: Reports) -> None:
    """Names and values of parameters are dimensions like any other."""
    cases: list[tuple[str, Any]] = [
        ("paramName|name-in[k]", lambda u: u[2] == "k"),
        ("paramName|name-startsWith[gr]", lambda u: u[2].startswith("gr")),
        ("paramValue|name-in[1,true]", lambda u: u[3] in ("1", 1, True) and not isinstance(u[3], float)),
        ("event|name-in[buy],paramName|name-notin[k]", lambda u: u[1].name == "buy" and u[2] != "k"),
    ]
    for filters, wanted in cases:
        of = ("event", "paramName", "paramValue")
        query = {"metrics": "count", "dateTime": SPAN, "filters": f"app|name-in[Waves],{filters}"}
        truth = expected(
            [visit for visit in reports.visits if visit.app == "app_waves"], "eventParams", "all", of, ("count",),
            wanted=wanted,
        )  # fmt: skip
        assert told(reports.rows("eventParams/all/event/paramName/paramValue", **query), of, ("count",)) == truth


def test_sort_top_and_having(reports: Reports) -> None:
    """Rows are sorted within each period, the largest first unless said otherwise; `topN` leaves so many of each
    period, `having` those whose metric compares.
    """
    query = {"metrics": "sessions,activeDevices", "dateTime": WEEKS}
    path = "appUsage/week/app/country"
    every = reports.rows(path, **query)

    def by(row: Row) -> tuple[Any, ...]:
        return row["dateTime"], -row["sessions"], row["activeDevices"]

    ordered = reports.rows(path, sort="sessions,activeDevices|asc", **query)
    assert [by(row) for row in ordered] == sorted(map(by, every))
    assert sorted(map(str, ordered)) == sorted(map(str, every))
    rising = [row["sessions"] for row in reports.rows("appUsage/all/country", sort="sessions|asc", **query)]
    assert rising == sorted(rising)
    top = reports.rows(path, sort="sessions|desc,activeDevices|asc", topN="2", **query)
    weeks = [
        [row for row in ordered if row["dateTime"] == week] for week in dict.fromkeys(r["dateTime"] for r in every)
    ]
    assert top == [row for week in weeks for row in week[:2]]
    middle = sorted(row["sessions"] for row in every)[len(every) // 2]
    cases: list[tuple[str, Any]] = [
        (f"sessions-gt[{middle}]", lambda row: row["sessions"] > middle),
        (f"sessions-lt[{middle}]", lambda row: row["sessions"] < middle),
        (f"sessions-eq[{middle},1e0]", lambda row: row["sessions"] in (middle, 1)),
        (f"sessions-noteq[{middle}, 1]", lambda row: row["sessions"] not in (middle, 1)),
        (f"sessions-notgt[{middle}]", lambda row: row["sessions"] <= middle),
        (f"sessions-notlt[{middle}.0]", lambda row: row["sessions"] >= middle),
        (f"sessions-notLessThan[{middle}]", lambda row: row["sessions"] >= middle),
        (f"sessions-greaterThan[2],activeDevices-lessThan[{middle}]",
         lambda row: row["sessions"] > 2 and row["activeDevices"] < middle),
    ]  # fmt: skip
    for having, wanted in cases:
        left = [row for row in every if wanted(row)]
        assert 0 < len(left) < len(every), having
        assert reports.rows(path, having=having, **query) == left
    assert reports.rows(path, having=f"sessions-lt[{middle}]", sort="sessions", topN="1", **query) == [
        next(row for row in ordered if row["dateTime"] == week[0]["dateTime"] and row["sessions"] < middle)
        for week in weeks
    ]


def test_listed_values(reports: Reports) -> None:
    """All attributes of each value, under their own names; filters on the values or on their apps."""
    (waves,) = reports.values("app", filters="app|apiKey-in[WAVESAPIKEY0000000001]")
    assert list(waves) == ["id", "name", "company|id", "apiKey", "platform|id", "platform|name"]
    found = reports.values("event", filters="app|name-in[Waves],event|name-startsWith[o,b]")
    assert list(found[0]) == ["id", "name", "company|id", "app|id", "deleted", "filtered"]
    assert {row["name"] for row in found} == {"open", "buy"}
    assert {row["app|id"] for row in found} == {waves["id"]}
    (one,) = reports.values("appVersion", filters=f"app|id-in[{waves['id']}],appVersion|name-in[2.0.1]")
    assert reports.values("appVersion", filters=f"appVersion|id-in[{one['id']}]") == [one]
    answer = reports.http.get("/public/v1/dimensions/appVersion/values?format=csv", headers=READ)
    assert answer.text.splitlines()[0] == "id,name,company|id,app|id,deleted,filtered"
    assert len(answer.text.splitlines()) == 1 + len(reports.values("appVersion"))


def test_csv(reports: Reports) -> None:
    """The same rows: a header without quotes, times in quotes, else only what needs them; sent as a file."""
    query = {"metrics": "occurrences,averageTimePerSession", "dateTime": SPAN}
    path = "appEvent/week/app;show=id/event"
    query["dateTime"] = WEEKS
    answer = reports.ask(path, format="csv", **query)
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == (
        "attachment; filename=data-appEvent-week_2026-03-02_2026-03-16.csv"
    )
    lines = answer.text.split("\n")
    assert lines[0] == "dateTime,app|id,event|name,occurrences,averageTimePerSession"
    assert all(line.startswith('"2026-03-') for line in lines[1:-1])
    rows = list(csv.DictReader(answer.text.splitlines()))
    assert rows == [{key: str(value) for key, value in row.items()} for row in reports.rows(path, **query)]
    none = reports.ask(path, format="csv", filters="app|name-in[nobody]", **query)
    assert none.text == lines[0] + "\n"
    assert json.loads(reports.ask(path, filters="app|name-in[nobody]", **query).text) == {"rows": []}
