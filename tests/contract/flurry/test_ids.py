"""Ids that the Analytics Reporting API tells are the ids that Data Download filters by."""

import json
from typing import Any
from urllib.parse import urlencode

from tests.contract.flurry.client import Row
from tests.contract.flurry.conftest import END, START, World, seen


def report(world: World, path: str, **query: str) -> list[Row]:
    """The rows of a report of the day."""
    asked = {"metrics": "occurrences", "dateTime": "2026-01-02/2026-01-03"} | query
    answer = world.client.send("GET", f"{world.client.url}/public/v1/data/{path}?{urlencode(asked)}")
    assert answer.status == 200, answer.body
    rows: list[Row] = json.loads(answer.body)["rows"]
    return rows


def test_what_a_report_names_can_be_downloaded(world: World) -> None:
    """Each pair of a version and an event, found by a report with how often it occurred, is downloaded by its ids with
    as many rows, which are those that were sent.
    """
    versions = {"d1": "1.0", "d2": "1.0", "d3": "2.0 beta"}
    for n, (device, version) in enumerate(versions.items()):
        world.session(device, START + n * 60_000, ["open", 'buy, "now"', "open"][: n + 1], app_version=version)
    world.api.seal()
    rows = report(world, "appEvent/all/appVersion;show=id,name/event;show=id,name")
    assert len(rows) == 4
    for row in rows:
        more: dict[str, Any] = {"app_versions": row["appVersion|id"], "eventIds": row["event|id"]}
        found = seen(world.client.fetch(START, END, **more))
        wanted = [
            one
            for one in world.expected(START, END)
            if one[2] == row["event|name"] and versions[one[0]] == row["appVersion|name"]
        ]
        assert found == wanted
        assert len(found) == row["occurrences"]
