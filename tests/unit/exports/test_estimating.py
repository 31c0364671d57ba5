"""How long an export would take: what recent exports of the space say, else what was measured."""

import pytest
from sqlalchemy import update

from tailrace.db.tables import exports
from tailrace.exports.estimating import forecast, speed
from tailrace.model.access import Scope
from tailrace.model.clock import SECOND
from tailrace.model.export import ExportRequest
from tailrace.model.window import Window
from tailrace.wiring import House
from tests.sending import T0, event, make, request, seal, send

PLAIN = ExportRequest("app_waves", Window("available", None, None), packing="none")


@pytest.fixture
def backend() -> str:
    """SQLite: the query is the same on both."""
    return "sqlite"


def test_the_speed_is_what_recent_exports_say() -> None:
    """Bytes of all over seconds of all, packed ones counted as what they unpack to; without any the constant."""
    packed = ExportRequest("app_waves", Window("available", None, None))
    assert speed([]) == 30_000_000
    assert speed([(PLAIN, 9_000_000, 1000), (PLAIN, 27_000_000, 1000)]) == pytest.approx(2_000_000)
    assert speed([(packed, 1_170_000, 2000)]) == pytest.approx(500_000)


def test_only_telling_exports_of_the_space_count(house: House, scope: Scope) -> None:
    """Quick ones say nothing; a slow one makes the forecast slow, and another space's changes nothing."""
    send(house, scope, [event("a", T0 + n, session=None) for n in range(2000)])
    seal(house, scope)
    done = make(house, scope, request(scope))
    assert forecast(house.submitter(), scope, request(scope)).seconds == 1
    with house.database.write() as connection:
        row = connection.execute(exports.select()).one()
        assert row.started_at >= row.created_at
        assert row.bytes > 0
        slow = {"started_at": T0, "finished_at": T0 + 100 * SECOND}
        connection.execute(update(exports).where(exports.c.id == done.id).values(**slow))
    found = forecast(house.submitter(), scope, request(scope))
    assert found.seconds == pytest.approx(100 * found.estimate.bytes / row.bytes, abs=2)
    with house.database.write() as connection:
        connection.execute(update(exports).values(space=scope.space + 1))
    assert forecast(house.submitter(), scope, request(scope)).seconds == 1
