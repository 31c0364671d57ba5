"""The backlog: what waits to be sealed is bounded on disk; above the bound nothing is acknowledged and nothing lost."""

import json
import os
import time

import pytest

from tailrace.ingest.accept import Origin
from tailrace.ingest.backlog import LOOK_S, Backlog
from tailrace.ingest.doors import door_of
from tailrace.ingest.plain import accept_small
from tailrace.ingest.protocols.native import draft_batch
from tailrace.ingest.writer import InboxWriter
from tailrace.model.access import Scope
from tailrace.model.errors import Unavailable
from tailrace.store.inbox import Submission, backlog_bytes
from tailrace.store.ledger import ledger
from tailrace.wiring import House
from tests.sending import T0, Row, event, seal, send

WAIT_S = 20


class Time:
    """A clock that goes on by one look each time it is asked, seconds."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += LOOK_S
        return self.now


def records(name: str) -> list[Row]:
    """Records of about 40 kB that do not pack."""
    return [event(name, T0 + n, params={"noise": os.urandom(100).hex()}) for n in range(200)]


def submission(house: House, scope: Scope, name: str) -> Submission:
    """The same, as a request brings them."""
    raws = [json.dumps(record).encode() for record in records(name)]
    draft = draft_batch(raws, T0)
    return accept_small(
        door_of(house.database, scope), draft, raws, Origin("events", "{}"), house.clock.now()
    ).submission


def test_room_ends_and_comes_back(house: House, scope: Scope) -> None:
    """Full above the bound, with how long to wait; room again once a seal has passed what waited."""
    empty = backlog_bytes(house.database)
    backlog = Backlog(house.database, empty + 15_000, Time())
    backlog.look()
    backlog.check()
    send(house, scope, records("a"))
    assert backlog_bytes(house.database) > empty + 15_000
    backlog.look()
    with pytest.raises(Unavailable) as refused:
        backlog.check()
    assert (refused.value.seconds, backlog.full) == (30, True)
    seal(house, scope)
    backlog.look()
    backlog.check()


def test_it_is_not_measured_all_the_time(house: House, scope: Scope) -> None:
    """Between two looks what it knew holds."""
    now = [LOOK_S]
    backlog = Backlog(house.database, backlog_bytes(house.database) + 15_000, lambda: now[0])
    backlog.look()
    send(house, scope, records("a"))
    now[0] += LOOK_S / 2
    backlog.look()
    assert not backlog.full
    now[0] += LOOK_S / 2
    backlog.look()
    assert backlog.full


def test_no_bound(house: House) -> None:
    """0 takes as much as the disk does."""
    backlog = Backlog(house.database, 0, Time())
    backlog.look()
    backlog.check()


def test_what_is_refused_was_not_acknowledged_and_what_was_is_kept(house: House, scope: Scope) -> None:
    """A writer acknowledges until it is full, then refuses without a trace; after a seal the resend goes in."""
    writer = InboxWriter(house.database)
    writer.backlog = Backlog(house.database, backlog_bytes(house.database) + 15_000, Time())  # looks after each group
    with writer:
        writer.submit(submission(house, scope, "a")).result(WAIT_S)
        deadline = time.monotonic() + WAIT_S
        while not writer.backlog.full:  # the look is taken after the answer
            assert time.monotonic() < deadline
            time.sleep(0.01)
        with pytest.raises(Unavailable):
            writer.submit(submission(house, scope, "b"))
        seal(house, scope)
        writer.backlog.look()
        writer.submit(submission(house, scope, "b")).result(WAIT_S)
    seal(house, scope)
    book = ledger(house.database, scope)
    assert (book.holds, book.dead_letters) == (True, 0)
    assert book.sealed == 400
