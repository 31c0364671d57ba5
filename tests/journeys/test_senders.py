"""Clocks and policy on the way through: what a wrong clock, an address and a robot leave in exports and the ledger."""

import json

from msgspec.structs import replace

from tailrace.accounts.limits import set_limits
from tailrace.ingest.accept import Origin
from tailrace.ingest.discretion import Discretion
from tailrace.ingest.doors import door_of
from tailrace.ingest.flags import CORRECTED
from tailrace.ingest.plain import accept_small
from tailrace.ingest.protocols.native import draft_batch
from tailrace.model.access import Scope
from tailrace.model.clock import HOUR, MINUTE, iso
from tailrace.model.policy import LIMITS
from tailrace.reports.counts import count_store
from tailrace.store.deadletters import listing
from tailrace.store.inbox import append
from tailrace.store.ledger import Ledger, ledger
from tailrace.wiring import House
from tests.sending import T0, Row, event, export, request, seal
from tests.templates import ANY_TIME


def batch(
    house: House, scope: Scope, records: list[Row], received_at: int, sent_at: int, discretion: Discretion
) -> None:
    """Take in a batch that says when it was sent."""
    raws = [json.dumps(record).encode() for record in records]
    door = door_of(house.database, scope, discretion)
    outcome = accept_small(door, draft_batch(raws, sent_at), raws, Origin("events", "{}"), received_at)
    append(house.database, [outcome.submission])


def test_two_devices_with_wrong_clocks_have_true_sessions(house: House, scope: Scope) -> None:
    """One clock is three hours ahead, the other a day behind; each session is one, in order, at its true times, and a
    batch that is sent again later changes nothing.
    """
    with house.database.write() as connection:
        set_limits(connection, {name: LIMITS[name].default for name in ANY_TIME})
    wrong = {"ahead": 3 * HOUR, "behind": -24 * HOUR}
    for device, error in wrong.items():
        for n, latency in enumerate((4000, 50, 9000)):
            at = T0 + n * MINUTE
            told = [event(f"e{n}{m}", at + m + error, device=device, session=None) for m in range(2)]
            for again in (0, HOUR):
                batch(house, scope, told, at + latency + again, at + 5 + error, house.discretion)
    seal(house, scope)
    columns = ("event", "device_id", "time", "client_time", "session_id", "session_start", "flags")
    _, rows = export(house, scope, request(scope, columns=columns))
    for device, error in wrong.items():
        mine = [row for row in rows if row["device_id"] == device]
        times = [T0 + n * MINUTE + m for n in range(3) for m in range(2)]
        assert [row["time"] for row in mine] == [iso(time) for time in times]
        assert [row["client_time"] for row in mine] == [iso(time + error) for time in times]
        assert [row["event"] for row in mine] == ["e00", "e01", "e10", "e11", "e20", "e21"]
        assert {(row["session_start"], row["flags"]) for row in mine} == {(iso(T0), CORRECTED)}
        assert len({row["session_id"] for row in mine}) == 1
    assert ledger(house.database, scope) == Ledger(24, 24, 0, 12, 0, 12)


def test_what_policy_drops_is_in_the_ledger(house: House, scope: Scope) -> None:
    """Dropped robots are received, accepted and nowhere else: the ledger holds at every step, also where metrics read
    it, and a letter that is replayed as a robot leaves it in order.
    """
    drop = replace(house.discretion, bots="drop")
    robot = {"session": {"user_agent": "Some crawler"}}
    batch(house, scope, [event("a", T0) | robot, event("b", T0), {"id": "bad"}], T0, T0, drop)
    batch(house, scope, [event("c", T0) | robot], T0, T0, drop)
    assert ledger(house.database, scope) == Ledger(4, 3, 1, 0, 1, 0, dropped=2)
    seal(house, scope)
    found = ledger(house.database, scope)
    assert found == Ledger(4, 3, 1, 1, 0, 0, dropped=2)
    assert found.holds
    (counts,) = (app for app in count_store(house.database).apps if app.app_id == scope.app_id)
    assert (counts.received, counts.accepted, counts.dropped, counts.open, counts.dead_letters) == (4, 3, 2, 0, 1)
    _, rows = export(house, scope, request(scope))
    assert [row["event"] for row in rows] == ["b"]
    assert len(listing(house.database, scope)) == 1
