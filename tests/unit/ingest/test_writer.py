"""The group commit: who is answered was stored, who was not stored is told so, and nobody waits for ever."""

import threading
from collections.abc import Iterator
from concurrent.futures import CancelledError, Future
from contextlib import contextmanager

import pytest
from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from tailrace.db.engine import Database
from tailrace.ingest.accept import Origin
from tailrace.ingest.doors import door_of
from tailrace.ingest.plain import accept_small
from tailrace.ingest.protocols.native import draft_records
from tailrace.ingest.writer import InboxWriter
from tailrace.model.access import Scope
from tailrace.model.errors import Unavailable
from tailrace.store.inbox import Submission, take
from tailrace.store.ledger import ledger
from tailrace.wiring import House

WAIT_S = 20


class Gate(Database):
    """A real database whose inbox can be held up, and made to fail."""

    def __init__(self, database: Database) -> None:
        super().__init__(database.meta, database.inbox, database._clock)
        self.open = threading.Event()
        self.entered = threading.Event()
        self.failures = 0
        self.transactions = 0

    @contextmanager
    def write_inbox(self) -> Iterator[Connection]:
        """A transaction that waits for the gate, and fails at its end as often as asked for."""
        self.entered.set()
        assert self.open.wait(WAIT_S)
        self.transactions += 1
        try:
            with super().write_inbox() as connection:
                yield connection
                if self.failures:
                    self.failures -= 1
                    raise OperationalError("COMMIT", {}, Exception("the disk is full"))
        except OperationalError as error:
            raise Unavailable(str(error.orig), 5) from error


@pytest.fixture
def gate(house: House) -> Gate:
    """The store behind a closed gate."""
    return Gate(house.database)


@pytest.fixture
def writer(gate: Gate) -> Iterator[InboxWriter]:
    """A running writer."""
    with InboxWriter(gate) as running:
        yield running
        gate.open.set()


def submission(house: House, scope: Scope, name: str) -> Submission:
    """One accepted record."""
    raws = [f'{{"event":"{name}","device_id":"d","id":"{name}"}}'.encode()]
    door = door_of(house.database, scope)
    return accept_small(door, draft_records(raws, None), raws, Origin("events", "{}"), house.clock.now()).submission


def stored(house: House, scope: Scope) -> list[str]:
    """The records of the inbox in their order."""
    found = take(house.database, scope, 0, 0, records=10**9, raw_bytes=10**12).records
    names: list[str] = found["event"].to_pylist()
    return names


def fill(writer: InboxWriter, gate: Gate, house: House, scope: Scope, names: list[str]) -> list["Future[None]"]:
    """Submit records; the first is held at the gate, the others wait behind it."""
    first = writer.submit(submission(house, scope, names[0]))
    assert gate.entered.wait(WAIT_S)
    return [first, *(writer.submit(submission(house, scope, name)) for name in names[1:])]


def test_what_waits_goes_in_together(writer: InboxWriter, gate: Gate, house: House, scope: Scope) -> None:
    """What arrived while a commit ran is stored in one further transaction, in its order, before anyone is answered."""
    futures = fill(writer, gate, house, scope, ["a", "b", "c", "d"])
    assert not any(future.done() for future in futures)
    gate.open.set()
    for future in futures:
        future.result(WAIT_S)
    assert gate.transactions == 2
    assert stored(house, scope) == ["a", "b", "c", "d"]


def test_a_failing_database_fails_all_who_wait_and_stores_none(
    writer: InboxWriter, gate: Gate, house: House, scope: Scope
) -> None:
    """Each request of a group is told; the store is as before, the writer goes on, and a resend is stored once."""
    gate.failures = 2
    futures = fill(writer, gate, house, scope, ["a", "b", "c"])
    gate.open.set()
    for future in futures:
        with pytest.raises(Unavailable):
            future.result(WAIT_S)
    assert stored(house, scope) == []
    assert ledger(house.database, scope).received == 0
    for name in ("a", "b", "c"):
        writer.submit(submission(house, scope, name)).result(WAIT_S)
    assert stored(house, scope) == ["a", "b", "c"]
    assert ledger(house.database, scope).received == 3


def test_more_than_can_wait_is_refused_at_once(writer: InboxWriter, gate: Gate, house: House, scope: Scope) -> None:
    """When the queue is full the next request is told to come again; what was taken is stored."""
    one = submission(house, scope, "x")
    first = writer.submit(one)
    assert gate.entered.wait(WAIT_S)
    taken = [first]
    with pytest.raises(Unavailable) as caught:
        taken.extend(writer.submit(one) for _ in range(10_000))
    assert caught.value.seconds > 0
    assert len(taken) > 1000
    gate.open.set()
    for future in taken:
        future.result(WAIT_S)
    assert ledger(house.database, scope).received == len(taken)


def test_a_request_that_is_given_up_does_not_stop_the_others(
    writer: InboxWriter, gate: Gate, house: House, scope: Scope
) -> None:
    """A sender that hangs up while it waits is not stored, and the writer lives on for those behind it."""
    first, gone, last = fill(writer, gate, house, scope, ["a", "b", "c"])
    assert gone.cancel()
    gate.open.set()
    first.result(WAIT_S)
    last.result(WAIT_S)
    with pytest.raises(CancelledError):
        gone.result(WAIT_S)
    writer.submit(submission(house, scope, "d")).result(WAIT_S)
    assert stored(house, scope) == ["a", "c", "d"]


def test_what_was_submitted_is_stored_before_the_end(gate: Gate, house: House, scope: Scope) -> None:
    """A writer that is closed stores everything that it took first."""
    with InboxWriter(gate) as closing:
        futures = fill(closing, gate, house, scope, ["a", "b", "c"])
        gate.open.set()
    assert all(future.done() for future in futures)
    assert stored(house, scope) == ["a", "b", "c"]
