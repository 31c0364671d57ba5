"""The surface as a client sees it, with the store and the clock behind it at hand."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import delete

from tailrace import worker
from tailrace.accounts.limits import set_limits
from tailrace.accounts.provisioning import read_provisioning
from tailrace.config import SETTINGS_FILE
from tailrace.db.tables import limits, quota_buckets
from tailrace.exports.closing import close_due
from tailrace.jobs.bell import Bell
from tailrace.model.clock import DAY, HOUR, MINUTE
from tailrace.wiring import House, open_house, provision
from tests import sending
from tests.contract.fullstory.client import Client, Row
from tests.contract.live import live
from tests.contract.native.conftest import Api
from tests.sending import event
from tests.templates import TemplateOf

NOON = 1_767_960_000_000  # 2026-01-09T12:00Z, when every test begins
MIDNIGHT = NOON - 12 * HOUR
WAIT_S = 60
APPS = 16  # for tests to choose from; each has a key of its own

KEYS = """
[[spaces]]
id = "acme"
{apps}
[[spaces.users]]
email = "arc@example.com"
role = "architect"
[[spaces.users]]
email = "sam@example.com"
role = "standard"
[[spaces.tokens]]
value = "key_standard"
user = "sam@example.com"
apps = ["app_0"]
"""
APP = """
[[spaces.apps]]
id = "app_{n}"
write_key = "wk_{n}"
[[spaces.tokens]]
value = "key_{n}"
user = "arc@example.com"
apps = ["app_{n}"]
"""


@dataclass
class App:
    """An app of a served store, a client with its key, and what was sent to it: times by the marker of each event."""

    world: "World"
    number: int
    sent: dict[int, int] = field(default_factory=dict)

    @property
    def id(self) -> str:
        return f"app_{self.number}"

    def client(self, **more: Any) -> Client:
        """A client that knows nothing yet."""
        return Client(self.world.url, f"key_{self.number}", **more)

    def send(self, *times: int, seal: bool = True, **more: Any) -> None:
        """Send an event of each time, each in a session of its own, and seal them unless a test says otherwise."""
        first = len(self.sent)
        self.records(
            *(
                event("Bought", time, session=f"s{n}", id=f"{self.id}/{n}", params={"n": n}) | more
                for n, time in enumerate(times, first)
            ),
            seal=seal,
        )
        self.sent |= dict(enumerate(times, first))

    def records(self, *records: Row, seal: bool = True) -> None:
        """Send records as they are."""
        headers = {"authorization": f"Bearer wk_{self.number}"}
        answer = self.world.http.post("/v1/events", json={"batch": records}, headers=headers)
        assert answer.json()["rejected"] == [], answer.text
        if seal:
            sending.seal(self.world.house, self.world.api.scope(self.id))

    def ready(self, client: Client | None = None) -> Client:
        """A client that has asked for bundles, which are all made: there is nothing more to come before the clock goes
        on.
        """
        client = client or self.client()
        client.get("list", start=0)
        self.world.close()

        def made() -> bool:
            return client.get("list", start=client.last).status == 200 and not self.world.making(self.id)

        self.world.until(made)
        return client


@dataclass
class World:
    """A served store whose clock a test moves, with a worker that makes exports and closes bundles, but never seals."""

    house: House
    http: httpx.Client
    clock: Path
    made: int = 0

    @property
    def url(self) -> str:
        return str(self.http.base_url).rstrip("/")

    @property
    def api(self) -> Api:
        return Api(self.http, self.house)

    def app(self) -> App:
        """An app that no other test knows."""
        self.made += 1
        return App(self, self.made)

    @property
    def now(self) -> int:
        return self.house.clock.now()

    def at(self, instant: int) -> None:
        """Set the clock; never, not for a moment, is it the real one."""
        new = self.clock.with_suffix(".new")
        new.write_text(str(instant - time.time_ns() // 1_000_000))
        new.rename(self.clock)

    def close(self) -> None:
        """Close what is due now, unless the worker was quicker."""
        close_due(self.house.closer(), Bell())

    def making(self, app: str) -> bool:
        """Whether a job of an app is not done yet."""
        return any(e["state"] in ("queued", "running") for e in self.exports(app))

    def exports(self, app: str) -> list[Row]:
        """The exports of an app, whoever asked for them."""
        number = self.api.scope(app).app
        with self.house.database.read() as connection:
            rows = connection.exec_driver_sql(f"SELECT * FROM exports WHERE app = {number}").mappings()  # noqa: S608
            return [dict(row) for row in rows]

    def until(self, condition: Callable[[], object]) -> None:
        """Wait for something that is true in the end."""
        deadline = time.monotonic() + WAIT_S
        while not condition():
            assert time.monotonic() < deadline
            time.sleep(0.01)

    def limits(self, **values: int) -> None:
        """Set settings of the surface."""
        with self.house.database.write() as connection:
            set_limits(connection, {f"fullstory.{name}": value for name, value in values.items()})

    def apply(self, text: str) -> list[str]:
        """What `tailrace apply` does with a file."""
        path = self.house.data / "more.toml"
        path.write_text(text)
        return provision(self.house, read_provisioning(path)).changes


@pytest.fixture(scope="module")
def served(template_of: TemplateOf, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A served store for a whole module: to make one takes longer than most tests."""
    folder = tmp_path_factory.mktemp("fullstory")
    data, clock = folder / "data", folder / "clock"
    template_of("sqlite", "provisioned").copy(data, "")
    (data / SETTINGS_FILE).write_text(
        f'test_clock = "{clock}"\n[seal]\ninterval_ms = 3600000\n[exports]\npool = "threads"\n'
    )
    with pytest.MonkeyPatch.context() as patch, open_house(data) as house:
        patch.setattr(worker, "_CLOSING_S", 0.05)
        patch.setattr(worker, "_FALLBACK_S", 0.05)
        with live(house, exporters=1) as http:
            world = World(house, http, clock)
            world.at(NOON)
            world.apply(KEYS.format(apps="".join(APP.format(n=n) for n in range(APPS))))
            yield world


@pytest.fixture
def world(served: World) -> Iterator[World]:
    """The same at noon, with no limit of calls unless a test sets one; its settings are gone afterwards."""
    served.at(NOON)
    served.limits(burst=0)
    yield served
    with served.house.database.write() as connection:
        connection.execute(delete(limits).where(limits.c.name.startswith("fullstory.")))
        connection.execute(delete(quota_buckets))


@pytest.fixture
def app(world: World) -> App:
    """An app without an event."""
    return world.app()


def markers(bundles: Sequence[tuple[Row, Sequence[Row]]]) -> list[int]:
    """The markers of all events of some bundles."""
    return [row["evt_n_real"] for _, rows in bundles for row in rows]


__all__ = ["DAY", "HOUR", "MIDNIGHT", "MINUTE", "NOON", "App", "World", "markers"]
