"""Driving seals: everyone in turn, and those in trouble now and then."""

import errno
from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace
from structlog.testing import capture_logs

from tailrace.accounts.lookup import scope_of_app
from tailrace.ingest.seal import Sealed, Sealer, seal_shard
from tailrace.ingest.sealing import seal_due, seal_round
from tailrace.ingest.troubles import Troubles
from tailrace.model.access import Scope
from tailrace.model.clock import DAY, HOUR, MINUTE, SECOND, iso
from tailrace.model.errors import FenceLost, Unavailable
from tailrace.model.shards import Shard
from tailrace.store.ledger import ledger
from tailrace.store.shards import acquire
from tailrace.wiring import House
from tests.conftest import TestClock
from tests.sending import T0, event, send

ALL = Shard(0, 0, 0)
Poison = Callable[[Scope, Exception | None], None]


@pytest.fixture
def clock() -> TestClock:
    """A clock that a test moves."""
    return TestClock(T0)


@pytest.fixture
def sealer(house: House, clock: TestClock) -> Sealer:
    """A sealer by that clock that takes one batch of the inbox at a time."""
    sealer = house.sealer()
    return replace(sealer, clock=clock, settings=sealer.settings.model_copy(update={"max_records": 1}))


@pytest.fixture
def apps(house: House) -> list[Scope]:
    """All apps: two of one space, then one of another."""
    return [scope_of_app(house.database, name) for name in ("app_waves", "app_tides", "app_other")]


@pytest.fixture
def poison(monkeypatch: pytest.MonkeyPatch) -> Poison:
    """Lets seals of an app fail with an error, or work again (None)."""
    poisoned: dict[Scope, Exception] = {}

    def seal(sealer: Sealer, lease: Any, **more: Any) -> Sealed:
        if lease.scope in poisoned:
            raise poisoned[lease.scope]
        return seal_shard(sealer, lease, **more)

    def change(scope: Scope, error: Exception | None) -> None:
        poisoned.pop(scope, None)
        if error is not None:
            poisoned[scope] = error

    # A seal that fails as it fails for a record that nobody foresaw: no such record is known.
    monkeypatch.setattr("tailrace.ingest.sealing.seal_shard", seal)
    return change


def fill(house: House, scope: Scope, batches: int) -> None:
    """So many batches in an app's inbox, each an ended session."""
    for number in range(batches):
        ended = event("bye", T0 - SECOND, session=f"s{number}") | {"session": {"end": True}}
        send(house, scope, [ended], at=T0)


def tried(sealer: Sealer, apps: list[Scope], troubles: Troubles) -> tuple[list[str], list[Any]]:
    """Which apps a round sealed, and what the log says of those that it could not."""
    with capture_logs() as logs:
        sealed = [step.scope.app_id for step in seal_round(sealer, apps, "test", troubles)]
    return sealed, [entry for entry in logs if entry["event"].startswith("seal.")]


def test_a_round_seals_one_stretch_of_each(house: House, sealer: Sealer, apps: list[Scope]) -> None:
    """An app with a long backlog keeps no other waiting, and spaces come before a space's second app."""
    for scope, batches in zip(apps, (4, 2, 1), strict=True):
        fill(house, scope, batches)
    rounds = [[step.scope.app_id for step in seal_round(sealer, apps, "test")] for _ in range(5)]
    assert rounds == [
        ["app_waves", "app_other", "app_tides"],
        ["app_waves", "app_tides"],
        ["app_waves"],
        ["app_waves"],
        [],
    ]


def test_work_that_comes_meanwhile_is_in_the_next_round(house: House, sealer: Sealer, apps: list[Scope]) -> None:
    """What arrives while a backlog is sealed is sealed before the backlog ends."""
    fill(house, apps[0], 6)
    order = []
    for step in seal_due(sealer, apps, "test"):
        order.append(step.scope.app_id)
        if len(order) == 2:
            fill(house, apps[2], 1)
    assert order.index("app_other") <= 3
    assert order.count("app_waves") == 6


def test_rounds_seal_everything(house: House, sealer: Sealer, apps: list[Scope]) -> None:
    """At the end nothing is left, and every ledger holds."""
    for scope in apps:
        fill(house, scope, 3)
    assert sum(step.sealed.events for step in seal_due(sealer, apps, "test")) == 9
    for scope in apps:
        found = ledger(house.database, scope)
        assert found.holds
        assert (found.sealed, found.open) == (3, 0)


def test_a_shard_in_trouble_is_left_alone_for_longer_and_longer(
    house: House, sealer: Sealer, clock: TestClock, apps: list[Scope], poison: Poison
) -> None:
    """A second, two, four … up to five minutes; each time the log says what happened and when the next try is."""
    fill(house, apps[0], 1)
    poison(apps[0], ValueError("poison"))
    troubles = Troubles(clock)
    waits = []
    for number in range(1, 12):
        _, (said,) = tried(sealer, apps, troubles)
        assert (said["event"], said["app"], said["shard"], said["failures"]) == (
            "seal.failed",
            "app_waves",
            "all",
            number,
        )
        assert said["why"] == "ValueError: see the server's log"
        assert tried(sealer, apps, troubles) == ([], [])
        before = clock.time
        while troubles.rests(apps[0], ALL):
            clock.time += SECOND
        assert said["next_try"] == iso(clock.time)
        waits.append(clock.time - before)
    assert waits == [2**n * SECOND for n in range(9)] + [5 * MINUTE] * 2


def test_the_others_are_sealed_meanwhile(
    house: House, sealer: Sealer, clock: TestClock, apps: list[Scope], poison: Poison
) -> None:
    """Trouble is a shard's own."""
    for scope in apps:
        fill(house, scope, 1)
    poison(apps[0], ValueError("poison"))
    sealed, said = tried(sealer, apps, Troubles(clock))
    assert sealed == ["app_other", "app_tides"]
    assert len(said) == 1


def test_a_shard_that_is_well_again_is_as_any_other(
    house: House, sealer: Sealer, clock: TestClock, apps: list[Scope], poison: Poison
) -> None:
    """Its old failures are forgotten: the next trouble begins with a second."""
    fill(house, apps[0], 3)
    troubles = Troubles(clock)
    poison(apps[0], ValueError("poison"))
    for _ in range(4):
        tried(sealer, apps, troubles)
        clock.time += HOUR
    poison(apps[0], None)
    assert tried(sealer, apps, troubles) == (["app_waves"], [])
    poison(apps[0], ValueError("poison"))
    _, (said,) = tried(sealer, apps, troubles)
    assert (said["failures"], said["next_try"]) == (1, iso(clock.time + SECOND))


def test_an_outage_is_waited_for_a_minute_at_most(
    house: House, sealer: Sealer, clock: TestClock, apps: list[Scope], poison: Poison
) -> None:
    """A full disk is told in words, without a trace of the program, and looked at again soon."""
    fill(house, apps[0], 1)
    poison(apps[0], OSError(errno.ENOSPC, "full"))
    troubles = Troubles(clock)
    for _ in range(12):
        _, (said,) = tried(sealer, apps, troubles)
        clock.time += HOUR
    assert said["next_try"] == iso(clock.time - HOUR + MINUTE)
    assert "free some space" in said["why"]
    assert said["exc_info"] is None


def test_a_shard_taken_over_is_no_trouble(
    house: House, sealer: Sealer, clock: TestClock, apps: list[Scope], poison: Poison
) -> None:
    """Another process seals it: this one looks again in the next round."""
    fill(house, apps[0], 1)
    poison(apps[0], FenceLost("shard all of app_waves"))
    troubles = Troubles(clock)
    _, (said,) = tried(sealer, apps, troubles)
    assert said["event"] == "seal.taken_over"
    assert not troubles.rests(apps[0], ALL)


def test_a_clock_that_is_set_back_frees_a_shard(
    house: House, sealer: Sealer, clock: TestClock, apps: list[Scope], poison: Poison
) -> None:
    """It does not rest for the day that the clock went back."""
    fill(house, apps[0], 1)
    poison(apps[0], Unavailable("the database did not answer", 5))
    troubles = Troubles(clock)
    tried(sealer, apps, troubles)
    assert troubles.rests(apps[0], ALL)
    clock.time -= DAY
    assert not troubles.rests(apps[0], ALL)


def test_without_anyone_to_note_it_an_error_ends_the_round(
    house: House, sealer: Sealer, apps: list[Scope], poison: Poison
) -> None:
    """A command says at once what is wrong, and lets go of the shard."""
    fill(house, apps[0], 1)
    poison(apps[0], ValueError("poison"))
    with pytest.raises(ValueError, match="poison"):
        list(seal_due(sealer, apps, "test"))
    assert acquire(house.database, apps[0], ALL, "another", 1000) is not None


def test_a_shard_that_another_holds_is_left_to_it(house: House, sealer: Sealer, apps: list[Scope]) -> None:
    """No step, no error, and the others are sealed."""
    for scope in apps:
        fill(house, scope, 1)
    assert acquire(house.database, apps[0], ALL, "another", HOUR // 2) is not None
    assert [step.scope.app_id for step in seal_round(sealer, apps, "test")] == ["app_other", "app_tides"]


def test_a_session_from_before_the_clock_was_set_back(
    house: House, sealer: Sealer, clock: TestClock, apps: list[Scope]
) -> None:
    """It is sealed though nothing new arrives and its silence ends only when the clock is there again."""
    clock.time = T0 + 2 * HOUR
    send(house, apps[0], [event("e", T0)], at=clock.time)
    assert [step.sealed.open for step in seal_due(sealer, apps, "test")] == [1]
    assert list(seal_due(sealer, apps, "test")) == []
    clock.time = T0
    assert [step.sealed.events for step in seal_due(sealer, apps, "test")] == [1]
