"""The surface as a client sees it, with the store behind it and a clock that a test sets."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tailrace.accounts.limits import set_limits
from tailrace.config import SETTINGS_FILE
from tailrace.wiring import House, open_house
from tests.contract.leanplum.client import Client
from tests.contract.live import live
from tests.contract.native.conftest import Api

Row = dict[str, Any]
SECOND, MINUTE, HOUR, DAY = 1_000, 60_000, 3_600_000, 86_400_000
PACIFIC = ZoneInfo("America/Los_Angeles")
NOON = int(datetime(2026, 3, 20, 19, tzinfo=UTC).timestamp()) * 1000  # of the 20th, Pacific
TODAY = "20260320"


@dataclass
class World:
    """A served store and a client of it."""

    api: Api
    client: Client
    clock: Path

    def set(self, now: int) -> None:
        """Set the server's clock to an instant, in ms."""
        new = self.clock.with_suffix(".new")
        new.write_text(str(now - time.time_ns() // 1_000_000))
        new.rename(self.clock)

    def limits(self, **values: int) -> None:
        """Set settings of the surface."""
        with self.api.house.database.write() as connection:
            set_limits(connection, {f"leanplum.{name}": value for name, value in values.items()})

    def take_in(self, *records: Row) -> None:
        """Send and seal."""
        assert self.api.send(*records)["rejected"] == []
        self.api.seal()


def day(instant: int, later: int = 0) -> str:
    """The Pacific date of an instant in ms, so many days later."""
    return (datetime.fromtimestamp(instant / 1000, PACIFIC) + timedelta(days=later)).strftime("%Y%m%d")


def pacific(text: str) -> int:
    """The instant of a Pacific date and time in ISO form, in ms."""
    return int(datetime.fromisoformat(text).replace(tzinfo=PACIFIC).timestamp()) * 1000


@pytest.fixture
def backend() -> str:
    """The database makes no difference here but where a test says so."""
    return "sqlite"


@pytest.fixture
def house(data: Path, tmp_path: Path) -> Iterator[House]:
    """An opened, provisioned store whose clock stands a test sets."""
    settings = data / SETTINGS_FILE
    before = settings.read_text() if settings.exists() else ""
    settings.write_text(f'test_clock = "{tmp_path / "clock"}"\n{before}')
    with open_house(data) as opened:
        yield opened


@pytest.fixture
def world(house: House, tmp_path: Path) -> Iterator[World]:
    """A served store with a worker that makes exports; it seals only when a test says so."""
    house.settings.seal.interval_ms = 3_600_000
    house.settings.exports.pool = "threads"
    with live(house, exporters=1) as http:
        found = World(
            Api(http, house), Client(str(http.base_url).rstrip("/"), "app_waves", "ek_waves"), tmp_path / "clock"
        )
        found.set(NOON)
        yield found
