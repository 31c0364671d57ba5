"""SIGKILL of a real server at each named point of accept, seal and commit: nothing acknowledged is lost or doubled."""

import gzip
import json
from collections import Counter
from pathlib import Path
from typing import Any

import httpx
import pytest

from tailrace.accounts.lookup import scope_of_app
from tailrace.accounts.provisioning import read_provisioning
from tailrace.config import SETTINGS_FILE
from tailrace.model.clock import SECOND
from tailrace.store.ledger import ledger
from tailrace.wiring import open_house, provision
from tests.sending import T0, event, seal
from tests.servers import Client, Server

# Sessions close soon and seals run often, so that every point is passed within a second; a dead server's lease on a
# shard ends soon.
FAST = "[seal]\ninactivity_ms = 200\ninterval_ms = 50\nlease_ms = 1000\n"
POINTS = [
    "accept.before_reply:3",
    "seal.sessions_closed:1",
    "seal.sessions_closed:3",
    "seal.segment_written:1",
    "seal.segment_written:3",
    "commit.before:1",
    "commit.before:3",
    "commit.after:1",
    "commit.after:3",
]
BATCHES = 400


def batch(number: int) -> list[dict[str, Any]]:
    """Ten events of several devices and days."""
    return [
        event("e", T0 + (number * 10 + n) * 7_000 * SECOND // 10, device=f"d{n % 4}", session=f"s{number}-{n % 3}")
        for n in range(10)
    ]


def send_until_killed(client: Client) -> list[dict[str, Any]]:
    """Send batches until the connection breaks; the batch whose answer never came."""
    for number in range(BATCHES):
        records = batch(number)
        try:
            client.send(records)
        except httpx.TransportError:
            return records
    raise AssertionError("the server was not killed")


@pytest.mark.crash
@pytest.mark.parametrize("point", POINTS)
def test_what_was_acknowledged_comes_out_once_after_a_kill(data: Path, provisioning: Path, point: str) -> None:
    """Killed at the point, the ledger holds at once; restarted, with the lost batch sent again, all is there once."""
    with (data / SETTINGS_FILE).open("a") as settings:
        settings.write(FAST)
    with open_house(data) as house:
        provision(house, read_provisioning(provisioning))
    with Server(data, environment={"TAILRACE_TEST_KILL_AT": point}) as server, Client(server.url) as client:
        lost = send_until_killed(client)
        server.wait_until_killed()
    check_ledger(data, at_least=len(client.acknowledged))

    with Server(data) as server, Client(server.url) as again:
        again.acknowledged = client.acknowledged
        again.send(lost)
        rows = follow(again, data)
    assert Counter(rows) == Counter(again.acknowledged)
    check_ledger(data, at_least=len(again.acknowledged))


def follow(client: Client, data: Path) -> list[str]:
    """Ids of a chain of two increments, the second after everything was sealed."""
    first = client.export({"axis": "available"})
    with open_house(data) as house:
        seal(house, scope_of_app(house.database, "app_waves"), holder="closing")
    second = client.export({"axis": "available"}, after=first["cursor"])
    assert first["totals_after"] == second["totals_before"]
    assert second["totals_after"]["events"] == len(client.acknowledged)
    return ids(client, first) + ids(client, second)


def ids(client: Client, manifest: dict[str, Any]) -> list[str]:
    """Ids of the rows of an export."""
    files = [client.http.get(file["url"], headers=client.read).content for file in manifest["files"]]
    return [json.loads(line)["id"] for data in files for line in gzip.decompress(data).splitlines()]


def check_ledger(data: Path, *, at_least: int) -> None:
    """The ledger of the app holds, and accepted no less than was acknowledged."""
    with open_house(data) as house:
        found = ledger(house.database, scope_of_app(house.database, "app_waves"))
    assert found.holds, found
    assert found.accepted >= at_least
