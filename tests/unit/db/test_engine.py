"""Transactions, on both databases."""

import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import insert, select, text, update
from sqlalchemy.exc import IntegrityError, OperationalError

from tailrace.db import engine
from tailrace.db.engine import Database, _configure, _set_synced, _sqlite, answering, now_of
from tailrace.db.tables import apps, inbox_heads, limits
from tailrace.model.clock import HOUR, SystemClock
from tailrace.model.errors import Unavailable
from tailrace.wiring import House, open_house
from tests.unit.clocks import MovedClock, moved


@pytest.fixture
def database(house: House) -> Database:
    """A database with one number in it."""
    with house.database.write() as connection:
        connection.execute(insert(limits).values(name="n", value=0))
    return house.database


def value(database: Database) -> int | None:
    """The number."""
    with database.read() as connection:
        found: int | None = connection.scalar(select(limits.c.value).where(limits.c.name == "n"))
    return found


def add_one(database: Database) -> int | None:
    """Raise the number; what it is then."""
    with database.write() as connection:
        grown = update(limits).where(limits.c.name == "n").values(value=limits.c.value + 1)
        found: int | None = connection.scalar(grown.returning(limits.c.value))
    return found


def test_writers_of_one_row_come_one_after_the_other(database: Database) -> None:
    """Many threads that raise one number get each number once: none waits for ever, none is lost."""
    with ThreadPoolExecutor(6) as pool:
        seen = list(pool.map(lambda _: add_one(database), range(60)))
    assert sorted(number or 0 for number in seen) == list(range(1, 61))
    assert value(database) == 60


def names(database: Database) -> list[str]:
    """Names of the limits that are set."""
    with database.read() as connection:
        return sorted(connection.scalars(select(limits.c.name)))


@pytest.mark.parametrize("part", ["write", "write_inbox"])
def test_a_transaction_that_fails_leaves_nothing(house: House, part: str) -> None:
    """An exception in the block undoes everything that the block did, and is the exception that comes out."""
    write, before = getattr(house.database, part), names(house.database)
    with pytest.raises(ZeroDivisionError):
        change_and_fail(write, part)
    assert names(house.database) == before
    with house.database.read_inbox() as connection:
        assert connection.scalars(select(inbox_heads.c.position).distinct()).all() == [0]
    with write() as connection:  # and its lock is free again
        connection.execute(text("SELECT 1"))


def change_and_fail(write: Callable[[], object], part: str) -> None:
    """A transaction that changes something and then fails."""
    with write() as connection:  # type: ignore[attr-defined]
        if part == "write":
            connection.execute(insert(limits).values(name="half", value=1))
        else:
            connection.execute(update(inbox_heads).values(position=99))
        raise ZeroDivisionError


def test_both_are_changed_or_neither(house: House) -> None:
    """What changes inbox and metadata together changes neither if it fails, and both if it does not."""

    def change(by: int, number: int) -> None:
        with house.database.write_both() as (inbox, meta):
            inbox.execute(update(inbox_heads).values(position=number))
            meta.execute(insert(limits).values(name="both", value=1 // by))

    with pytest.raises(ZeroDivisionError):
        change(0, 98)
    assert "both" not in names(house.database)
    change(1, 99)
    assert "both" in names(house.database)
    with house.database.read_inbox() as connection:
        assert connection.scalars(select(inbox_heads.c.position).distinct()).all() == [99]


def test_a_failed_commit_of_one_row_undoes_the_others(house: House) -> None:
    """A broken rule at the second row takes back the first."""
    before = names(house.database)
    with pytest.raises(IntegrityError), house.database.write() as connection:
        connection.execute(insert(limits), [{"name": "a", "value": 1}, {"name": "a", "value": 2}])
    assert names(house.database) == before


def test_a_read_sees_one_state(database: Database) -> None:
    """What another transaction commits in the middle of a read is seen by the next read, not by this one."""
    number = select(limits.c.value).where(limits.c.name == "n")
    with database.read() as connection:
        assert connection.scalar(number) == 0
        assert add_one(database) == 1
        assert connection.scalar(number) == 0
    assert value(database) == 1


def test_readers_do_not_wait_for_a_writer(database: Database) -> None:
    """While a write transaction is open, a read ends with the state before it."""
    with database.write() as connection:
        connection.execute(update(limits).values(value=7))
        assert value(database) == 0
    assert value(database) == 7


def test_the_inbox_does_not_wait_for_a_commit(house: House) -> None:
    """While the metadata is being written, records can be made durable in the inbox."""
    done = threading.Event()

    def append() -> None:
        with house.database.write_inbox() as connection:
            connection.execute(update(inbox_heads).values(position=5))
        done.set()

    with house.database.write() as connection:
        connection.execute(insert(limits).values(name="n", value=1))
        thread = threading.Thread(target=append)
        thread.start()
        assert done.wait(30)
    thread.join()


def test_rows_of_no_app_are_refused(house: House) -> None:
    """Foreign keys are enforced, which SQLite does only when told to."""
    with pytest.raises(IntegrityError), house.database.write() as connection:
        connection.execute(insert(apps).values(number=999, space=998, id="ghost", name="Ghost"))


def test_an_acknowledged_write_is_synced(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both parts wait for the disk at commit: nothing acknowledged may be lost with the power."""
    monkeypatch.setattr(engine, "_configure", _configure)  # as it is outside of tests
    with open_house(data) as house:
        for part in (house.database.read, house.database.read_inbox):
            with part() as connection:
                if house.database.sqlite:
                    assert connection.scalar(text("PRAGMA synchronous")) == 2
                    assert connection.scalar(text("PRAGMA journal_mode")) == "wal"
                else:
                    assert connection.scalar(text("SHOW synchronous_commit")) == "on"


def test_what_is_only_counted_does_not_wait_for_the_disk(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What came before or comes after it on the same connection does."""
    monkeypatch.setattr(engine, "_configure", _configure)
    monkeypatch.setattr(engine, "_set_synced", _set_synced)
    with open_house(data) as house:
        asked = text("PRAGMA synchronous" if house.database.sqlite else "SHOW synchronous_commit")
        waits, waits_not = (2, 1) if house.database.sqlite else ("on", "off")
        for _ in range(2):
            with house.database.count() as connection:
                assert connection.scalar(asked) == waits_not
            with house.database.write() as connection:
                assert connection.scalar(asked) == waits


def test_what_is_counted_is_there_for_everybody(database: Database) -> None:
    """It is a transaction like any other."""
    with database.count() as connection:
        connection.execute(update(limits).where(limits.c.name == "n").values(value=7))
    with pytest.raises(IntegrityError):
        _count_and_fail(database)
    assert value(database) == 7


def _count_and_fail(database: Database) -> None:
    with database.count() as connection:
        connection.execute(update(limits).where(limits.c.name == "n").values(value=8))
        connection.execute(insert(limits).values(name="n", value=9))


def test_the_databases_clock_follows_a_moved_clock(house: House) -> None:
    """A shifted clock reaches leases and availability also where the database has a clock of its own."""
    clock = MovedClock()
    shifted = moved(house, clock)
    with shifted.database.read() as connection:
        before = shifted.database.now(connection)
        clock.shift = 10_000_000
        assert 10_000_000 <= shifted.database.now(connection) - before < 10_060_000


@pytest.mark.parametrize(
    ("number", "says"),
    [(13, "free some space"), (8, "read-only"), (10, "reports errors"), (522, "reports errors"), (5, "did not answer")],
)
def test_an_outage_says_what_to_mend(number: int, says: str) -> None:
    """A disk that is full or read-only is told in words; any other outage only that there is one. No file is named."""
    said = sqlite3.OperationalError("unable to write /srv/secret")
    said.sqlite_errorcode = number
    with pytest.raises(Unavailable) as caught, answering():
        raise OperationalError("INSERT", {}, said)
    assert says in caught.value.why
    assert "secret" not in caught.value.why


def test_a_full_database_says_so(tmp_path: Path) -> None:
    """The real thing: SQLite may grow no further, and what was written before is still there."""
    house_of = Database(_sqlite(tmp_path / "meta"), _sqlite(tmp_path / "inbox"), SystemClock())
    with house_of.write() as connection:
        connection.execute(text("CREATE TABLE t (x)"))
    with pytest.raises(Unavailable, match="full"):
        overfill(house_of)
    with house_of.read() as connection:
        assert connection.scalar(text("SELECT count(*) FROM t")) == 0
    house_of.close()


def overfill(database: Database) -> None:
    """Write more than fits."""
    with database.write() as connection:
        connection.execute(text("PRAGMA max_page_count = 8"))
        connection.execute(text("INSERT INTO t VALUES (randomblob(100000))"))


def test_a_connection_knows_the_time_of_its_database(house: House) -> None:
    """Those who have only a connection see the same clock, moved or not."""
    clock = MovedClock()
    clock.shift = 5 * HOUR
    database = moved(house, clock).database
    for opened, ahead in ((house.database, 0), (database, 5 * HOUR)):
        for transaction in (opened.read, opened.write):
            with transaction() as connection:
                before, asked, after = opened.now(connection), now_of(connection), opened.now(connection)
                assert before <= asked <= after
                assert abs(asked - SystemClock().now() - ahead) < HOUR
