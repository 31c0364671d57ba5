"""A queue by a clock that tests move."""

import pytest

from tailrace.accounts.lookup import scope_of_app
from tailrace.model.access import Scope
from tailrace.wiring import House
from tests.unit.clocks import MovedClock, moved


@pytest.fixture
def clock() -> MovedClock:
    """A clock that a test moves."""
    return MovedClock()


@pytest.fixture
def queue(house: House, clock: MovedClock) -> House:
    """A store by that clock."""
    return moved(house, clock)


@pytest.fixture
def other(house: House) -> Scope:
    """An app of another space."""
    return scope_of_app(house.database, "app_other")
