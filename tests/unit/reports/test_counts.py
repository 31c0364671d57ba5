"""Counts for the operator: they agree with the ledger, which counts rows, and with the queue."""

from sqlalchemy import select

from tailrace.accounts.lookup import scope_of_app
from tailrace.db.tables import exports, jobs
from tailrace.jobs.queue import claim, give_back
from tailrace.model.access import Scope
from tailrace.model.clock import HOUR, MINUTE
from tailrace.reports.counts import AppCounts, count_finished, count_store
from tailrace.store.ledger import ledger
from tailrace.wiring import House
from tests.sending import T0, event, seal, send
from tests.unit.upkeep.writers import ask


def counted(house: House, app: str) -> AppCounts:
    return next(one for one in count_store(house.database).apps if one.app_id == app)


def test_apps_are_counted_as_the_ledger_does(house: House, scope: Scope) -> None:
    """With sealed, doubled, open, waiting and rejected records, each app's numbers are those of its own ledger."""
    other = scope_of_app(house.database, "app_tides")
    send(house, scope, [event("a", T0), event("a", T0), event("b", T0), {"event": "no identity"}])
    seal(house, scope)
    send(house, scope, [event("still open", house.clock.now(), session="s2")])
    seal(house, scope, close_all=False)
    send(house, scope, [event("c", T0), event("a", T0)])
    send(house, other, [event("a", T0)])
    for one in (scope, other):
        found, truth = counted(house, one.app_id), ledger(house.database, one)
        assert (found.received, found.accepted, found.sealed) == (truth.received, truth.accepted, truth.sealed)
        assert (found.dead_letters, found.open, found.duplicates) == (truth.dead_letters, truth.open, truth.duplicates)
    truth = ledger(house.database, scope)
    assert 0 not in (truth.sealed, truth.open, truth.duplicates, truth.dead_letters)


def test_the_lag_is_that_of_the_oldest_record_in_the_inbox(house: House, scope: Scope) -> None:
    """Records that a seal has taken do not count, even if their session is open."""
    now = house.clock.now()
    assert counted(house, scope.app_id).lag_ms == 0
    send(house, scope, [event("old", now, session="s9")], at=now - HOUR)
    send(house, scope, [event("new", now)], at=now - MINUTE)
    assert HOUR <= counted(house, scope.app_id).lag_ms < HOUR + MINUTE
    assert counted(house, "app_tides").lag_ms == 0
    seal(house, scope, close_all=False)
    assert counted(house, scope.app_id).lag_ms == 0


def test_unfinished_jobs_are_counted(house: House, scope: Scope) -> None:
    """By lane and whether they may be claimed, have their time to come, or are at work; what is done counts no more."""
    for _ in range(3):
        ask(house, scope)
    leased, later = (claim(house.database, "export", "test", MINUTE) for _ in range(2))
    assert leased is not None
    assert later is not None
    with house.database.write() as connection:
        give_back(connection, later, HOUR, failed=True)
        created = connection.scalar(select(jobs.c.created_at).where(jobs.c.lane == "export").limit(1))
        connection.execute(jobs.update().values(created_at=(created or 0) - HOUR).where(jobs.c.lane == "export"))
    found = count_store(house.database)
    states = {state: n for (lane, state), n in found.jobs.items() if lane == "export"}
    assert states == {"leased": 1, "later": 1, "waiting": 1}
    assert HOUR <= found.waits_ms["export"] < HOUR + MINUTE
    assert (found.exports, count_finished(house.database)) == ({"queued": 3}, {})
    with house.database.write() as connection:
        connection.execute(exports.update().where(exports.c.id == later.subject).values(state="failed"))
    assert (count_store(house.database).exports, count_finished(house.database)) == ({"queued": 2}, {"failed": 1})
    with house.database.write() as connection:
        connection.execute(jobs.update().values(state="done"))
    assert (count_store(house.database).jobs, count_store(house.database).waits_ms) == ({}, {})
