"""With files on S3 the link is S3's own: no byte of the file passes this server. Swift checks what was signed."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from tailrace.wiring import initialise, open_house, provision
from tests.conftest import wanted
from tests.contract.flurry.client import Client, send
from tests.contract.flurry.conftest import DAY, KEY, START, World, seen
from tests.contract.live import live
from tests.contract.native.conftest import Api
from tests.stores import S3Server


@pytest.fixture
def world(data: Path, provisioning: Path, swift: S3Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """A served store that keeps its objects on S3."""
    for variable, value in swift.environment.items():
        monkeypatch.setenv(variable, value)
    monkeypatch.setenv("TAILRACE_FILES", f"s3://{swift.bucket()}/tail")
    initialise(data)
    with open_house(data) as house:
        provision(house, wanted(provisioning))
        house.settings.seal.interval_ms = 3_600_000
        house.settings.exports.pool = "threads"  # processes may have begun before the environment said S3
        with live(house, exporters=1) as http:
            yield World(Api(http, house), Client(str(http.base_url).rstrip("/"), "tok_ana", KEY))


def test_the_link_is_that_of_the_storage(world: World, swift: S3Server) -> None:
    """It is at S3's address, says its own end, brings the gzip file without Content-Encoding, in ranges too; with the
    setting off it leads to the server and brings the same.
    """
    world.session("d1", START, ["a", "b"])
    world.api.seal()
    number = world.client.request(START, START + DAY).document["data"]["id"]
    uri = world.client.wait(number)
    assert uri.startswith(swift.endpoint)
    assert parse_qs(urlsplit(uri).query)["X-Amz-Expires"] == ["600"]
    answer = send("GET", uri, {})
    assert "content-encoding" not in answer.headers
    assert answer.headers["content-type"] == "application/gzip"
    assert f"{number}.json.gz" in answer.headers["content-disposition"]
    assert send("GET", uri, {"range": "bytes=3-7"}).body == answer.body[3:8]
    assert seen(world.client.fetch(START, START + DAY)) == world.expected(START, START + DAY)
    world.limits(storage_links=0)
    ours = world.client.wait(number)
    assert ours.startswith(world.client.url)
    assert send("GET", ours, {}).body == answer.body
