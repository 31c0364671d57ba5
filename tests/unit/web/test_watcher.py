"""The watcher: one query in each tick for everybody, and nothing while nobody waits."""

import asyncio
from collections.abc import Collection
from typing import Any

import pytest
from msgspec.structs import replace
from sqlalchemy import event as sql_event
from sqlalchemy import update

from tailrace.config import WatchSettings
from tailrace.db.engine import Database
from tailrace.db.tables import exports
from tailrace.exports import news
from tailrace.exports.records import Export
from tailrace.exports.submit import submit
from tailrace.model.access import Scope
from tailrace.model.errors import TooManyWaiting, Unavailable
from tailrace.web import watcher as module
from tailrace.web.watcher import Watcher
from tailrace.wiring import House
from tests.sending import principal, request

WAIT_S = 30


def queued(house: House, scope: Scope, count: int) -> list[Export]:
    """Some exports."""
    who = principal(house, scope)
    return [submit(house.submitter(), who, scope, request(scope)) for _ in range(count)]


def test_one_statement_reads_all_that_are_watched(house: House, scope: Scope) -> None:
    """However many there are, and by an index; each its own: other spaces' and those that are gone are left out."""
    asked = queued(house, scope, 3)
    strange = replace(asked[0], scope=replace(scope, space=scope.space + 1))
    many = [replace(asked[0], id=f"exp_{number}") for number in range(2000)]
    with house.database.write() as connection:
        connection.execute(update(exports).where(exports.c.id == asked[1].id).values(state="running", slices=7))
    statements: list[tuple[str, Any]] = []

    def seen(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if "exports" in statement:
            statements.append((statement, parameters))

    sql_event.listen(house.database.meta, "before_cursor_execute", seen)
    found = news.refresh(house.database, [*asked[1:], *many])
    assert len(statements) == 1
    if house.database.sqlite:
        with house.database.read() as connection:
            statement, parameters = statements[0]
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all()
        assert not [row for row in plan if "SCAN exports" in row.detail], plan
    assert found == {asked[1].id: replace(asked[1], state="running", slices=7), asked[2].id: asked[2]}
    assert news.refresh(house.database, [strange]) == {}


class Ticks:
    """Stands in for the query: tells what a test says, and counts how often it is asked for how many."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked: list[int] = []
        self.answers: list[dict[str, Export] | Exception] = []
        monkeypatch.setattr(module, "refresh", self)

    def __call__(self, _database: Database, watched: Collection[Export]) -> dict[str, Export]:
        self.asked.append(len(watched))
        answer = self.answers.pop(0) if self.answers else {export.id: export for export in watched}
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
def ticks(monkeypatch: pytest.MonkeyPatch) -> Ticks:
    """Ticks in hand."""
    return Ticks(monkeypatch)


def watcher(house: House, most: int = 1000) -> Watcher:
    """A watcher that looks all the time."""
    return Watcher(house.database, WatchSettings(interval_ms=1, most=most))


def test_all_are_told_by_the_same_look(house: House, scope: Scope, ticks: Ticks) -> None:
    """Forty watches of two exports: one look tells them; when all are gone, none is made any more."""
    first, second = queued(house, scope, 2)
    done = replace(first, state="succeeded")
    ticks.answers = [{first.id: done, second.id: second}]

    async def run() -> None:
        one = watcher(house)
        watches = [one.add(export) for export in (first, second) * 20]
        assert all([await watch.news(WAIT_S) for watch in watches[::2]])
        assert {watch.export for watch in watches[::2]} == {done}
        assert {watch.export for watch in watches[1::2]} == {second}
        assert not await watches[1].news(0)
        for watch in watches:
            one.remove(watch)
        assert len(one) == 0
        while len(asyncio.all_tasks()) > 1:
            await asyncio.sleep(0.001)

    asyncio.run(run())
    assert ticks.asked[0] == 40
    assert not [count for count in ticks.asked if count == 0]


def test_what_goes_wrong_in_a_look_is_over_with_the_next(house: House, scope: Scope, ticks: Ticks) -> None:
    """An outage or a fault of a look keeps everybody waiting, and the next one tells."""
    (export,) = queued(house, scope, 1)
    done = replace(export, state="succeeded")
    ticks.answers = [Unavailable("away", 5), ValueError("a fault"), {export.id: done}]

    async def run() -> None:
        with watcher(house).watching(export) as watch:
            await watch.until(lambda now: now.state == "succeeded", WAIT_S)
            assert watch.export == done

    asyncio.run(run())


def test_a_watch_of_what_is_gone_is_closed(house: House, scope: Scope, ticks: Ticks) -> None:
    """Nobody waits for an export that is no more."""
    (export,) = queued(house, scope, 1)
    ticks.answers = [{}]

    async def run() -> None:
        with watcher(house).watching(export) as watch:
            await watch.until(lambda _: False, WAIT_S)
            assert watch.closed

    asyncio.run(run())


def test_a_closed_watcher_keeps_nobody(house: House, scope: Scope) -> None:
    """Closing ends the waiting of those who wait and of those who come later."""
    (export,) = queued(house, scope, 1)

    async def run() -> None:
        one = Watcher(house.database, WatchSettings(interval_ms=3_600_000))
        watch = one.add(export)
        asyncio.get_running_loop().call_soon(one.close)
        await watch.until(lambda _: False, WAIT_S)
        later = one.add(export)
        await later.until(lambda _: False, WAIT_S)
        assert (watch.closed, later.closed) == (True, True)
        await one.finish()
        assert len(asyncio.all_tasks()) == 1

    asyncio.run(run())


def test_a_space_has_half_of_the_places(house: House, scope: Scope) -> None:
    """The rest is for others, until all are taken."""
    (export,) = queued(house, scope, 1)
    other = replace(export, scope=replace(scope, space=scope.space + 1))

    async def run() -> None:
        one = watcher(house, most=4)
        for mine in (export, other):
            one.add(mine), one.add(mine)
            with pytest.raises(TooManyWaiting) as refused:
                one.add(mine)
        assert refused.value.limit == 4

    asyncio.run(run())
