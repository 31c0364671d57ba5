"""Commits: one order, one owner, all or nothing."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from tailrace.accounts.lookup import scope_of_app
from tailrace.accounts.provisioning import read_provisioning
from tailrace.config import SETTINGS_FILE
from tailrace.db.tables import (
    actors,
    app_heads,
    carry,
    catalogue,
    commits,
    id_runs,
    owned,
    segments,
    sessions,
    shards,
)
from tailrace.ingest import seal as seal_module
from tailrace.ingest.seal import Sealed, seal_shard
from tailrace.model.access import Scope
from tailrace.model.clock import HOUR, MINUTE
from tailrace.model.errors import FenceLost
from tailrace.model.shards import Shard
from tailrace.store.commits import Seal, commit
from tailrace.store.ledger import ledger
from tailrace.store.shards import Lease, acquire, release, shards_of
from tailrace.store.snapshots import lock_head, seq_before, totals_at
from tailrace.wiring import House, open_house, provision
from tests.sending import T0, event, export, request, seal, send
from tests.unit.clocks import MovedClock, moved

CHANGED_BY_A_SEAL = (app_heads, commits, segments, sessions, shards, carry, id_runs, catalogue)


@pytest.fixture
def sharded(data: Path, provisioning: Path) -> Iterator[House]:
    """A store whose apps have four shards."""
    with (data / SETTINGS_FILE).open("a") as settings:
        settings.write("shard_bits = 2\n")
    with open_house(data) as opened:
        provision(opened, read_provisioning(provisioning))
        yield opened


def rows(house: House, scope: Scope, *tables: Any) -> list[list[tuple[Any, ...]]]:
    """The rows of an app in some tables."""
    with house.database.read() as connection:
        return [sorted(map(tuple, connection.execute(select(t).where(owned(t, scope)))), key=repr) for t in tables]


def history(house: House, scope: Scope) -> list[Any]:
    """The commits of an app by seq."""
    with house.database.read() as connection:
        return list(connection.execute(select(commits).where(owned(commits, scope)).order_by(commits.c.seq)))


def lease_of(house: House, scope: Scope, holder: str, lease_ms: int = MINUTE) -> Lease:
    """A lease on the only shard."""
    lease = acquire(house.database, scope, Shard(0, 0, 0), holder, lease_ms)
    assert lease is not None
    return lease


def ids(house: House, scope: Scope) -> Counter[str]:
    """All that can be exported."""
    return Counter(row["id"] for row in export(house, scope, request(scope))[1])


def test_commits_count_up_and_availability_never_goes_back(house: House, scope: Scope) -> None:
    """Seqs are 1, 2, 3 …, totals are running sums, and `available_at` does not fall when the clock is set back."""
    clock = MovedClock()
    shifted = moved(house, clock)
    for place, shift in enumerate((0, -HOUR, 2 * HOUR, -HOUR)):
        clock.shift = shift
        send(shifted, scope, [event("e", T0 + n, session=f"s{place}") for n in range(place + 1)])
        seal(shifted, scope)
    found = history(house, scope)
    assert [(row.seq, row.events, row.fragments) for row in found] == [(n, n, 1) for n in range(1, 5)]
    assert [(row.total_events, row.total_fragments) for row in found] == [(1, 1), (3, 2), (6, 3), (10, 4)]
    times = [row.available_at for row in found]
    assert times == sorted(times)
    assert times[2] - times[0] >= HOUR
    with house.database.read() as connection:
        assert [totals_at(connection, scope, seq).events for seq in range(6)] == [0, 1, 3, 6, 10, 0]


def test_shards_that_seal_at_once_commit_in_one_order(sharded: House) -> None:
    """Four owners of four shards: each commit has a seq of its own, each number is given once, no event is lost."""
    scope = scope_of_app(sharded.database, "app_waves")
    sent = [event(f"n{n % 5}", T0 + n, device=f"d{n}", session=f"s{n}") for n in range(120)]
    for start in range(0, 120, 40):
        send(sharded, scope, sent[start : start + 40])
        with sharded.database.read() as connection:
            every = shards_of(connection, scope)
        with ThreadPoolExecutor(4) as pool:
            assert sum(sealed.events for sealed in pool.map(lambda s: seal_one(sharded, scope, s), every)) == 40
    found = history(sharded, scope)
    assert [row.seq for row in found] == list(range(1, len(found) + 1))
    assert {row.shard for row in found} == {0, 1, 2, 3}
    times = [row.available_at for row in found]
    assert times == sorted(times)
    columns = ("id", "number", "session_number", "user_number")
    out = export(sharded, scope, request(scope, columns=columns))[1]
    assert Counter(row["id"] for row in out) == Counter(record["id"] for record in sent)
    assert sorted(row["number"] for row in out) == sorted(row["session_number"] for row in out) == list(range(120))
    assert len({row["user_number"] for row in out}) == 120
    assert ledger(sharded.database, scope).holds


def seal_one(house: House, scope: Scope, shard: Shard) -> Sealed:
    """Seal one shard as its only owner."""
    lease = acquire(house.database, scope, shard, f"owner of {shard.bucket}", MINUTE)
    assert lease is not None
    sealed = seal_shard(house.sealer(), lease, close_all=True)
    release(house.database, lease)
    return sealed


@pytest.mark.parametrize("sealed_by_other", [False, True])
def test_a_sealer_taken_for_dead_changes_nothing(
    house: House, scope: Scope, monkeypatch: pytest.MonkeyPatch, *, sealed_by_other: bool
) -> None:
    """Its lease ran out just before its commit and another took the shard, and may have sealed: FenceLost, no change.

    The ledger holds before and after, and each event comes out once.
    """
    clock = MovedClock()
    shifted = moved(house, clock)
    sent = [event("e", T0 + n, session=f"s{n % 3}") for n in range(9)]
    send(shifted, scope, sent + sent[:4])
    zombie = lease_of(shifted, scope, "zombie")
    before: list[Any] = []

    def too_late(database: Any, late: Seal) -> int | None:
        monkeypatch.setattr(seal_module, "commit", commit)
        clock.shift += 2 * MINUTE
        heir = lease_of(shifted, scope, "heir")
        if sealed_by_other:
            seal_shard(shifted.sealer(), heir, close_all=True)
        before.extend(rows(house, scope, *CHANGED_BY_A_SEAL))
        return commit(database, late)

    monkeypatch.setattr(seal_module, "commit", too_late)
    with pytest.raises(FenceLost):
        seal_shard(shifted.sealer(), zombie, close_all=True)
    assert rows(house, scope, *CHANGED_BY_A_SEAL) == before
    assert ledger(house.database, scope).holds
    seal(shifted, scope, holder="heir")
    found = ledger(house.database, scope)
    assert (found.accepted, found.sealed, found.duplicates, found.open, found.holds) == (13, 9, 4, 0, True)
    assert ids(house, scope) == Counter(record["id"] for record in sent)


def test_a_shard_has_one_owner(house: House, scope: Scope) -> None:
    """A held shard is refused to others until its lease ends or it is released; each owner has a higher fence."""
    clock = MovedClock()
    shifted = moved(house, clock)
    shard = Shard(0, 0, 0)
    first = lease_of(shifted, scope, "one")
    assert acquire(shifted.database, scope, shard, "two", MINUTE) is None
    clock.shift += 2 * MINUTE
    second = lease_of(shifted, scope, "two")
    release(shifted.database, first)  # a zombie's release frees nothing
    assert acquire(shifted.database, scope, shard, "one", MINUTE) is None
    release(shifted.database, second)
    assert [first.fence, second.fence, lease_of(shifted, scope, "one").fence] == [1, 2, 3]


def test_a_seal_without_news_only_moves_its_shard(house: House, scope: Scope) -> None:
    """Nothing but resends makes no commit, so no cursor moves; they are counted and never read again."""
    send(house, scope, [event("e", T0)])
    seal(house, scope)
    send(house, scope, [event("e", T0), event("e", T0)])
    assert [(s.seq, s.duplicates, s.events, s.open) for s in seal(house, scope)] == [(None, 2, 0, 0)]
    assert [row.seq for row in history(house, scope)] == [1]
    assert [(s.taken, s.duplicates) for s in seal(house, scope)] == [(0, 0)]
    found = ledger(house.database, scope)
    assert (found.accepted, found.sealed, found.duplicates, found.holds) == (3, 1, 2, True)


def test_the_last_commit_before_an_instant(house: House, scope: Scope) -> None:
    """`seq_before` is strict: a commit stamped at the instant itself is not before it."""
    clock = MovedClock()
    shifted = moved(house, clock)
    for number in range(3):
        clock.shift += HOUR
        send(shifted, scope, [event("e", T0, session=f"s{number}")])
        seal(shifted, scope)
    stamps = {row.seq: row.available_at for row in history(house, scope)}
    with house.database.read() as connection:
        for instant in sorted({stamp + by for stamp in stamps.values() for by in (-1, 0, 1)}):
            expected = max((seq for seq, stamp in stamps.items() if stamp < instant), default=0)
            assert seq_before(connection, scope, instant) == expected
        assert seq_before(connection, scope_of_app(house.database, "app_tides"), 2**60) == 0


def test_a_resolved_instant_is_a_floor(house: House, scope: Scope) -> None:
    """After an end was resolved under the head's lock no commit is stamped before it; a lower one is no matter."""
    with house.database.write() as connection:
        floor = house.database.now(connection) + HOUR
        assert lock_head(connection, scope, not_before=floor).seq == 0
    with house.database.write() as connection:
        assert lock_head(connection, scope, not_before=5).available_at == floor
    send(house, scope, [event("e", T0)])
    seal(house, scope)
    assert [row.available_at for row in history(house, scope)] == [floor]
    with house.database.read() as connection:
        assert seq_before(connection, scope, floor) == 0


def test_names_get_one_number_each(house: House, scope: Scope) -> None:
    """Event names and versions are numbered once; no number is shared, in an app or between apps; none changes."""
    other = scope_of_app(house.database, "app_tides")
    before: dict[tuple[int, str, str], int] = {}
    for wave in range(3):
        for app in (scope, other):
            versions = {"session": {"app_version": f"1.{wave}"}}
            send(house, app, [event(name, T0 + wave, session=f"s{wave}") | versions for name in ("a", "b", f"n{wave}")])
            seal(house, app)
        found = numbers(house)
        assert before.items() <= found.items()
        assert len(set(found.values())) == len(found) == 2 * (3 + wave + wave + 1)
        before = found


def numbers(house: House) -> dict[tuple[int, str, str], int]:
    """The whole catalogue."""
    with house.database.read() as connection:
        return {(row.app, row.kind, row.name): row.number for row in connection.execute(select(catalogue))}


def test_users_get_one_number_each(house: House, scope: Scope) -> None:
    """Actors are numbered from 1 in their app; a later seal changes neither number nor first sight."""
    for wave in range(3):
        send(house, scope, [event("e", T0 - wave * MINUTE, device=f"d{n}", session=f"{n}/{wave}") for n in range(4)])
        seal(house, scope)
    columns = ("device_id", "user_number", "first_seen")
    out = export(house, scope, request(scope, columns=columns))[1]
    assert len({(row["device_id"], row["user_number"], row["first_seen"]) for row in out}) == 4
    assert {row["user_number"] for row in out} == {1, 2, 3, 4}
    with house.database.read() as connection:
        assert connection.scalar(select(func.count()).select_from(actors).where(owned(actors, scope))) == 4
