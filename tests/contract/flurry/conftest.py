"""The surface as a client sees it, with the store behind it; what a file should hold is told by what was sent."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from tailrace.accounts.limits import set_limits
from tailrace.store.catalogue import numbered
from tailrace.wiring import House
from tests.contract.flurry.client import Client
from tests.contract.live import live
from tests.contract.native.conftest import Api
from tests.sending import T0, event

Row = dict[str, Any]
HOUR = 3_600_000
DAY = 24 * HOUR
KEY = "WAVESAPIKEY0000000001"
START, END = T0 - T0 % DAY, T0 - T0 % DAY + DAY


@dataclass
class World:
    """A served store, a client of it, and the sessions that were sent."""

    api: Api
    client: Client
    sent: list[Row] = field(default_factory=list)

    def session(self, device: str, start: int, names: Sequence[str] = ("go",), step: int = 1000, **about: Any) -> None:
        """Send a session that begins at an instant and has an event each `step` ms; `about` is said of it."""
        records = [
            event(name, start + n * step, device=device, session=f"s{start}", params={"n": n, "name": name})
            | {"session": about | {"end": n == len(names) - 1}}
            for n, name in enumerate(names)
        ]
        self.api.send(*records)
        self.sent += [{"device": device, "start": start, "name": r["event"], "n": n} for n, r in enumerate(records)]

    def expected(self, start: int, end: int) -> list[tuple[str, int, str, str]]:
        """What a window holds, row by row: device, start of the session, event and number in it."""
        return sorted(
            (one["device"], one["start"], one["name"], str(one["n"]))
            for one in self.sent
            if start <= one["start"] < end
        )

    def limits(self, **values: int) -> None:
        """Set settings of the surface."""
        with self.api.house.database.write() as connection:
            set_limits(connection, {f"flurry.{name}": value for name, value in values.items()})


def seen(rows: Sequence[Row]) -> list[tuple[str, int, str, str]]:
    """Rows as `expected` tells them."""
    return sorted(
        (
            row["deviceIdentifiers"]["deviceId"],
            row["sessionTimestamp"],
            row["eventName"],
            row["eventParameters"]["n"],
        )
        for row in rows
    )


def ids(world: World, kind: Any) -> dict[str, int]:
    """The allocated ids of the app's versions or events."""
    with world.api.house.database.read() as connection:
        return dict(numbered(connection, world.api.scope(), kind))


@pytest.fixture
def backend() -> str:
    """The database makes no difference here but where a test says so."""
    return "sqlite"


@pytest.fixture
def world(house: House) -> Iterator[World]:
    """A served store with a worker that makes exports; it seals only when a test says so."""
    house.settings.seal.interval_ms = 3_600_000
    house.settings.exports.pool = "threads"
    with live(house, exporters=1) as http:
        yield World(Api(http, house), Client(str(http.base_url).rstrip("/"), "tok_ana", KEY))
