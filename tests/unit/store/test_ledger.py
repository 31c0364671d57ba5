"""The ledger counts what was sent."""

import json

from tailrace.model.access import Scope
from tailrace.store.ledger import Ledger, ledger
from tailrace.wiring import House
from tests.sending import T0, Row, event, seal, send


def test_the_ledger_counts_every_way_that_a_record_can_go(house: House, scope: Scope) -> None:
    """Received, dead, waiting, open, duplicate and sealed records are each where they are, at every step."""
    ended = {"session": {"end": True}}
    bad: Row = {"id": "bad"}
    first = [event("a", T0), event("b", T0 + 1) | ended, bad, event("c", T0, device="d2", session="s2")]
    assert ledger(house.database, scope) == Ledger(0, 0, 0, 0, 0, 0)
    send(house, scope, first)
    assert ledger(house.database, scope) == Ledger(4, 3, 1, 0, 3, 0)
    seal(house, scope, close_all=False)
    assert ledger(house.database, scope) == Ledger(4, 3, 1, 2, 1, 0)
    send(house, scope, [*first, event("d", T0 + 2)])
    assert ledger(house.database, scope) == Ledger(9, 7, 2, 2, 5, 0)
    seal(house, scope)
    assert ledger(house.database, scope) == Ledger(9, 7, 2, 4, 0, 3)
    assert ledger(house.database, scope).holds


def test_a_ledger_that_does_not_add_up_says_so() -> None:
    """One record too many or too few in any place breaks it."""
    good = {"received": 9, "accepted": 7, "dead_letters": 2, "sealed": 3, "open": 2, "duplicates": 2}
    assert Ledger(**good).holds
    for name in good:
        for by in (-1, 1):
            assert not Ledger(**good | {name: good[name] + by}).holds, json.dumps([name, by])
