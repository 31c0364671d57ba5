"""The test-only clock reaches real server processes, so that half an hour can pass in a second."""

import time
from pathlib import Path

from tailrace.accounts.lookup import scope_of_app
from tailrace.accounts.provisioning import read_provisioning
from tailrace.model.clock import MINUTE
from tailrace.store.ledger import ledger
from tailrace.wiring import open_house, provision
from tests.sending import T0, event
from tests.servers import Client, Server


def sealed(data: Path) -> int:
    """Events that the app has sealed."""
    with open_house(data) as house:
        return ledger(house.database, scope_of_app(house.database, "app_waves")).sealed


def test_half_an_hour_of_silence_passes_when_the_clock_is_moved(data: Path, provisioning: Path, tmp_path: Path) -> None:
    """A session stays open while the clock stands near its arrival, and is sealed once the clock is 31 minutes on."""
    with open_house(data) as house:
        provision(house, read_provisioning(provisioning))
    clock = tmp_path / "clock"
    with Server(data, environment={"TAILRACE_TEST_CLOCK": str(clock)}) as server, Client(server.url) as client:
        assert client.send([event("e", T0)]).status_code == 200
        client.export({"axis": "available"})
        assert sealed(data) == 0
        clock.write_text(str(31 * MINUTE))
        deadline = time.monotonic() + 30
        while not sealed(data) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert client.export({"axis": "available"})["rows"] == 1
