"""Quotas across servers that share a store, and downloads: fifty clients at once, on both databases."""

import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tailrace.accounts.limits import set_limits
from tailrace.wiring import House, open_house
from tests.contract.devtodev.client import Client, read, send
from tests.contract.devtodev.conftest import DAY, send_some, world_of
from tests.contract.live import READ, live

USERS, EACH = 10, 5


@pytest.fixture
def servers(house: House, data: Path) -> Iterator[Sequence[str]]:
    """The URLs of two servers that share nothing but a store, as processes do, in which nobody does jobs."""
    with open_house(data) as other, live(house) as one, live(other) as two:
        yield [str(http.base_url).rstrip("/") for http in (one, two)]


def users_of(url: str) -> list[Client]:
    """New users, each with a token."""
    with httpx.Client(base_url=url, headers=READ) as http:
        made = [http.post("/v1/users", json={"email": f"u{n}@example.com"}).json()["id"] for n in range(USERS)]
        tokens = [http.post(f"/v1/users/{user}/token:reset").json()["token"] for user in made]
    return [Client(url, token, "app_waves") for token in tokens]


def at_once(clients: Sequence[Client], now: int) -> list[int]:
    """The codes that clients get who all set a job at the same moment, 0 for a job."""
    begin = threading.Barrier(len(clients))

    def one(client: Client) -> int:
        begin.wait()
        answer = client.set_job(now // 1000 - 7200, now // 1000 - 3600)
        return 0 if answer.status == 200 else int(answer.error[1])

    with ThreadPoolExecutor(len(clients)) as pool:
        return list(pool.map(one, clients))


def test_fifty_clients_of_two_servers(house: House, servers: Sequence[str]) -> None:
    """Fifty clients at once, of ten users, half of each user's by either server: each user has as many jobs as may
    wait at once, and all together as many as a day has. Then, of ten at once by one user, one is not too soon.
    """
    users, now = users_of(servers[0]), house.clock.now()
    limits = {"max_running": 2, "per_day_of_space": 17, "per_day_of_user": 3, "apart_ms": 0}
    with house.database.write() as connection:
        set_limits(connection, {f"devtodev.{name}": value for name, value in limits.items()})
    clients = [Client(servers[n % 2], user.token, user.app_id) for n in range(EACH) for user in users]
    codes = at_once(clients, now)
    taken = Counter(client.token for client, code in zip(clients, codes, strict=True) if code == 0)
    days = 1 + house.clock.now() // DAY - now // DAY  # one, unless it ended meanwhile
    assert 17 <= sum(taken.values()) <= 17 * days
    assert set(taken.values()) <= {1, 2}
    assert set(codes) == {0, 17, 19}
    with house.database.write() as connection:
        apart = {"max_running": 0, "per_day_of_space": 0, "per_day_of_user": 0, "apart_ms": 600_000}
        set_limits(connection, {f"devtodev.{name}": value for name, value in apart.items()})
    late = anas(servers)
    assert Counter(at_once(late, now)) == {0: 1, 20: len(late) - 1}


def anas(servers: Sequence[str]) -> list[Client]:
    """Ten clients of ana, who has set no job yet, half of them by either server."""
    token = httpx.post(f"{servers[0]}/v1/me/token:reset", headers=READ).json()["token"]
    return [Client(servers[n % 2], token, "app_waves") for n in range(10)]


def test_downloads_at_once_are_counted_exactly(house: House) -> None:
    """Of fifty downloads at once as many begin as the setting says, on either database; so it is with the whole flow,
    and with a blocked event.
    """
    with world_of(house, exporters=1, max_downloads=10) as world:
        send_some(world, {"go": 3, "stop": 1})
        world.native("PATCH", "/v1/apps/app_waves/events", {"name": "stop", "blocked": True})
        assert world.client.set_job(world.start, world.start + 1, ["stop"]).error[1] == 8
        job_id = world.job()
        url = world.client.wait(job_id)["url"]
        with ThreadPoolExecutor(50) as pool:
            answers = list(pool.map(lambda _: send("GET", url), range(50)))
    assert Counter(answer.status for answer in answers) == {200: 10, 404: 40}
    files = read(next(answer.body for answer in answers if answer.status == 200))
    assert {name: len(rows) for name, rows in files.items()} == {"go": 3, "users": 1}
