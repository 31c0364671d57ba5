"""Deliveries as a client asks for them, sees them and repeats them; destinations that a space keeps."""

import time
from collections.abc import Iterator
from typing import Any

import pytest

from tailrace.wiring import House
from tests.contract.live import READ, live
from tests.contract.native.conftest import WAIT_S, Api, as_
from tests.sending import T0, event
from tests.unit.delivery.dispatch import Receiver, receiving


@pytest.fixture
def backend() -> str:
    """HTTP is the same over both databases."""
    return "sqlite"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A receiver of webhooks."""
    with receiving() as one:
        yield one


@pytest.fixture
def api(house: House) -> Iterator[Api]:
    """A served store with one event, whose worker delivers to this machine."""
    house.settings.seal.interval_ms = 3_600_000
    house.settings.delivery.allow_networks = "127.0.0.0/8"
    with live(house, exporters=1) as http:
        one = Api(http, house)
        one.send(event("e", T0))
        one.seal()
        yield one


def ended(api: Api, place: str) -> list[dict[str, Any]]:
    """The deliveries of an export, once they have ended."""
    deadline = time.monotonic() + WAIT_S
    while True:
        found: list[dict[str, Any]] = api.http.get(f"{place}/deliveries", headers=READ).json()["deliveries"]
        if all(one["finished_at"] for one in found):
            return found
        assert time.monotonic() < deadline, found
        time.sleep(0.01)


def test_a_webhook_is_asked_for_seen_and_repeated(api: Api, receiver: Receiver) -> None:
    """The request's answer shows no delivery, its own path shows all; a replay has a log of its own and one id."""
    hook = {"kind": "webhook", "url": f"{receiver.url}/secret-path?token=secret"}
    asked = api.ask(deliveries=[hook])
    assert asked.status_code == 202, asked.text
    assert asked.json()["request"]["deliveries"] == []
    place = asked.headers["location"]
    (found,) = ended(api, place)
    assert (found["state"], found["where"], found["kind"]) == ("delivered", receiver.url, "webhook")
    assert [attempt["outcome"] for attempt in found["attempts"]] == ["delivered"]
    assert receiver.got[0].json["data"]["id"] == asked.json()["id"]
    again = api.http.post(f"/v1/deliveries/{found['id']}:replay", headers=READ)
    assert (again.status_code, again.json()["replay_of"]) == (202, found["id"])
    first, second = ended(api, place)
    assert (first, second["state"]) == (found, "delivered")
    assert len({got.headers["webhook-id"] for got in receiver.got}) == 1
    assert api.http.get(f"/v1/deliveries/{second['id']}", headers=READ).json() == second
    assert "secret" not in api.http.get(f"{place}/deliveries", headers=READ).text
    key = api.http.get("/v1/webhook-key", headers=READ)
    assert key.json()["secret"].startswith("whsec_")
    assert key.headers["cache-control"] == "no-store"
    # Asked for again, it is made without them: nobody's receiver hears twice of what was asked once.
    rerun = api.http.post(f"{place}:rerun", headers=READ)
    assert ended(api, rerun.headers["location"]) == []


def test_destinations_are_kept_listed_used_and_deleted(api: Api, receiver: Receiver) -> None:
    """By name; nothing secret is shown again, and a name is taken once."""
    target = {"kind": "webhook", "url": f"{receiver.url}/secret"}
    made = api.http.post("/v1/destinations", json={"name": "ops", "target": target}, headers=READ)
    assert (made.status_code, made.json()["where"]) == (201, receiver.url)
    taken = api.http.post("/v1/destinations", json={"name": "ops", "target": target}, headers=READ)
    assert (taken.status_code, taken.json()["code"]) == (409, "taken")
    assert api.http.get("/v1/destinations", headers=READ).json() == {"destinations": [made.json()], "next": None}
    assert api.http.get("/v1/destinations", headers=as_("tok_bob")).json()["destinations"] == []
    place = api.ask(deliveries=[{"kind": "webhook", "destination": "ops"}]).headers["location"]
    (found,) = ended(api, place)
    assert (found["state"], found["destination"]) == ("delivered", "ops")
    assert receiver.got[0].path == "/secret"
    assert api.http.delete("/v1/destinations/ops", headers=READ).status_code == 200
    gone = api.ask(deliveries=[{"kind": "webhook", "destination": "ops"}])
    assert (gone.status_code, gone.json()["where"]) == (400, "deliveries[0].destination")
    for target in ({"kind": "webhook", "url": "http://[x"}, {"kind": "webhook", "destination": "ops"}):
        wrong = api.http.post("/v1/destinations", json={"name": "x", "target": target}, headers=READ)
        assert (wrong.status_code, wrong.json()["where"].split(".")[0]) == (400, "target")
    foreign = api.http.delete("/v1/destinations/ops", headers=as_("tok_bob"))
    assert (foreign.status_code, foreign.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize(
    ("asked", "where"),
    [
        ({"kind": "ftp"}, "deliveries[0].kind"),
        ({"kind": "webhook", "url": "http://x.example/", "secret": "SECRET"}, "deliveries[0].secret"),
        ({"kind": "webhook", "SECRET": 1}, "deliveries[0].SECRET"),
        ({"kind": "mail"}, "deliveries[0]"),
    ],
)
def test_a_delivery_that_cannot_be_is_named(api: Api, asked: dict[str, Any], where: str) -> None:
    """By its path in the request."""
    answer = api.ask(deliveries=[asked])
    assert (answer.status_code, answer.json()["where"]) == (400, where), answer.text
