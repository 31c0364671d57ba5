"""Closing: when bundles are due, who closes them when several try or die, and what becomes of failed ones."""

import gzip
import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import select, update

from tailrace.db.tables import app_heads, bundle_series, bundles, exports, jobs
from tailrace.exports import closing
from tailrace.exports.bundles import ask_for_series, find_bundle, list_bundles
from tailrace.exports.closing import Closer, close_due
from tailrace.exports.listing import Wanted, list_exports
from tailrace.exports.records import count_unfinished, find_export
from tailrace.exports.run import run_export
from tailrace.jobs.bell import Bell
from tailrace.jobs.queue import claim
from tailrace.model.access import Scope
from tailrace.model.bundles import Schedule, Terms
from tailrace.model.clock import DAY, HOUR, MINUTE
from tailrace.model.errors import Expired, NotFound, Unavailable
from tailrace.model.rows import Column, RowShape
from tailrace.wiring import House
from tests.sending import T0, event, principal, seal, send
from tests.unit.clocks import MovedClock, moved

SERIES = "ours"
ROWS = RowShape((Column("N", ("params",), "flat", key=""), Column("At", ("time",))))
BEGIN = T0 - T0 % DAY


@dataclass
class Bundler:
    """A store by a clock that a test moves, with a series of its own."""

    house: House
    scope: Scope
    clock: MovedClock
    width: int = HOUR

    @property
    def closer(self) -> Closer:
        terms = Terms(self.width, 10 * MINUTE, 30 * DAY, 5 * DAY, ROWS)
        return Closer(self.house.database, self.house.ids, [Schedule(SERIES, lambda _: terms)])

    def at(self, instant: int) -> None:
        self.clock.shift += instant - self.clock.now()

    def send(self, first: int, *times: int) -> None:
        """Events whose parameter `n` counts from `first`, sealed."""
        send(
            self.house, self.scope, [event("e", t, session=None, params={"n": first + n}) for n, t in enumerate(times)]
        )
        seal(self.house, self.scope)

    def close(self) -> int:
        return close_due(self.closer, Bell())

    def make(self) -> None:
        """Run every job that may run."""
        with self.house.runner() as runner:
            while job := claim(self.house.database, "export", "test", runner.lease_ms):
                run_export(runner, job)

    def rows(self) -> list[Any]:
        """All bundles, oldest first."""
        with self.house.database.read() as connection:
            return list(connection.execute(select(bundles).order_by(bundles.c.stop)).all())

    def held(self) -> list[list[int]]:
        """The markers in each listed bundle."""
        listed = list_bundles(self.house.database, self.scope, SERIES, 0, 1000)
        return [sorted(self.markers(bundle.number)) for bundle in listed]

    def markers(self, number: int) -> list[int]:
        bundle = find_bundle(self.house.database, self.scope, SERIES, number)
        if bundle.file is None:
            return []
        data = b"".join(self.house.files.chunks(bundle.file.object))
        return [row["n_real"] for row in json.loads(gzip.decompress(data))]


@pytest.fixture
def bundler(house: House, scope: Scope) -> Bundler:
    """It is three hours into the first day, somebody has asked for the series, and events of each hour are there."""
    clock = MovedClock()
    found = Bundler(moved(house, clock), scope, clock)
    found.at(BEGIN + 3 * HOUR + 11 * MINUTE)
    ask_for_series(found.house.database, scope, SERIES, principal(house, scope).token)
    found.send(0, BEGIN + 1, BEGIN + HOUR + 1, BEGIN + 2 * HOUR + 1)
    return found


def test_several_close_at_once(bundler: Bundler) -> None:
    """Of many processes that close at the same moment one closes each bundle, at one commit; none is there twice."""
    with ThreadPoolExecutor(4) as pool:
        closed = list(pool.map(lambda _: bundler.close(), range(4)))
    rows = bundler.rows()
    assert sum(closed) == len(rows) == 3
    assert [(row.start - BEGIN, row.stop - BEGIN) for row in rows] == [(n * HOUR, n * HOUR + HOUR) for n in range(3)]
    assert [(row.after_seq, row.upto_seq) for row in rows] == [(0, 1), (1, 1), (1, 1)]
    assert [row.number for row in rows] == sorted({row.number for row in rows})
    bundler.make()
    assert bundler.held() == [[0], [1], [2]]


def test_a_bundle_is_due_when_it_has_settled(bundler: Bundler) -> None:
    """The last bundle is closed ten minutes after its end, not before; what came in between is in it."""
    bundler.at(BEGIN + 3 * HOUR + 9 * MINUTE)
    assert bundler.close() == 2
    bundler.send(3, BEGIN + 2 * HOUR + 2, BEGIN + 5)
    bundler.at(BEGIN + 3 * HOUR + 11 * MINUTE)
    assert bundler.close() == 1
    bundler.make()
    assert bundler.held() == [[0], [1], [2, 3, 4]]


def test_a_death_while_closing_closes_nothing(bundler: Bundler, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever dies before the commit leaves nothing behind: no bundle, no export, no job. The next one closes them, by
    then with what has arrived meanwhile; each event is in one bundle.
    """

    class Death(BaseException):
        pass

    def die(_name: str) -> None:
        raise Death

    with monkeypatch.context() as patch:
        patch.setattr(closing, "point", die)
        with pytest.raises(Death):
            bundler.close()
    with bundler.house.database.read() as connection:
        assert bundler.rows() == []
        assert connection.execute(select(exports)).all() == []
        assert connection.execute(select(jobs).where(jobs.c.lane == "export")).all() == []
    bundler.send(3, BEGIN + 2, BEGIN - 2 * DAY)
    assert bundler.close() == 3 + 48
    bundler.make()
    assert Counter(n for held in bundler.held() for n in held) == Counter(range(5))


def test_what_is_listed_has_all_before_it(bundler: Bundler) -> None:
    """A bundle whose file is there is not listed before those that end before it: a client that goes on from its end
    would never see them. While there is nothing to list yet, one is told to come again.
    """
    bundler.close()
    with bundler.house.database.write() as connection:
        first = connection.execute(select(bundles.c.export).order_by(bundles.c.stop)).scalars().first()
        connection.execute(update(jobs).where(jobs.c.subject == first).values(not_before=1 << 50))
    bundler.make()
    assert [row.state for row in bundler.rows()] == ["making", "there", "there"]
    with pytest.raises(Unavailable):
        bundler.held()
    with pytest.raises(NotFound):
        bundler.markers(bundler.rows()[0].number)
    with bundler.house.database.write() as connection:
        connection.execute(update(jobs).where(jobs.c.subject == first).values(not_before=0))
    bundler.make()
    assert bundler.held() == [[0], [1], [2]]


def test_a_failed_bundle_is_made_again(bundler: Bundler) -> None:
    """A bundle whose export failed is made again after ten minutes, from the same recipe: what has arrived meanwhile is
    not in it.
    """
    bundler.close()
    with bundler.house.database.write() as connection:
        now = bundler.house.database.now(connection)
        connection.execute(update(exports).values(state="failed", finished_at=now))
        connection.execute(update(jobs).where(jobs.c.lane == "export").values(state="done"))
    bundler.send(3, BEGIN + 2, BEGIN + HOUR + 2)
    assert bundler.close() == 0
    bundler.at(BEGIN + 3 * HOUR + 22 * MINUTE)
    assert bundler.close() == 3
    assert bundler.close() == 0
    bundler.make()
    assert bundler.held() == [[0], [1], [2]]
    bundler.at(BEGIN + 4 * HOUR + 11 * MINUTE)
    bundler.close()
    bundler.make()
    assert bundler.held() == [[0], [1], [2], [3, 4]]


def test_nobody_else_knows_of_their_exports(bundler: Bundler) -> None:
    """The exports of bundles are in no list of exports and cannot be found, cancelled or counted as somebody's."""
    database, who = bundler.house.database, principal(bundler.house, bundler.scope)
    bundler.close()
    with database.read() as connection:
        made = connection.scalars(select(exports.c.id)).all()
        assert count_unfinished(connection, bundler.scope.space) == 0
    assert len(made) == 3
    assert list_exports(database, who, Wanted(None, None, None, 100)).exports == []
    with pytest.raises(NotFound):
        find_export(database, who, made[0])


def test_files_have_their_time(bundler: Bundler) -> None:
    """A bundle's recipe stays, with the digest of its bytes; its file is kept for the time of the terms."""
    bundler.close()
    bundler.make()
    row = bundler.rows()[0]
    assert (row.rows, len(row.sha256), row.bytes > 0, bool(row.release)) == (1, 64, True, True)
    bundler.at(BEGIN + 5 * DAY + 4 * HOUR)
    assert bundler.held() == []
    with pytest.raises(Expired):
        bundler.markers(row.number)
    assert bundler.rows()[0] == row


def test_a_long_pause_is_made_up_for(bundler: Bundler) -> None:
    """Hundreds of hours without an event are as many bundles that need no export each; looking for what is due when
    nothing is does not touch the app's head.
    """
    bundler.at(BEGIN + 250 * HOUR + 11 * MINUTE)
    assert bundler.close() == 250
    with bundler.house.database.read() as connection:
        assert len(connection.execute(select(exports)).all()) == 3
        before = [connection.execute(select(table)).all() for table in (app_heads, bundle_series)]
    assert bundler.close() == 0
    bundler.make()
    assert bundler.held() == [[0], [1], [2]] + [[]] * 247
    with bundler.house.database.read() as connection:
        assert [connection.execute(select(table)).all() for table in (app_heads, bundle_series)] == before
