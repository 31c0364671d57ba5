"""The demo as its users meet it: clients that know a vendor's document, and nothing of us, get out what went in."""

from collections.abc import Iterator
from typing import Any

import pytest

from tailrace.model.clock import DAY, parse_iso
from tests.contract.flurry.client import READERS, Client
from tests.journeys.demo import API_KEY, HOUR, TOKEN, demo, visits

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
    client = Client(url, TOKEN, API_KEY)

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
