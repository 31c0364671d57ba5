"""Histories for the tests of exports: sessions that go on, come late and begin earlier than was known."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

from tailrace.model.access import Scope
from tailrace.model.clock import DAY, HOUR, MINUTE
from tailrace.model.export import ExportRequest
from tailrace.model.segment import Segment
from tailrace.store.snapshots import visible
from tailrace.wiring import House
from tests.sending import T0, Content, Row, contents, event, export, request, seal, send

WAVES = 4
NAMES = ("start", "go", "buy")
END = T0 + 9 * DAY  # after everything


@dataclass
class Store:
    """A store with one app, and what was sent to it."""

    house: House
    scope: Scope
    sent: list[Row] = field(default_factory=list)

    def wave(self, records: list[Row]) -> None:
        """Send records and seal them: one commit per shard that got any."""
        self.sent += records
        send(self.house, self.scope, records)
        seal(self.house, self.scope)

    def rows(self, **other: Any) -> list[Row]:
        """The rows of an export of everything, as of now."""
        return self.export(**other)[1]

    def export(self, **other: Any) -> tuple[Row, list[Row]]:
        """An export of everything, as of now: all fragments of a session are there."""
        return export(self.house, self.scope, self.everything(**other))

    def contents(self, **other: Any) -> tuple[Row, list[Content]]:
        """The same by file and member."""
        return contents(self.house, self.scope, self.everything(**other))

    def everything(self, **other: Any) -> ExportRequest:
        """A request for everything."""
        window: dict[str, Any] = {"axis": "event_time", "start": T0 - DAY, "end": END}
        return request(self.scope, **(window | other))

    def segments(self) -> list[Segment]:
        """All segments, as exports find them."""
        with self.house.database.read() as connection:
            return visible(connection, self.scope, 1 << 40)


class Told(Protocol):
    """Opens a store of its own with the history of a seed."""

    def __call__(self, seed: int = 1, size: int = 40) -> Store:
        """The store, with what was sent to it."""


def history(store: Store, seed: int = 1, size: int = 40) -> Store:
    """Four waves of events in sessions of a few users; each wave adds to sessions of the earlier ones."""
    chance = random.Random(seed)  # noqa: S311
    for wave in range(WAVES):
        store.wave(list(records(chance, f"{seed}-{wave}", size)))
    return store


def records(chance: random.Random, wave: str, size: int) -> Iterator[Row]:
    """Events of a wave. What is said of session and user stands in some of them only."""
    for number in range(size):
        session = chance.randrange(12)
        time = T0 + (session % 5) * 11 * HOUR + chance.randrange(-40, 200) * MINUTE
        name = f"s{session}" if session % 4 else None
        record = event(chance.choice(NAMES), time, device=f"d{session % 7}", session=name, id=f"{wave}-{number}")
        yield record | said(chance, session)


def said(chance: random.Random, session: int) -> Row:
    """Further keys of a record, each there now and then."""
    country = {"country": chance.choice(["DE", "FR"]), "app_version": f"1.{session % 3}"}
    keys = {
        "user_id": f"u{chance.randrange(3)}",
        "params": {"n": chance.randrange(9), "t": 'ä"\n', chance.choice(["a", "b"]): chance.choice([1, "x", None])},
        "session": country if chance.random() < 0.6 else {"country": country["country"]},
        "profile": {"name": f"name {chance.randrange(9)}"} if chance.random() < 0.3 else {"gender": "f"},
        "value": chance.random(),
    }
    return {key: value for key, value in keys.items() if chance.random() < 0.4}
