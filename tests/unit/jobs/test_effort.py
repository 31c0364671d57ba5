"""What the queue costs when it is long: the rows that statements look at are counted, no clock is asked.

Beside 1,000 jobs that wait in forty spaces lie 100,000 that are done.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Connection, event, text

from tailrace.accounts.lookup import scope_of_app
from tailrace.jobs.cancelling import cancel
from tailrace.jobs.listing import list_jobs
from tailrace.jobs.pins import oldest_pin
from tailrace.jobs.queue import enqueue, ensure, finish, give_back, hold, pin, renew, repeat
from tailrace.jobs.yielding import others_wait
from tailrace.model.access import Scope
from tailrace.wiring import House, provision
from tests.conftest import wanted
from tests.unit.jobs.doing import LEASE, take, taken

SPACES, WAITING, DONE = 40, 1_000, 100_000
ROWS = 3_500  # looked at for one call; each waiting job may be looked at three times
STEPS = 60_000  # of SQLite's machine for one call; reading all rows takes more than a million

Steps = dict[str, int]


@pytest.fixture
def crowd(house: House, tmp_path: Any) -> House:
    """A store with a long queue."""
    path = tmp_path / "many.toml"
    path.write_text("".join(f'[[spaces]]\nid = "s{n}"\n[[spaces.apps]]\nid = "s{n}_app"\n' for n in range(SPACES)))
    provision(house, wanted(path))
    with house.database.write() as connection:
        fill(connection, "ready", WAITING)
        fill(connection, "done", DONE)
    if not house.database.sqlite:
        with house.database.meta.connect() as connection:
            connection.execute(text("ANALYZE jobs"))  # as the server does by itself, some time later
    return house


def fill(connection: Connection, state: str, times: int) -> None:
    """So many jobs in a state, spread over all spaces."""
    connection.execute(
        text(
            "INSERT INTO jobs (lane, space, app, subject, state, not_before, attempt, fence, lease_until, code_version,"
            " snapshot, created_at) WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :times)"
            " SELECT 'export', apps.space, apps.number, CAST(:state AS VARCHAR) || n.i, :state, 0, 0, 0, 0, '1', n.i, 0"
            " FROM n JOIN apps ON apps.id = 's' || (n.i % :spaces) || '_app'"
        ),
        {"times": times, "state": state, "spaces": SPACES},
    )


def calls(house: House, scope: Scope) -> Iterator[tuple[str, Callable[[], object]]]:
    """Everything that is done with jobs, in an order in which it can be done."""

    def within(change: Callable[[Connection], object]) -> Callable[[], object]:
        def run() -> object:
            with house.database.write() as connection:
                return change(connection)

        return run

    yield "claim", lambda: take(house)
    held, more, last, again = (taken(house) for _ in range(4))
    yield "look in vain", lambda: take(house, lane="delivery")
    yield "enqueue", within(lambda connection: enqueue(connection, "export", scope, "new", 0))
    yield "ensure", within(lambda connection: ensure(connection, "export", scope, "new"))
    yield "renew", lambda: renew(house.database, held, LEASE)
    yield "hold", within(lambda connection: hold(connection, held))
    yield "pin", within(lambda connection: pin(connection, held, 3))
    yield "others_wait", within(lambda connection: others_wait(connection, held, 0))
    yield "finish", within(lambda connection: finish(connection, held, "succeeded"))
    yield "give_back", within(lambda connection: give_back(connection, more, 0, failed=True))
    yield "repeat", within(lambda connection: repeat(connection, again, 0))
    yield "claim after a lapse", lambda: take(house)
    yield "oldest_pin", within(lambda connection: oldest_pin(connection, scope))
    yield "cancel", within(lambda connection: cancel(connection, scope, "export", "new"))
    yield "first page", within(lambda connection: list_jobs(connection))
    yield "a later page", within(lambda connection: list_jobs(connection, before=50_000))
    yield "unfinished", within(lambda connection: list_jobs(connection, unfinished=True))
    yield "unfinished, later", within(lambda connection: list_jobs(connection, unfinished=True, before=900))
    yield "claim once more", lambda: finish_all(house, last)


def finish_all(house: House, job: Any) -> object:
    """End a job and take the next."""
    with house.database.write() as connection:
        finish(connection, job, "succeeded")
    return take(house)


@contextmanager
def counting_steps(house: House) -> Iterator[Callable[[], int]]:
    """How many steps SQLite's machine took, in hundreds."""
    steps = 0

    def tick() -> int:
        nonlocal steps
        steps += 100
        return 0

    def watch(connection: Connection) -> None:
        connection.connection.dbapi_connection.set_progress_handler(tick, 100)  # type: ignore[union-attr]

    event.listen(house.database.meta, "begin", watch)
    yield lambda: steps
    event.remove(house.database.meta, "begin", watch)


@contextmanager
def counting_rows(house: House) -> Iterator[Callable[[], int]]:
    """How many rows PostgreSQL looked at, by its own account of each statement, run once more and undone."""
    rows = 0
    engine = house.database.meta

    def explain(connection: Connection, _cursor: Any, statement: str, parameters: Any, *_: object) -> None:
        nonlocal rows
        if "jobs" not in statement or statement.startswith(("EXPLAIN", "SAVEPOINT", "ROLLBACK")):
            return
        writes = not statement.startswith(("SELECT", "WITH"))
        point = connection.begin_nested() if writes else None
        (plan,) = connection.exec_driver_sql(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", parameters).scalar_one()
        if point is not None:
            point.rollback()
        rows += looked_at(plan["Plan"])

    event.listen(engine, "before_cursor_execute", explain)
    yield lambda: rows
    event.remove(engine, "before_cursor_execute", explain)


def looked_at(node: dict[str, Any]) -> int:
    """Rows of jobs that a plan read, those that it dropped included."""
    below: Sequence[dict[str, Any]] = node.get("Plans", [])
    mine = 0
    if node.get("Relation Name") == "jobs" and "Scan" in node["Node Type"]:
        mine = int((node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"])
    return mine + sum(looked_at(each) for each in below)


def test_nothing_reads_the_whole_table(crowd: House) -> None:
    """Claiming, renewing, ending, cancelling, pins and lists look at what waits at most, not at what is done."""
    scope = scope_of_app(crowd.database, "s0_app")
    counting, most = (counting_steps, STEPS) if crowd.database.sqlite else (counting_rows, ROWS)
    cost: Steps = {}
    for name, call in calls(crowd, scope):
        with counting(crowd) as counted:
            call()
            cost[name] = counted()
    assert {name: spent for name, spent in cost.items() if spent > most} == {}, json.dumps(cost)
    assert sum(cost.values()) > 0
