"""What a list costs where there are many bundles."""

import threading
from typing import Any

from sqlalchemy import event, insert, select

from tailrace.db.tables import bundle_series, bundles, owner
from tailrace.exports.bundles import list_bundles, nothing
from tailrace.model.clock import DAY
from tests.contract.fullstory.conftest import MIDNIGHT, NOON, App, World

COUNT = 500


def test_a_page_of_five_hundred_bundles(world: World, app: App) -> None:
    """Each page is one query by an index and without sorting, so it reads the rows that it shows, whichever it is."""
    app.send(MIDNIGHT - DAY)
    app.ready()
    scope, start = world.api.scope(app.id), MIDNIGHT - COUNT * DAY
    with world.house.database.write() as connection:
        series = connection.execute(select(bundle_series).where(bundle_series.c.app == scope.app)).one()
        last = connection.execute(select(bundles).where(bundles.c.app == scope.app)).one()
        connection.execute(
            insert(bundles),
            [
                owner(scope) | nothing(NOON + DAY)
                | {"series": series.series, "start": at, "stop": at + DAY, "after_seq": 0, "upto_seq": last.upto_seq}
                for at in range(start, last.start, DAY)
            ],
        )  # fmt: skip
    statements: list[tuple[str, Any]] = []
    me = threading.get_ident()

    def executed(_c: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if threading.get_ident() == me:  # the worker looks for what is due meanwhile
            statements.append((statement, parameters))

    event.listen(world.house.database.meta, "before_cursor_execute", executed)
    try:
        pages, after = [], 0
        while page := list_bundles(world.house.database, scope, series.series, after, 20):
            pages.append(len(page))
            assert [one.start for one in page[1:]] == [one.stop for one in page[:-1]]
            after = page[-1].stop
            mine = [one for one in statements if "FROM bundles" in one[0]]
            assert len(mine) == 1, statements
            statements.clear()
    finally:
        event.remove(world.house.database.meta, "before_cursor_execute", executed)
    assert pages == [20] * (COUNT // 20)
    with world.house.database.read() as connection:
        told = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {mine[0][0]}", mine[0][1]).all()
    plan = " ".join(str(row[-1]) for row in told)
    assert "SCAN" not in plan
    assert "TEMP B-TREE" not in plan
