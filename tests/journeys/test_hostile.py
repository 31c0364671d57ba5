"""What a hostile review found: each scenario once, so that it stays mended."""

import json
import threading
from collections import Counter
from typing import Any

import pytest
from msgspec.structs import replace

from tailrace.accounts.lookup import scope_of_app
from tailrace.exports.records import load_export
from tailrace.exports.run import run_export
from tailrace.exports.submit import submit
from tailrace.ingest.accept import Door, Origin
from tailrace.ingest.plain import accept_small
from tailrace.ingest.protocols.native import draft_batch
from tailrace.ingest.seal import seal_shard
from tailrace.ingest.sealing import seal_round
from tailrace.ingest.troubles import Troubles
from tailrace.ingest.writer import InboxWriter
from tailrace.jobs.bell import Bell
from tailrace.jobs.queue import claim
from tailrace.model.access import Scope
from tailrace.model.clock import DAY, HOUR, MINUTE, SECOND
from tailrace.model.shards import Shard
from tailrace.store.inbox import Submission
from tailrace.store.ledger import ledger
from tailrace.store.shards import acquire, shards_of
from tailrace.wiring import House
from tailrace.worker import Worker
from tests.conftest import TestClock, at
from tests.sending import T0, Row, event, export, principal, request, seal, send


def nested(levels: int) -> Any:
    """An object of so many levels."""
    value: Any = 1
    for _ in range(levels):
        value = {"a": value}
    return value


@pytest.mark.parametrize("where", ["params", "session", "profile"])
def test_a_deep_record_stops_nobody(house: House, scope: Scope, where: str) -> None:
    """What could not be parsed again at seal is a dead letter at the door, however deep the stack is there."""
    value = {"properties": nested(900)} if where == "session" else nested(900)
    deep = event("deep", T0) | {where: {"attributes": value} if where == "profile" else value}
    outcome = send(house, scope, [deep, event("fine", T0)])
    assert len(outcome.rejected) == 1
    assert [s.events for s in seal(house, scope)] == [1]
    assert ledger(house.database, scope).holds


def test_one_shard_in_trouble_does_not_stop_the_others(
    house: House, scope: Scope, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A seal that fails is reported, and the next app is sealed in the same round."""
    other = scope_of_app(house.database, "app_tides")
    for app in (scope, other):
        send(house, app, [event("bye", T0) | {"session": {"end": True}}])

    def failing(sealer: Any, lease: Any, **more: Any) -> Any:
        if lease.scope == scope:
            raise ValueError("poison")
        return seal_shard(sealer, lease, **more)

    monkeypatch.setattr("tailrace.ingest.sealing.seal_shard", failing)
    steps = list(seal_round(house.sealer(), [scope, other], "test", Troubles(house.clock)))
    assert [(step.scope, step.sealed.events) for step in steps] == [(other, 1)]


def test_a_long_version_is_refused_at_the_door(house: House, scope: Scope) -> None:
    """A version is a key of an index, which PostgreSQL bounds; a long one is a dead letter, not a stopped shard."""
    outcome = send(house, scope, [event("e", T0) | {"session": {"app_version": "v" * 5000}}, event("fine", T0)])
    assert len(outcome.rejected) == 1
    assert [s.events for s in seal(house, scope)] == [1]


def test_a_chain_does_not_go_back_when_its_window_ends_before_its_cursor(house: House, scope: Scope) -> None:
    """A client with a slow clock asks for `after` a cursor and `to` an earlier time: nothing, and the chain goes on."""
    rows: list[Row] = []
    for n in range(2):
        send(house, scope, [event("e", T0 + n * SECOND)])
        seal(house, scope)
    with house.database.read() as connection:
        early = house.database.now(connection) - HOUR
    first, more = export(house, scope, request(scope))
    rows += more
    second, more = export(house, scope, request(scope, end=early, after=first["cursor"]))
    rows += more
    assert (second["rows"], second["totals_before"], second["totals_after"]) == (
        0,
        first["totals_after"],
        first["totals_after"],
    )
    send(house, scope, [event("e", T0 + 2 * SECOND)])
    seal(house, scope)
    _, more = export(house, scope, request(scope, after=second["cursor"]))
    assert Counter(row["id"] for row in rows + more) == Counter(event("e", T0 + n * SECOND)["id"] for n in range(3))


def test_a_zombie_worker_changes_nothing(house: House, scope: Scope) -> None:
    """A worker that was taken for dead wakes up after another has finished: the export stays as the other left it."""
    send(house, scope, [event("e", T0)])
    seal(house, scope)
    asked = submit(house.submitter(), principal(house, scope), scope, request(scope))
    with house.runner() as runner:
        zombie = claim(house.database, "export", "zombie", -1)  # a lease that is over at once
        alive = claim(house.database, "export", "alive", runner.lease_ms)
        assert zombie is not None
        assert alive is not None
        run_export(runner, alive)
        done = load_export(house.database, scope.space, scope.app, asked.id)
        run_export(runner, zombie)
    assert done.state == "succeeded"
    assert load_export(house.database, scope.space, scope.app, asked.id) == done


def test_an_export_that_kills_its_workers_is_given_up(house: House, scope: Scope) -> None:
    """Workers that die say nothing; after as many as the setting allows the export fails, with a reason."""
    send(house, scope, [event("e", T0)])
    seal(house, scope)
    asked = submit(house.submitter(), principal(house, scope), scope, request(scope))
    with house.runner() as runner:
        for _ in range(runner.max_attempts):
            assert claim(house.database, "export", "dies", -1) is not None
        last = claim(house.database, "export", "lives", runner.lease_ms)
        assert last is not None
        run_export(runner, last)
    ended = load_export(house.database, scope.space, scope.app, asked.id)
    assert ended.state == "failed"
    assert ended.error
    assert claim(house.database, "export", "next", 1000) is None


def test_big_session_texts_do_not_multiply_into_one_batch(house: House, scope: Scope) -> None:
    """A fragment whose session text is large, with many events: the export is made, and every row holds the text."""
    text = "x" * 100_000
    records = [
        event("e", T0 + n) | ({"session": {"properties": {"text": text}}} if n == 0 else {}) for n in range(3000)
    ]
    send(house, scope, records)
    seal(house, scope)
    manifest, rows = export(house, scope, request(scope, columns=("id", "session_properties")))
    assert manifest["rows"] == 3000
    assert all(row["session_properties"]["text"] == text for row in rows)


def test_open_records_are_bounded_in_bytes(house: House, scope: Scope) -> None:
    """Above the bound the oldest open sessions are closed early; what follows is a further fragment."""
    settings = house.settings.model_copy(
        update={"seal": house.settings.seal.model_copy(update={"max_open_bytes": 50_000})}
    )
    small = replace(house, settings=settings)
    for n in range(10):
        send(small, scope, [event("e", T0, device=f"d{n}") | {"params": {"text": "x" * 10_000}}], at=T0 + n * SECOND)
    clock = at(small, TestClock(T0 + MINUTE))
    (step,) = seal(clock, scope, close_all=False)
    assert (step.events, step.open) == (6, 4)


def test_a_lease_from_before_the_clock_was_set_back_ends(house: House, scope: Scope) -> None:
    """A lease can never end later than a lease's length from now: a jump of the clock blocks no shard."""
    with house.database.read() as connection:
        (shard,) = shards_of(connection, scope)
    assert acquire(house.database, scope, shard, "before", 365 * DAY) is not None
    assert acquire(house.database, scope, shard, "after", 1000) is not None


def test_records_of_a_clock_that_was_ahead_are_not_waited_for(house: House, scope: Scope) -> None:
    """A session whose last arrival lies in the future is complete: nothing more can be waited for."""
    send(house, scope, [event("e", T0)], at=T0 + 365 * DAY)
    moved = at(house, TestClock(T0 + HOUR))
    assert [s.events for s in seal(moved, scope, close_all=False)] == [1]


def test_an_explicit_end_ends_a_session_without_an_id(house: House, scope: Scope) -> None:
    """Two visits five minutes apart, each ended by its sender, are two sessions, whichever seal they meet."""
    first = event("bye", T0, session=None) | {"session": {"end": True}}
    second = event("bye", T0 + 5 * MINUTE, session=None) | {"session": {"end": True}}
    third = event("bye", T0 + 10 * MINUTE, session=None) | {"session": {"end": True}}
    send(house, scope, [first, second])
    seal(house, scope)
    send(house, scope, [third])
    seal(house, scope)
    _, rows = export(house, scope, request(scope))
    assert len({row["session_id"] for row in rows}) == 3
    assert {row["fragment"] for row in rows} == {0}


def test_events_that_nothing_tells_apart_are_all_kept(house: House, scope: Scope) -> None:
    """Without id, time and sent_at the same click three times is three clicks; with a time it is a resend."""
    click = {"event": "click", "device_id": "d1"}
    timed = click | {"time": T0}
    for record in (click, click, click, timed, timed):
        send(house, scope, [record])
    assert [(s.events, s.duplicates) for s in seal(house, scope)] == [(4, 1)]


def test_an_actor_with_many_sessions_reads_only_what_it_can_join(house: House, scope: Scope) -> None:
    """A late event finds its session among thousands of the same actor."""
    send(house, scope, [event("e", T0 + n * SECOND, session=f"s{n}") for n in range(3000)])
    seal(house, scope)
    send(house, scope, [event("late", T0 + 7 * SECOND, session="s7"), event("late", T0, session="s2999")])
    seal(house, scope)
    _, rows = export(house, scope, request(scope))
    late = {row["session_id"]: row["fragment"] for row in rows if row["event"] == "late"}
    assert late == {"s7": 1, "s2999": 1}


def test_a_worker_seals_every_app_though_one_fails(
    house: House, scope: Scope, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The worker's own loop reports the failing app and seals the other one."""
    other = scope_of_app(house.database, "app_tides")
    for app in (scope, other):
        send(house, app, [event("bye", T0) | {"session": {"end": True}}])
    sealed = threading.Event()

    def failing(sealer: Any, lease: Any, **more: Any) -> Any:
        if lease.scope == scope:
            raise ValueError("poison")
        result = seal_shard(sealer, lease, **more)
        sealed.set()
        return result

    monkeypatch.setattr("tailrace.ingest.sealing.seal_shard", failing)
    with Worker(house, Bell(), 1):
        assert sealed.wait(30)
    assert ledger(house.database, other).sealed == 1
    assert ledger(house.database, scope).open == 1
    assert "poison" in "".join(capsys.readouterr())


def test_a_session_id_that_is_used_backwards_is_cut_at_a_day_too(house: House, scope: Scope) -> None:
    """Late events may come before the start, but never so that a session holds more than a day of events."""
    for hours in (0, -20, 23):
        send(house, scope, [event("e", T0 + hours * HOUR)])
        seal(house, scope)
    _, rows = export(house, scope, request(scope, columns=("session_number", "event")))
    assert len({row["session_number"] for row in rows}) == 2


def test_a_submission_that_cannot_be_stored_does_not_fail_its_neighbours(house: House, scope: Scope) -> None:
    """Submissions that share a group commit are tried one by one when the group fails."""
    good = send_later(scope, event("fine", T0))
    bad = replace(good, scope=replace(scope, app=999))  # an app that has no inbox
    with InboxWriter(house.database) as writer:
        futures = [writer.submit(each) for each in (bad, good, bad, good)]
        failed = [future.exception(30) is not None for future in futures]
    assert failed == [True, False, True, False]
    assert ledger(house.database, scope).received == 2


def send_later(scope: Scope, record: Row) -> Submission:
    """A submission that nobody has stored."""
    raws = [json.dumps(record).encode()]
    door = Door(scope, [Shard(0, 0, 0)], 1_024, 1_048_576, 1 << 20)
    return accept_small(door, draft_batch(raws, None), raws, Origin("events", "{}"), T0).submission
