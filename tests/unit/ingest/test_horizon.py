"""The horizon of dedupe: ids are remembered for as long as is set after they arrived, and their runs leave after it."""

import pytest
from sqlalchemy import select

from tailrace.db.tables import id_runs
from tailrace.ingest.seal import Sealed
from tailrace.ingest.sealing import seal_everything
from tailrace.model.access import Scope
from tailrace.model.clock import DAY
from tailrace.wiring import House
from tests.conftest import TestClock, at
from tests.sending import T0, event, send

HORIZON = 3 * DAY


@pytest.fixture
def clock() -> TestClock:
    """A clock that the test moves."""
    return TestClock(T0)


@pytest.fixture
def short(house: House, clock: TestClock) -> House:
    """The store with a horizon of three days."""
    house.settings.seal.dedupe_horizon_ms = HORIZON
    return at(house, clock)


def sealed(house: House, scope: Scope, name: str) -> Sealed:
    """Send an event whose id is its name, and seal."""
    send(house, scope, [event(name, T0, id=name)])
    (step,) = seal_everything(house.sealer(), [scope], "test", close_all=True)
    return step.sealed


def objects(house: House, scope: Scope) -> list[str]:
    """Runs of the app, those that exist as files among them."""
    with house.database.read() as connection:
        rows = connection.scalars(select(id_runs.c.object).where(id_runs.c.app == scope.app)).all()
    assert all(house.files.size(name) for name in rows)
    return list(rows)


def test_a_resend_within_the_horizon_is_a_duplicate_and_later_is_not(
    short: House, scope: Scope, clock: TestClock
) -> None:
    """Up to the horizon the first is kept and the resend counted; past it what comes is stored again."""
    assert (sealed(short, scope, "a").events, sealed(short, scope, "a").duplicates) == (1, 1)
    clock.time += HORIZON
    assert sealed(short, scope, "a").duplicates == 1
    clock.time += 1
    assert (again := sealed(short, scope, "a")).duplicates == 0
    assert again.events == 1


def test_runs_past_the_horizon_leave_with_their_files(short: House, scope: Scope, clock: TestClock) -> None:
    """What is forgotten takes no room: the commit of a later seal drops the run, then its object goes."""
    sealed(short, scope, "a")
    (old,) = objects(short, scope)
    clock.time += HORIZON + 1
    sealed(short, scope, "b")
    (new,) = objects(short, scope)
    assert new != old
    with pytest.raises(FileNotFoundError):
        short.files.size(old)


def test_a_merged_run_lives_as_long_as_its_newest_id(short: House, scope: Scope, clock: TestClock) -> None:
    """Merging never shortens what is remembered."""
    for name in "abcdefg":  # enough for a merge
        sealed(short, scope, name)
        clock.time += HORIZON // 10
    assert len(objects(short, scope)) < len("abcdefg")
    clock.time += HORIZON // 10 * 8
    assert sealed(short, scope, "g").duplicates == 1
