"""The native API as a client sees it, with the store behind it at hand."""

import gzip
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from tailrace.accounts.lookup import scope_of_app
from tailrace.model.access import Scope
from tailrace.store.deadletters import DeadLetter, find, listing
from tailrace.store.ledger import Ledger, ledger
from tailrace.wiring import House
from tests import sending
from tests.contract.live import READ, WRITE, live

Row = dict[str, Any]
WAIT_S = 30
EVERYTHING: Row = {"axis": "available"}


@dataclass
class Api:
    """A served store."""

    http: httpx.Client
    house: House

    def scope(self, app: str = "app_waves") -> Scope:
        return scope_of_app(self.house.database, app)

    def post(self, body: bytes | str, **headers: str) -> httpx.Response:
        """Send a body of events as it is."""
        return self.http.post("/v1/events", content=body, headers=WRITE | headers)

    def send(self, *records: Row, **more: Any) -> Row:
        """Send a batch; its answer."""
        answer = self.post(json.dumps({"batch": records} | more))
        assert answer.status_code == 200, answer.text
        found: Row = answer.json()
        return found

    def seal(self) -> None:
        """Make everything exportable."""
        sending.seal(self.house, self.scope())

    def ask(self, window: Row = EVERYTHING, *, headers: Any = READ, **more: Any) -> httpx.Response:
        """Ask for an export."""
        return self.http.post("/v1/exports", json={"app": "app_waves", "window": window} | more, headers=headers)

    def manifest(self, window: Row = EVERYTHING, **more: Any) -> Row:
        """Ask for an export, wait, and take its manifest."""
        asked = self.ask(window, **more)
        assert asked.status_code == 202, asked.text
        self.wait(asked.headers["location"])
        found: Row = self.http.get(asked.headers["location"] + "/manifest", headers=READ).json()
        return found

    def wait(self, location: str) -> Row:
        """Poll until an export has succeeded; its last status."""
        deadline = time.monotonic() + WAIT_S
        while (status := self.http.get(location, headers=READ).json())["state"] != "succeeded":
            assert status["state"] in ("queued", "running"), status
            assert time.monotonic() < deadline, status
            time.sleep(0.01)
        found: Row = status
        return found

    def lines(self, manifest: Row) -> list[bytes]:
        """The lines of all files of a manifest."""
        packed = [self.http.get(file["url"], headers=READ).content for file in manifest["files"]]
        return [line for data in packed for line in gzip.decompress(data).splitlines()]

    def rows(self, window: Row = EVERYTHING, **more: Any) -> list[Row]:
        """Everything that an export of a window holds."""
        return [json.loads(line) for line in self.lines(self.manifest(window, **more))]

    def ledger(self) -> Ledger:
        return ledger(self.house.database, self.scope())

    def letters(self) -> Sequence[DeadLetter]:
        database, scope = self.house.database, self.scope()
        return [find(database, scope, buried.number).letter for buried in listing(database, scope)]


@pytest.fixture
def api(house: House) -> Iterator[Api]:
    """A served store with a worker that makes exports; it seals only when a test says so."""
    house.settings.seal.interval_ms = 3_600_000
    with live(house, exporters=1) as http:
        yield Api(http, house)


@pytest.fixture
def quiet(house: House) -> Iterator[Api]:
    """A served store in which nobody works: for what makes no exports."""
    with live(house) as http:
        yield Api(http, house)


def as_(token: str) -> dict[str, str]:
    """The header of a token."""
    return {"authorization": f"Bearer {token}"}
