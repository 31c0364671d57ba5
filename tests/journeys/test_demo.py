"""The demo as its users meet it: clients that know a vendor's document, and nothing of us, get out what went in."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tailrace.cli.demo_store import EMAIL, PASSWORD
from tailrace.model.clock import DAY, parse_iso
from tests.contract.devtodev.client import Client as RawExport
from tests.contract.flurry.client import READERS
from tests.contract.flurry.client import Client as DataDownload
from tests.contract.fullstory.client import Client as DataExport
from tests.contract.leanplum.client import Client as ExportData
from tests.contract.leanplum.client import events
from tests.journeys.demo import API_KEY, APP, EXPORT_KEY, HOUR, TOKEN, demo, new_token, visits

FIRST = parse_iso("2026-01-05T00:00:00Z")
RECORDS = visits(FIRST, 100)


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A demo with the records."""
    with demo(tmp_path_factory.mktemp("demo"), RECORDS) as url:
        yield url


def marks(records: list[dict[str, Any]]) -> list[tuple[str, int]]:
    """What tells records apart: their event and number."""
    return sorted((record["event"], record["params"]["n"]) for record in records)


@pytest.mark.parametrize("form", READERS)
def test_data_download(url: str, form: str) -> None:
    """The whole flow of the Data Download document in each format; ids for filters come from the look-ups."""
    client = DataDownload(url, TOKEN, API_KEY)

    def fetched(**more: Any) -> list[tuple[str, int]]:
        rows = client.fetch(FIRST, FIRST + 30 * DAY, form, **more)
        return sorted((row["eventName"], int(row["eventParameters"]["n"])) for row in rows)

    assert fetched() == marks(RECORDS)
    ids = {row["name"]: row["id"] for row in client.values("event")}
    versions = {row["name"]: row["id"] for row in client.values("appVersion")}
    wanted = [r for r in RECORDS if r["event"] in ("buy", "close") and r["session"]["app_version"] == "1.2"]
    assert wanted
    chosen = {"eventIds": f"{ids['buy']},{ids['close']}", "app_versions": versions["1.2"]}
    assert fetched(**chosen) == marks(wanted)
    half = client.fetch(FIRST, FIRST + 100 * HOUR, form)
    assert {row["sessionTimestamp"] for row in half} == {FIRST + visit * 2 * HOUR for visit in range(50)}


@pytest.mark.parametrize("form", ["json", "csv"])
def test_export_data(url: str, form: str) -> None:
    """The whole flow of the exportData document, in JSON and in CSV: every event of the days that were asked for."""
    client = ExportData(url, APP, EXPORT_KEY)
    days = ("20260104", "20260203")  # Pacific ones
    if form == "json":
        found = [(event["name"], event["parameters"]) for session in client.fetch(*days) for event in events(session)]
        assert sorted((name, params["n"]) for name, params in found) == marks(RECORDS)
        return
    tables = client.tables(*days)
    numbers = {row["eventId"]: int(row["value"]) for row in tables["eventparameters"] if row["name"] == "n"}
    assert sorted((row["eventName"], numbers[row["eventId"]]) for row in tables["events"]) == marks(RECORDS)
    assert len(tables["sessions"]) == len({record["session_id"] for record in RECORDS})


def test_raw_export(url: str) -> None:
    """The whole flow of the RAW export document: a file for each event with its rows, and the users who did them."""
    files = RawExport(url, TOKEN, APP).fetch(FIRST // 1000, FIRST // 1000 + 30 * DAY // 1000)
    assert files is not None
    users = files.pop("users")
    assert sorted((row["text"], int(row["n"])) for rows in files.values() for row in rows) == sorted(
        (record["params"]["text"], record["params"]["n"]) for record in RECORDS
    )
    counts = Counter(record["event"] for record in RECORDS)
    assert sorted(map(len, files.values())) == sorted(counts.values())
    assert len(users) == len({record["device_id"] for record in RECORDS})


def test_data_export(url: str) -> None:
    """The loop of the Data Export document: bundles one after the other, until every event was there once."""
    client = DataExport(url, new_token(url), pause_s=30)
    found = [event for _, bundle in client.follow() for event in bundle]
    assert sorted((event["EventCustomName"], event["evt_n_real"]) for event in found) == marks(RECORDS)


def test_portal(url: str) -> None:
    """Who signs in as the demo says sees the app of the file with its events."""
    with httpx.Client(base_url=url) as browser:
        assert browser.post("/portal/login", data={"email": EMAIL, "password": PASSWORD}).status_code == 303
        page = browser.get(f"/portal/explore/{APP}?days=90", follow_redirects=True)
        assert page.status_code == 200
        assert "Your file" in page.text
