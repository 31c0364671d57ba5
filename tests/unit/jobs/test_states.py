"""Every arrow of the table can be walked, and leads where it says."""

from collections.abc import Callable

import pytest

from tailrace.jobs.queue import renew, repeat
from tailrace.jobs.states import ARROWS, Arrow
from tailrace.model.access import Scope
from tailrace.model.clock import MINUTE
from tailrace.wiring import House
from tests.unit.clocks import MovedClock
from tests.unit.jobs.doing import LEASE, add, back, call_off, end, row, take, taken

Walk = Callable[[House, Scope, MovedClock], object]


def repeated(house: House) -> None:
    """A recurring job that goes well."""
    job = taken(house)
    with house.database.write() as connection:
        repeat(connection, job, house.database.now(connection) + MINUTE)


def lapsed(house: House, clock: MovedClock) -> None:
    """A lease that is over."""
    taken(house)
    clock.shift += 2 * LEASE


def looked(house: House, scope: Scope, clock: MovedClock) -> None:
    """A look that ends a lease and takes another job, a more important one of the space."""
    lapsed(house, clock)
    add(house, scope, "urgent", priority=1)
    assert taken(house).subject == "urgent"


def late(house: House, scope: Scope, clock: MovedClock) -> None:
    """Cancelling before anybody has looked."""
    lapsed(house, clock)
    assert call_off(house, scope, "e") == "ended"


WALKS: dict[str, Walk] = {
    "enqueue": lambda _house, _scope, _clock: None,
    "claim": lambda house, _scope, _clock: taken(house),
    "cancel": lambda house, scope, _clock: call_off(house, scope, "e"),
    "renew": lambda house, _scope, _clock: renew(house.database, taken(house), LEASE),
    "give back": lambda house, _scope, _clock: back(house, taken(house), MINUTE),
    "repeat": lambda house, _scope, _clock: repeated(house),
    "lapse": looked,
    "finish": lambda house, _scope, _clock: end(house, taken(house)),
    "cancel lapsed": late,
}


def test_the_table_names_all_that_is_done() -> None:
    """No arrow without a walk, no walk without an arrow."""
    assert sorted(arrow.name for arrow in ARROWS) == sorted(WALKS)


@pytest.mark.parametrize("arrow", ARROWS, ids=lambda arrow: str(arrow.name))
def test_an_arrow_leads_where_it_says(queue: House, scope: Scope, clock: MovedClock, arrow: Arrow) -> None:
    """From the state before to the state after; nobody holds a job that is not leased."""
    add(queue, scope, "e")
    WALKS[arrow.name](queue, scope, clock)
    after = row(queue, "e")
    assert after.state == arrow.target
    assert (after.owner is None) is (after.state != "leased")
    assert (after.outcome is None) is (after.state != "done")
    if after.state == "done":
        assert take(queue) is None
