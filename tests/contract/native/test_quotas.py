"""Quotas over HTTP: what is used up is said, with when it is there again."""

from collections.abc import Iterator

import pytest

from tailrace.accounts.limits import set_limits
from tailrace.model.clock import DAY
from tailrace.wiring import House
from tests.contract.live import READ, live
from tests.contract.native.conftest import Api
from tests.unit.clocks import MovedClock, moved


@pytest.fixture
def clock() -> MovedClock:
    """The served store's clock."""
    return MovedClock()


@pytest.fixture
def quiet(house: House, clock: MovedClock) -> Iterator[Api]:
    """A served store whose clock can be moved."""
    with live(moved(house, clock)) as http:
        yield Api(http, house)


def limit(api: Api, **values: int) -> None:
    """Set limits; `_` stands for the dot of their names."""
    with api.house.database.write() as connection:
        set_limits(connection, {name.replace("_", ".", 1): value for name, value in values.items()})


def test_exports_per_day(quiet: Api, clock: MovedClock) -> None:
    """As many as the space may ask for on a day in UTC, whichever the app; what is refused does not count."""
    limit(quiet, exports_per_day=2)
    begin = -(clock.now() % DAY)
    clock.shift = begin + 10 * 3_600_000
    assert quiet.ask({"axis": "event_time"}).status_code == 400
    assert [quiet.ask().status_code for _ in range(3)] == [202, 202, 429]
    refused = quiet.ask(app="app_tides")
    body = refused.json()
    assert (body["code"], body["name"], body["limit"]) == ("quota_spent", "exports.per_day", 2)
    assert body["resets_at"].endswith("T00:00:00.000Z")
    assert 13 * 3600 < int(refused.headers["retry-after"]) <= 14 * 3600
    other = {"app": "app_other", "window": {"axis": "available"}}
    assert quiet.http.post("/v1/exports", json=other, headers={"authorization": "Bearer tok_bob"}).status_code == 202
    clock.shift = begin + DAY
    assert quiet.ask().status_code == 202


def test_requests_of_a_token(quiet: Api, clock: MovedClock) -> None:
    """Each token has a bucket of its own, which fills again; without the limit nothing is counted."""
    assert all(quiet.http.get("/v1/me", headers=READ).status_code == 200 for _ in range(5))
    limit(quiet, requests_burst=2, requests_refill_per_minute=60)
    statuses = [quiet.http.get("/v1/me", headers=READ) for _ in range(20)]
    refused = next(answer for answer in statuses if answer.status_code != 200)
    assert (refused.status_code, refused.json()["code"], refused.json()["name"]) == (429, "too_soon", "requests")
    assert refused.headers["retry-after"] == "1"
    assert quiet.http.get("/v1/me", headers={"authorization": "Bearer tok_bob"}).status_code == 200
    clock.shift += 1000
    assert quiet.http.get("/v1/me", headers=READ).status_code == 200
