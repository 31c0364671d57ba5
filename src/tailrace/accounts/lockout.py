"""Lock-out: after some wrong passwords in a row each further one has to wait, twice as long as the one before.

A try is counted before the password is looked at and forgiven when it is right, so that many at once are no way around
it. Names of nobody are counted too, in this process, so that the answers do not tell who is a user.
"""

from collections import OrderedDict
from threading import Lock
from typing import Any

from msgspec import Struct
from sqlalchemy import Connection, Row, select, update

from tailrace.db.tables import users
from tailrace.model.clock import MINUTE, SECOND
from tailrace.model.errors import Locked

FREE = 5  # wrong passwords that cost nothing
LONGEST_MS = 15 * MINUTE


class Tries(Struct, frozen=True):
    """How many passwords in a row were not right, and until when none is looked at (ms)."""

    failures: int = 0
    locked_until: int = 0


def another(tries: Tries, now: int) -> Tries:
    """After one more.

    Raises:
        Locked: it has to wait.
    """
    # No wait is longer than the longest, whatever a clock that was set back makes of it.
    if now < tries.locked_until <= now + LONGEST_MS:
        raise Locked(-((now - tries.locked_until) // SECOND))
    failures = tries.failures + 1
    return Tries(failures, 0 if failures < FREE else now + wait_ms(failures))


def wait_ms(failures: int) -> int:
    """How long the next one has to wait after so many: 1 s after the fifth, 2 s after the next, and so on."""
    return min(LONGEST_MS, SECOND << min(failures - FREE, 20))


def count(connection: Connection, user: "Row[Any]", now: int) -> None:
    """Count a try of a user.

    Raises:
        Locked: it has to wait.
    """
    same = users.c.number == user.number
    found = connection.execute(select(users).where(same).with_for_update()).one()
    tries = another(Tries(found.failures, found.locked_until), now)
    connection.execute(update(users).where(same).values(failures=tries.failures, locked_until=tries.locked_until))


def forgive(connection: Connection, user: int) -> None:
    """Forget the tries of a user: the password was right, or is a new one."""
    connection.execute(update(users).where(users.c.number == user).values(failures=0, locked_until=0))


class Strangers:
    """Tries of names that are nobody's; the last ten thousand."""

    def __init__(self, most: int = 10_000) -> None:
        self._most = most
        self._lock = Lock()
        self._tries: OrderedDict[tuple[str, str], Tries] = OrderedDict()

    def count(self, name: tuple[str, str], now: int) -> None:
        """Count a try.

        Raises:
            Locked: it has to wait.
        """
        with self._lock:
            self._tries[name] = another(self._tries.get(name, Tries()), now)
            self._tries.move_to_end(name)
            if len(self._tries) > self._most:
                self._tries.popitem(last=False)
