"""Files of exports have a life: then the export says so, then they go."""

import pytest
from sqlalchemy import func, select, update

from tailrace.accounts.limits import set_limits
from tailrace.accounts.lookup import scope_of_app
from tailrace.db.tables import export_files, exports
from tailrace.exports.records import Export, check_succeeded, load_export
from tailrace.model.access import Scope
from tailrace.model.clock import DAY, HOUR, MINUTE
from tailrace.model.errors import Expired, NotReady
from tailrace.model.policy import LIMITS
from tailrace.upkeep.expiry import expire, let_files_go
from tailrace.wiring import House
from tests.sending import T0, event, make, request, seal, send
from tests.unit.clocks import MovedClock
from tests.unit.upkeep.writers import GRACE, objects

LIFE = LIMITS["exports.file_life_ms"].default


@pytest.fixture
def done(store: House, scope: Scope) -> Export:
    """An export that has succeeded."""
    send(store, scope, [event("e", T0)])
    seal(store, scope)
    return make(store, scope, request(scope))


def now(house: House, export: Export) -> Export:
    """An export as it is now."""
    return load_export(house.database, export.scope.space, export.scope.app, export.id)


def files(house: House) -> int:
    """How many files rows name."""
    with house.database.read() as connection:
        return connection.scalar(select(func.count()).select_from(export_files)) or 0


def test_an_export_knows_when_its_files_expire(store: House, scope: Scope, done: Export) -> None:
    """The instant is that of its success and the life that the policy gives, then; not before it has succeeded."""
    assert done.expires_at == (done.finished_at or 0) + LIFE
    with store.database.write() as connection:
        set_limits(connection, {"exports.file_life_ms": HOUR})
    assert now(store, done).expires_at == done.expires_at
    other = make(store, scope, request(scope, events=["e"]))
    assert other.expires_at == (other.finished_at or 0) + HOUR


def test_an_export_expires_at_its_instant(store: House, scope: Scope, done: Export, clock: MovedClock) -> None:
    """Before it nothing changes; after it the state is expired, once, and whoever wants a file is told since when."""
    clock.shift += LIFE - MINUTE
    assert expire(store.database, scope, GRACE) == 0
    check_succeeded(now(store, done))
    clock.shift += 2 * MINUTE
    assert [expire(store.database, scope, GRACE) for _ in range(2)] == [1, 0]
    assert now(store, done).state == "expired"
    with pytest.raises(Expired) as told:
        check_succeeded(now(store, done))
    assert told.value.at == done.expires_at


@pytest.mark.usefixtures("done")
def test_files_go_after_the_grace(store: House, scope: Scope, clock: MovedClock) -> None:
    """Rows name them until the grace after the end of their life is over; what has not expired keeps them."""
    kept = files(store)
    clock.shift += LIFE + GRACE + MINUTE
    assert let_files_go(store.database, scope, GRACE) == 0  # first it must say so
    clock.shift -= 2 * MINUTE
    assert expire(store.database, scope, GRACE) == 1
    assert let_files_go(store.database, scope, GRACE) == 0
    assert files(store) == kept == 2
    clock.shift += 3 * MINUTE
    assert [let_files_go(store.database, scope, GRACE) for _ in range(2)] == [2, 0]
    assert files(store) == 0
    assert objects(store, scope)  # the sweep deletes objects


def test_only_what_has_succeeded_expires(store: House, scope: Scope, done: Export, clock: MovedClock) -> None:
    """Whatever instant stands there, an export that waits, runs, failed or was cancelled does not become expired."""
    clock.shift += LIFE + DAY
    for state in ("queued", "running", "failed", "cancelled"):
        with store.database.write() as connection:
            connection.execute(update(exports).values(state=state))
        assert expire(store.database, scope, GRACE) == 0
        with pytest.raises(NotReady):
            check_succeeded(now(store, done))


def test_an_app_expires_its_own(store: House, scope: Scope, done: Export, clock: MovedClock) -> None:
    """Another app's upkeep touches nothing."""
    clock.shift += LIFE + GRACE + MINUTE
    other = scope_of_app(store.database, "app_tides")
    assert expire(store.database, other, GRACE) == 0
    expire(store.database, scope, GRACE)
    assert let_files_go(store.database, other, GRACE) == 0
    assert now(store, done).state == "expired"


def test_exports_of_a_release_without_expiry_get_a_life(
    store: House, scope: Scope, done: Export, clock: MovedClock
) -> None:
    """What succeeded without an instant is given a whole life by the first upkeep, and expires after it."""
    with store.database.write() as connection:
        connection.execute(update(exports).values(expires_at=None))
    clock.shift += LIFE + DAY
    assert expire(store.database, scope, GRACE) == 0
    given = now(store, done).expires_at or 0
    assert abs(given - (store.clock.now() + LIFE)) < MINUTE
    clock.shift += LIFE + MINUTE
    assert expire(store.database, scope, GRACE) == 1


@pytest.mark.usefixtures("done")
def test_many_expire_in_steps(store: House, scope: Scope, clock: MovedClock) -> None:
    """More than one transaction takes are expired by repeating, each once."""
    with store.database.write() as connection:
        row = connection.execute(select(exports)).one()._asdict()
        copies = [row | {"id": f"exp_copy{n}"} for n in range(250)]
        connection.execute(exports.insert(), copies)
    clock.shift += LIFE + MINUTE
    steps = [expire(store.database, scope, GRACE) for _ in range(4)]
    assert (sum(steps), steps[-1]) == (251, 0)
    assert max(steps) < 251
