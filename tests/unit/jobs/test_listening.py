"""Hearing of jobs that other processes make."""

import threading
import time

import pytest
import sqlalchemy as sa

from tailrace.jobs.bell import Bell
from tailrace.jobs.listening import Listener
from tailrace.model.access import Scope
from tailrace.wiring import House
from tests.unit.jobs.doing import add, taken

LONG = 60.0


@pytest.fixture
def url(house: House) -> str:
    """The database of a store, as a setting."""
    if house.database.sqlite:
        pytest.skip("SQLite tells nobody")
    return house.settings.database


def backends(house: House) -> list[int]:
    """The server's processes that listen."""
    query = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'"
    with house.database.read() as connection:
        return list(connection.scalars(sa.text(query)))


def heard(bell: Bell, before: int) -> int:
    """The rings after one more."""
    rings = bell.wait(before, LONG)
    assert rings > before
    return rings


def test_a_job_rings_when_it_can_be_claimed(house: House, scope: Scope, url: str) -> None:
    """One that is made through any connection wakes those who listen, after its transaction."""
    bell = Bell()
    with Listener(url, bell):
        rings = heard(bell, 0)  # that it listens
        add(house, scope, "e")
        heard(bell, rings)
        assert taken(house).subject == "e"


def test_what_is_undone_rings_nothing(house: House, scope: Scope, url: str) -> None:
    """A transaction that fails wakes nobody: the only ring is that of the job that was kept."""
    bell = Bell()
    with Listener(url, bell):
        rings = heard(bell, 0)
        with pytest.raises(sa.exc.IntegrityError):
            add(house, scope, "x", "x")  # the first is kept, the second has its name
        assert heard(bell, rings) == rings + 1


def test_a_lost_connection_is_made_anew(house: House, scope: Scope, url: str) -> None:
    """After the server has cut it off the listener comes back, rings for what it missed, and hears again."""
    bell = Bell()
    with Listener(url, bell):
        rings = heard(bell, 0)
        (pid,) = backends(house)
        with house.database.write() as connection:
            connection.execute(sa.text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})
        rings = heard(bell, rings)
        (other,) = backends(house)
        assert other != pid
        add(house, scope, "e")
        heard(bell, rings)


def test_it_stops_at_once_while_it_listens(house: House, url: str) -> None:
    """Leaving the block ends thread and connection."""
    bell = Bell()
    with Listener(url, bell):
        heard(bell, 0)
    assert listeners() == []
    deadline = time.monotonic() + LONG
    while backends(house) and time.monotonic() < deadline:  # the server takes a moment to see it
        time.sleep(0.01)
    assert backends(house) == []


def test_it_stops_while_there_is_no_server() -> None:
    """It keeps trying in the background, says so, and can be told to stop between two tries."""
    with Listener("postgresql+psycopg://nobody@127.0.0.1:9/none?connect_timeout=2", Bell()):
        assert len(listeners()) == 1
    assert listeners() == []


def listeners() -> list[threading.Thread]:
    """Threads that listen."""
    return [thread for thread in threading.enumerate() if thread.name == "listener"]
