"""The surface as a client sees it, with the store behind it and a clock that a test sets.

The tests of a module share a server; each has an app of its own, whose clock begins at the same noon.
"""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
from sqlalchemy import update

from tailrace.accounts.apps import make_app, rotate_key
from tailrace.accounts.audit import actor_of
from tailrace.accounts.limits import set_limits
from tailrace.accounts.lookup import scope_of_app
from tailrace.config import SETTINGS_FILE
from tailrace.db.tables import exports
from tailrace.model.access import Scope
from tailrace.model.policy import LIMITS
from tailrace.wiring import House, open_house
from tests.contract.leanplum.client import Client
from tests.contract.live import live
from tests.sending import principal, seal
from tests.templates import TemplateOf, postgres_server

Row = dict[str, Any]
SECOND, MINUTE, HOUR, DAY = 1_000, 60_000, 3_600_000, 86_400_000
PACIFIC = ZoneInfo("America/Los_Angeles")
NOON = int(datetime(2026, 3, 20, 19, tzinfo=UTC).timestamp()) * 1000  # of the 20th, Pacific
TODAY = "20260320"
_NUMBERS = count()


@dataclass(frozen=True)
class Server:
    """A store that is served, and the file that moves its clock."""

    house: House
    http: httpx.Client
    clock: Path


@dataclass(frozen=True)
class World:
    """A served app and a client of it."""

    server: Server
    scope: Scope
    write_key: str
    client: Client

    @property
    def house(self) -> House:
        """The store."""
        return self.server.house

    def set(self, now: int) -> None:
        """Set the server's clock to an instant, in ms; from there it goes on."""
        new = self.server.clock.with_suffix(".new")
        new.write_text(str(now - time.time_ns() // 1_000_000))
        new.rename(self.server.clock)

    def limits(self, **values: int) -> None:
        """Set settings of the surface."""
        with self.house.database.write() as connection:
            set_limits(connection, {f"leanplum.{name}": value for name, value in values.items()})

    def take_in(self, *records: Row) -> None:
        """Send and seal."""
        self.send(*records)
        seal(self.house, self.scope)

    def send(self, *records: Row) -> None:
        """Send events, which are then stored and in no segment yet."""
        headers = {"authorization": f"Bearer {self.write_key}"}
        answer = self.server.http.post("/v1/events", json={"batch": records}, headers=headers)
        assert answer.json()["rejected"] == []

    def rewrite(self, **values: Any) -> None:
        """Change the rows of the app's exports."""
        with self.house.database.write() as connection:
            connection.execute(update(exports).where(exports.c.app == self.scope.app).values(**values))


def day(instant: int, later: int = 0) -> str:
    """The Pacific date of an instant in ms, so many days later."""
    return (datetime.fromtimestamp(instant / 1000, PACIFIC) + timedelta(days=later)).strftime("%Y%m%d")


def pacific(text: str) -> int:
    """The instant of a Pacific date and time in ISO form, in ms."""
    return int(datetime.fromisoformat(text).replace(tzinfo=PACIFIC).timestamp()) * 1000


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """The database makes no difference but to modules that say so."""
    if "server" in metafunc.fixturenames:
        metafunc.parametrize("server", getattr(metafunc.module, "BACKENDS", ["sqlite"]), indirect=True, scope="module")


@pytest.fixture(scope="module")
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, template_of: TemplateOf
) -> Iterator[Server]:
    """A served store with a worker that makes exports; it seals only when a test says so."""
    template, folder = template_of(request.param, "provisioned"), tmp_path_factory.mktemp("leanplum")
    data, clock = folder / "data", folder / "clock"
    with ExitStack() as held:
        template.copy(data, held.enter_context(postgres_server().database(template.url)) if template.url else "")
        settings = data / SETTINGS_FILE
        before = settings.read_text() if settings.exists() else ""
        settings.write_text(f'test_clock = "{clock}"\n{before}')
        house = held.enter_context(open_house(data))
        house.settings.seal.interval_ms = 3_600_000
        house.settings.exports.pool = "threads"
        yield Server(house, held.enter_context(live(house, exporters=1, lines=True)), clock)


@pytest.fixture
def world(server: Server) -> Iterator[World]:
    """A new app, at noon."""
    house, id_ = server.house, f"app_{next(_NUMBERS)}"
    found = Owner(house).new_app(id_)
    client = Client(str(server.http.base_url).rstrip("/"), id_, found[1])
    made = World(server, scope_of_app(house.database, id_), found[0], client)
    made.set(NOON)
    yield made
    made.limits(**{n.removeprefix("leanplum."): one.default for n, one in LIMITS.items() if n.startswith("leanplum.")})


@dataclass(frozen=True)
class Owner:
    """Somebody with every right on the first space."""

    house: House

    def new_app(self, app: str) -> tuple[str, str]:
        """Its write key and its export key."""
        who = principal(self.house, scope_of_app(self.house.database, "app_waves"))
        made = make_app(self.house.database, self.house.app_maker(), who, app, app, actor_of(who))
        return made.write_key or "", self.new_key(app)

    def new_key(self, app: str) -> str:
        """A new export key, as an operator makes one; the one before is void."""
        house = self.house
        who = principal(house, scope_of_app(house.database, "app_waves"))
        return rotate_key(house.database, house.identity.secret, who, app, "export_key", actor_of(who))
