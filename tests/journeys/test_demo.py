"""The demo as its users meet it: clients that know a vendor's document, and nothing of us, get out what went in."""

import csv
import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from io import StringIO
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
from tests.stores import ACCOUNT as S3_ID
from tests.stores import PASSWORD as S3_KEY
from tests.stores import S3Server
from tests.unit.delivery.dispatch import receiving

FIRST = parse_iso("2026-01-05T00:00:00Z")
RECORDS = visits(FIRST, 100)


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory, moto: S3Server) -> Iterator[str]:
    """A demo with the records, which may deliver to this machine and copies to a server of the test."""
    settings = {"TAILRACE_DELIVERY__ALLOW_NETWORKS": "127.0.0.0/8", "TAILRACE_DELIVERY__S3_ENDPOINT": moto.endpoint}
    with demo(tmp_path_factory.mktemp("demo"), RECORDS, settings) as url:
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


@pytest.mark.parametrize("form", ["json", "csv"])
def test_export_data_with_a_copy_and_a_callback(url: str, form: str, moto: S3Server) -> None:
    """The same into a bucket, by the arguments of the document alone: the objects hold every event, and the callback
    says what a look at the job says.
    """
    client, bucket = ExportData(url, APP, EXPORT_KEY), moto.bucket()
    target = {"s3BucketName": bucket, "s3AccessId": S3_ID, "s3AccessKey": S3_KEY, "s3ObjectPrefix": "raw/"}
    with receiving() as receiver:
        told = {"callbackUrl": f"{receiver.url}/done", "exportFormat": form}
        done = client.wait(client.export("20260104", "20260203", **target, **told))
        wait_until(lambda: receiver.got != [])
    (got,) = receiver.got
    assert got.json["response"] == [done]
    copied = [one["destFile"] for one in done["s3CopyStatus"]["success"]]
    assert sorted(copied) == sorted(moto.objects(bucket))
    assert len(copied) == len(done["files"]) == {"json": 1, "csv": 6}[form]
    texts = {key: moto.read(bucket, key).decode() for key in copied}
    if form == "json":
        lines = [json.loads(line) for text in texts.values() for line in text.splitlines()]
        found = [(one["name"], one["parameters"]["n"]) for session in lines for one in events(session)]
    else:
        rows = {
            name: list(csv.DictReader(StringIO(text, newline="")))
            for name in ("outputevents-", "outputeventparameters-")
            for key, text in texts.items()
            if name in key
        }
        numbers = {row["eventId"]: int(row["value"]) for row in rows["outputeventparameters-"] if row["name"] == "n"}
        found = [(row["eventName"], numbers[row["eventId"]]) for row in rows["outputevents-"]]
    assert sorted(found) == marks(RECORDS)


def wait_until(true: Callable[[], bool]) -> None:
    """Wait for something that another process does."""
    until = time.monotonic() + 30
    while not true():
        assert time.monotonic() < until
        time.sleep(0.02)


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
