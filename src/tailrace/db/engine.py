"""Connections. `Database` hides whether metadata and inbox are two SQLite files or one PostgreSQL database."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from tailrace.model.clock import Clock
from tailrace.model.errors import Invalid, Unavailable

META_FILE = "meta.db"
INBOX_FILE = "inbox.db"
_BUSY_MS = 30_000
# Each connection remembers pages and statements, some ten megabytes: the last that was used is used next, so that as
# few have any as are used at once.
_POOL: dict[str, Any] = {"hide_parameters": True, "pool_size": 10, "max_overflow": 20, "pool_use_lifo": True}
# Classes of SQLSTATE that waiting can mend: connection, rollback, resources, operator. SQLite has none at all.
_OUTAGES = frozenset(("08", "40", "53", "55", "57"))
_UNSYNCED = text("SET LOCAL synchronous_commit TO OFF")
_FULL = "the disk of the database is full: free some space, then it goes on by itself"
# What can be told of an outage: disks are for the operator to mend. By SQLSTATE, or the primary code of SQLite.
_REASONS: dict[object, str] = {
    sqlite3.SQLITE_FULL: _FULL,
    "53100": _FULL,
    sqlite3.SQLITE_READONLY: "the database is read-only: mend its disk, or give the server the right to write",
    sqlite3.SQLITE_IOERR: "the disk of the database reports errors: look into the system's log",
    "53300": "the database takes no more connections: raise its limit",
}


class Database:
    """Two engines and a clock.

    `write` transactions take their lock at once and are durable when they end; `read` transactions see one state. What
    is written by `count` outlives our processes as well, but the disk is not waited for: a power cut, or the end of
    PostgreSQL itself, may forget the last of it.
    """

    def __init__(self, meta: Engine, inbox: Engine, clock: Clock) -> None:
        self.meta = meta
        self.inbox = inbox
        self._clock = clock

    @property
    def sqlite(self) -> bool:
        """Whether the embedded default is in use."""
        return self.meta.dialect.name == "sqlite"

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction on the metadata that may change it."""
        with _transaction(self.meta, self._clock, write=True) as connection:
            yield connection

    @contextmanager
    def count(self) -> Iterator[Connection]:
        """A transaction as `write`, for what is written at each request and matters for a while: how often it came."""
        with _transaction(self.meta, self._clock, write=True, synced=False) as connection:
            yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction on the metadata that sees one state from beginning to end."""
        with _transaction(self.meta, self._clock, write=False) as connection:
            yield connection

    @contextmanager
    def write_inbox(self) -> Iterator[Connection]:
        """A transaction on the inbox that may change it."""
        with _transaction(self.inbox, self._clock, write=True) as connection:
            yield connection

    @contextmanager
    def write_both(self) -> Iterator[tuple[Connection, Connection]]:
        """A transaction that may change the inbox, and one for the metadata: the same one, where they are one database.

        Else that of the metadata is durable before the other ends, so that what it tells of the other is never missing:
        only what dies in between leaves it told of and not done. Nobody may ask for the two in another order.
        """
        with self.write_inbox() as inbox:
            if self.inbox is self.meta:
                yield inbox, inbox
            else:
                with self.write() as meta:
                    yield inbox, meta

    @contextmanager
    def read_inbox(self) -> Iterator[Connection]:
        """A transaction on the inbox that sees one state from beginning to end."""
        with _transaction(self.inbox, self._clock, write=False) as connection:
            yield connection

    def now(self, connection: Connection) -> int:
        """The database's clock in milliseconds UTC; on SQLite, which has none of its own, the machine's."""
        return _now(connection, self._clock)

    def close(self) -> None:
        """Give back every connection."""
        self.meta.dispose()
        self.inbox.dispose()


def now_of(connection: Connection) -> int:
    """The present of a transaction's database, as `Database.now` tells it, for those who have only the connection."""
    clock: Clock = connection.get_execution_options()["tailrace_clock"]
    return _now(connection, clock)


def _now(connection: Connection, clock: Clock) -> int:
    if connection.dialect.name == "sqlite":
        return clock.now()
    seconds = connection.scalar(text("SELECT extract(epoch FROM clock_timestamp())"))
    return int(seconds * 1000) + clock.offset()


@contextmanager
def _transaction(engine: Engine, clock: Clock, *, write: bool, synced: bool = True) -> Iterator[Connection]:
    options: dict[str, Any] = {"tailrace_write": write, "tailrace_synced": synced, "tailrace_clock": clock}
    if engine.dialect.name == "postgresql" and not write:
        options |= {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
    with answering(), engine.connect().execution_options(**options) as connection, connection.begin():
        if engine.dialect.name == "postgresql" and not synced:
            connection.execute(_UNSYNCED)
        yield connection


@contextmanager
def answering() -> Iterator[None]:
    """A database that does not answer is a domain error; what it says stays here, since it may name hosts and users.

    Raises:
        Unavailable: it did not.
    """
    try:
        yield
    except (PoolTimeoutError, InterfaceError) as error:
        raise Unavailable("the database did not answer", 5) from error
    except OperationalError as error:
        state: str | None = getattr(error.orig, "sqlstate", None)
        if state is not None and state[:2] not in _OUTAGES:
            raise
        raise Unavailable(_why(error.orig), 5) from error


def _why(error: BaseException | None) -> str:
    extended: int | None = getattr(error, "sqlite_errorcode", None)
    code = getattr(error, "sqlstate", None) if extended is None else extended & 0xFF
    return _REASONS.get(code, "the database did not answer")


def storable(name: str) -> bool:
    """Whether a row can have this name. PostgreSQL fails when it is asked for a name with NUL."""
    return name != "" and "\0" not in name


def open_database(data: Path, url: str, clock: Clock) -> Database:
    """The database that a data directory or a PostgreSQL URL names.

    Raises:
        Invalid: the URL is not one of PostgreSQL.
    """
    if not url:
        return Database(_sqlite(data / META_FILE), _sqlite(data / INBOX_FILE), clock)
    _check_url(url)
    engine = create_engine(url, **_POOL, pool_pre_ping=True)
    return Database(engine, engine, clock)


def _check_url(url: str) -> None:
    try:
        driver = make_url(url).drivername
    except ArgumentError:
        driver = ""
    if driver != "postgresql+psycopg":  # the URL is not shown: it may hold a password
        raise Invalid("database", "must be a URL such as postgresql+psycopg://user@host/name, or empty for SQLite")


def _sqlite(path: Path) -> Engine:
    engine = create_engine(f"sqlite:///{path}", **_POOL, connect_args={"check_same_thread": False})
    event.listen(engine, "connect", _configure)
    event.listen(engine, "begin", _begin)
    return engine


def _configure(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # transactions begin where `_begin` says, not where the driver guesses
    for pragma in ("journal_mode=WAL", "synchronous=FULL", f"busy_timeout={_BUSY_MS}", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: Connection) -> None:
    options = connection.get_execution_options()
    if not options.get("tailrace_write", True):
        connection.exec_driver_sql("BEGIN")
        return
    _set_synced(connection, synced=options.get("tailrace_synced", True))
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _set_synced(connection: Connection, *, synced: bool) -> None:
    """Have commits wait for the disk or not; a connection of the pool stays as it was set last."""
    known = connection.connection.info
    if known.get("synced", True) != synced:
        connection.exec_driver_sql(f"PRAGMA synchronous={'FULL' if synced else 'NORMAL'}")
        known["synced"] = synced
