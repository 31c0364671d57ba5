"""A store whose clock, and that of its database and files, a test can move."""

import pytest

from tailrace.wiring import House
from tests.unit.clocks import MovedClock, moved


@pytest.fixture
def clock() -> MovedClock:
    """A clock that a test moves."""
    return MovedClock()


@pytest.fixture
def store(house: House, clock: MovedClock) -> House:
    """A store by that clock."""
    return moved(house, clock)
