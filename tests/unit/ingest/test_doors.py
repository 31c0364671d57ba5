"""Doors that are remembered: what a server looks up once a moment, and how soon it heeds a change."""

import pytest

from tailrace.accounts.limits import set_limits
from tailrace.ingest.discretion import DISCRETION
from tailrace.ingest.doors import _MOST, Doors
from tailrace.model.errors import Unauthorized
from tailrace.wiring import House

KEY = "wk_waves"


class Time:
    """A clock that a test moves, seconds."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def time() -> Time:
    """A clock of its own."""
    return Time()


@pytest.fixture
def doors(house: House, time: Time) -> Doors:
    """Doors that are kept for a second."""
    return Doors(house.database, DISCRETION, 1_000, time)


def change(house: House, most: int) -> None:
    """Set how long a body may be."""
    with house.database.write() as connection:
        set_limits(connection, {"ingest.max_body_bytes": most})


def test_a_change_is_heeded_once_the_look_up_is_old(house: House, doors: Doors, time: Time) -> None:
    """For a second the old limit holds, for a door and for bodies whose key is not known; then the new one."""
    change(house, 1_000)
    assert (doors.of(KEY).max_body_bytes, doors.body_limit()) == (1_000, 1_000)
    change(house, 2_000)
    time.now += 0.9
    assert doors.of(KEY).max_body_bytes == 1_000
    assert doors.remembered_body_limit() == 1_000
    time.now += 0.2
    assert doors.remembered(KEY) is None
    assert doors.remembered_body_limit() is None
    assert (doors.of(KEY).max_body_bytes, doors.body_limit()) == (2_000, 2_000)


def test_what_opens_nothing_is_not_remembered(doors: Doors) -> None:
    """A key that is made in this moment opens at once."""
    for _ in range(2):
        with pytest.raises(Unauthorized):
            doors.of("wk_nobody")
    assert doors.remembered("wk_nobody") is None


def test_nothing_is_remembered_if_it_shall_not(house: House, time: Time) -> None:
    """With 0 every request looks."""
    doors = Doors(house.database, DISCRETION, 0, time)
    doors.of(KEY)
    assert doors.remembered(KEY) is None


def test_only_so_many_are_remembered(doors: Doors) -> None:
    """The oldest look-ups leave, so that memory is bounded however many keys there are."""
    door = doors.of(KEY)
    for number in range(_MOST):
        doors._doors[f"wk_{number}"] = (2_000.0, door)
    doors._doors.pop("wk_0")
    doors._doors.pop(KEY)
    doors._doors["wk_last"] = (2_000.0, door)
    doors.of(KEY)
    assert len(doors._doors) == _MOST
    assert doors.remembered("wk_1") is None
    assert doors.remembered(KEY) is not None
