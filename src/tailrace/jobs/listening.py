"""Hearing of jobs that other processes make: PostgreSQL passes the word on."""

import select
import socket
import threading
from typing import TYPE_CHECKING

from sqlalchemy import Connection, func, make_url
from sqlalchemy import select as sql_select

from tailrace.jobs.bell import Bell
from tailrace.logs import log

if TYPE_CHECKING:  # loaded by those who listen: every command comes by here
    import psycopg

CHANNEL = "tailrace_jobs"
_FIRST_S, _MOST_S = 0.5, 30.0  # pauses between tries to connect


def notify(connection: Connection, lane: str) -> None:
    """Wake the workers of every process when the transaction is done, where the database can."""
    if connection.dialect.name == "postgresql":
        connection.execute(sql_select(func.pg_notify(CHANNEL, lane)))


class Listener:
    """Rings a bell whenever any process makes a job, while its block runs.

    It has a connection of its own, and makes a new one when that is lost. What it misses meanwhile is found by those
    who look now and then: it makes waiting shorter, and nothing depends on it.
    """

    def __init__(self, url: str, bell: Bell) -> None:
        self._url = url
        self._bell = bell
        self._stop, self._stopped = socket.socketpair()
        self._thread = threading.Thread(target=self._run, name="listener", daemon=True)

    def __enter__(self) -> "Listener":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.close()  # the other end can be read now
        self._thread.join()
        self._stopped.close()

    def _run(self) -> None:
        from psycopg import Error

        pause = _FIRST_S
        while not self._told(0):
            try:
                with _connect(self._url) as connection:
                    pause = _FIRST_S
                    self._listen(connection)
            except Error as error:  # its text may name hosts and users
                log.warning("listener.lost", error=type(error).__name__, next_try_s=pause)
                self._told(pause)
                pause = min(2 * pause, _MOST_S)

    def _listen(self, connection: "psycopg.Connection") -> None:
        connection.execute(f"LISTEN {CHANNEL}")
        self._bell.ring()  # for what was made while nobody listened
        while not self._told(None, connection.fileno()):
            if list(connection.notifies(timeout=0)):
                self._bell.ring()

    def _told(self, seconds: float | None, beside: int | None = None) -> bool:
        """Wait until it is time to stop, something comes in `beside` it, or the time is over; whether to stop."""
        sources = [self._stopped.fileno(), *([] if beside is None else [beside])]
        readable, _, _ = select.select(sources, [], [], seconds)
        return self._stopped.fileno() in readable


def _connect(url: str) -> "psycopg.Connection":
    """A connection as the pool makes them, but outside of transactions."""
    import psycopg

    place = make_url(url)
    arguments, options = place.get_dialect()().create_connect_args(place)
    return psycopg.connect(*arguments, **options, autocommit=True)
