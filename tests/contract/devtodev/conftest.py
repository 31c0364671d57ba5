"""The surface as a client sees it, with the store behind it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tailrace.accounts.limits import set_limits
from tailrace.wiring import House, open_house
from tests.contract.devtodev.client import Client
from tests.contract.live import READ, live
from tests.contract.native.conftest import Api
from tests.sending import event
from tests.templates import TemplateOf
from tests.unit.clocks import MovedClock, moved

DAY = 86_400_000
# What most tests want nothing of; those about limits set them.
OFF = {"per_day_of_space": 0, "per_day_of_user": 0, "max_running": 0, "apart_ms": 0, "max_downloads": 0}


@dataclass
class World:
    """A served store, its clock, a client of ana's, and the second in which the events that were sent begin."""

    api: Api
    clock: MovedClock
    client: Client
    start: int

    def limits(self, **values: int) -> None:
        """Set settings of the surface."""
        with self.api.house.database.write() as connection:
            set_limits(connection, {f"devtodev.{name}": value for name, value in values.items()})

    def job(self, events: Any = None, **more: Any) -> str:
        """Set a job on all that was sent."""
        answer = self.client.set_job(self.start, self.start + 3600, events, **more)
        assert answer.status == 200, answer.body
        found: str = answer.document["data"]
        return found

    def native(self, method: str, path: str, body: Any = None, *, token: str = READ["authorization"]) -> Any:
        """A request to the native API; its answer."""
        answer = self.api.http.request(method, path, json=body, headers={"authorization": token})
        assert answer.is_success, answer.text
        return answer.json()

    def user(self, email: str, **about: Any) -> Client:
        """A new user with a token of its own, as a client."""
        made = self.native("POST", "/v1/users", {"email": email} | about)
        return self.of(self.native("POST", f"/v1/users/{made['id']}/token:reset")["token"])

    def of(self, token: str, app_id: str = "app_waves") -> Client:
        """A client with another token."""
        return Client(self.client.url, token, app_id)


@contextmanager
def world_of(house: House, exporters: int, **limits: int) -> Iterator[World]:
    """Serve a store; with `exporters` jobs are done."""
    house.settings.seal.interval_ms = 3_600_000
    house.settings.exports.pool = "threads"
    clock = MovedClock()
    with live(moved(house, clock), exporters=exporters) as http:
        api, url = Api(http, house), str(http.base_url).rstrip("/")
        token = http.post("/v1/me/token:reset", headers=READ).json()["token"]
        world = World(api, clock, Client(url, token, "app_waves"), (clock.now() - 2 * DAY) // DAY * DAY // 1000)
        world.limits(**OFF | limits)
        yield world


def send_some(world: World, names: Mapping[str, int]) -> None:
    """Send so many events of each name, a second apart."""
    every = [name for name, count in names.items() for _ in range(count)]
    world.api.send(*(event(name, world.start * 1000 + n * 1000, params={"n": n}) for n, name in enumerate(every)))
    world.api.seal()


@pytest.fixture(scope="module")
def store(template_of: TemplateOf, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A provisioned store that the tests of a module share. The database makes no difference here."""
    path: Path = tmp_path_factory.mktemp("devtodev") / "data"
    template_of("sqlite", "provisioned").copy(path, "")
    with open_house(path) as house:
        yield house


@pytest.fixture(scope="module")
def served(store: House) -> Iterator[World]:
    """It is served with a worker that makes exports, and holds events of three names."""
    with world_of(store, exporters=1) as world:
        send_some(world, {"go": 3, "stop": 2, 'odd name, "quoted"': 1})
        yield world


@pytest.fixture
def world(served: World) -> Iterator[World]:
    """The same; limits and the clock are put back after each test."""
    yield served
    served.clock.shift = 0
    served.limits(**OFF, file_life_ms=DAY, max_age_days=90, pending_status=202)
