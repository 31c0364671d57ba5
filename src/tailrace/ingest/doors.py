"""Doors: what accepting must know of an app, looked up together."""

import time
from collections import OrderedDict
from collections.abc import Callable

from tailrace.accounts.limits import limit, limits_now
from tailrace.accounts.lookup import scope_of_write_key
from tailrace.db.engine import Database
from tailrace.ingest.accept import Door
from tailrace.ingest.clocks import ClockRules
from tailrace.ingest.discretion import DISCRETION, Discretion
from tailrace.model.access import Scope
from tailrace.store.shards import shards_of


def door_of(database: Database, scope: Scope, discretion: Discretion = DISCRETION) -> Door:
    """The door of an app, with the policy that holds now."""
    with database.read() as connection:
        limits = limits_now(connection)
        shards = shards_of(connection, scope)
    return Door(
        scope,
        shards,
        max_text_bytes=limits["ingest.max_text_bytes"],
        max_record_bytes=limits["ingest.max_record_bytes"],
        max_body_bytes=limits["ingest.max_body_bytes"],
        max_records=limits["ingest.max_records"],
        max_params=limits["ingest.max_params"],
        clocks=ClockRules(
            step=limits["ingest.clock_step_ms"],
            most=limits["ingest.max_correction_ms"],
            age=limits["ingest.max_age_ms"],
            ahead=limits["ingest.max_ahead_ms"],
        ),
        discretion=discretion,
    )


_MOST = 1024  # doors that are remembered
_Remembered = tuple[float, Door]


class Doors:
    """Doors by write key. A look-up is good for `keep_ms`: a request costs less than what it would ask the database.

    So a write key that was changed opens, and a limit that was changed holds, for at most that long after the change.
    """

    def __init__(
        self,
        database: Database,
        discretion: Discretion,
        keep_ms: int,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.discretion = discretion
        self._database = database
        self._keep_s = keep_ms / 1000
        self._monotonic = monotonic
        self._doors: OrderedDict[str, _Remembered] = OrderedDict()
        self._body_limit = (0.0, 0)

    def remembered(self, write_key: str) -> Door | None:
        """The door of a key if it was looked up a moment ago. Asks nobody, so it may be called on the event loop."""
        found = self._doors.get(write_key)
        return found[1] if found is not None and self._monotonic() < found[0] else None

    def of(self, write_key: str) -> Door:
        """The door of a key.

        Raises:
            Unauthorized: no app has it.
        """
        found = self.remembered(write_key)
        if found is None:
            until = self._monotonic() + self._keep_s  # from before the look-up, which may take its time
            found = door_of(self._database, scope_of_write_key(self._database, write_key), self.discretion)
            self._doors[write_key] = (until, found)
            while len(self._doors) > _MOST:
                self._doors.popitem(last=False)
        return found

    def remembered_body_limit(self) -> int | None:
        """How long a body may be, bytes, if that was looked up a moment ago."""
        until, most = self._body_limit
        return most if self._monotonic() < until else None

    def body_limit(self) -> int:
        """How long a body may be, bytes, for a request whose key may be in its body."""
        until = self._monotonic() + self._keep_s
        with self._database.read() as connection:
            most = limit(connection, "ingest.max_body_bytes")
        self._body_limit = (until, most)
        return most
