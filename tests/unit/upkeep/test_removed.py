"""Segments that were replaced go when nothing can read them any more."""

import pytest
from sqlalchemy import insert, select, update

from tailrace.db.tables import app_heads, owned, owner, segments, sessions
from tailrace.jobs.queue import finish, pin
from tailrace.model.access import Scope
from tailrace.model.clock import MINUTE
from tailrace.model.errors import ExportFailed
from tailrace.store.snapshots import head, visible
from tailrace.upkeep.removed import let_segments_go
from tailrace.wiring import House
from tests.unit.clocks import MovedClock
from tests.unit.upkeep.writers import GRACE, Exporter, ask, exporter, named, sealer


def add(house: House, scope: Scope) -> str:
    """Commit a segment; its object."""
    writer = sealer(house, scope)
    assert writer is not None
    key = writer.write()
    writer.commit()
    return key


def replace(house: House, scope: Scope, *keys: str) -> str:
    """Commit a segment that takes the place of others, as a rewrite does."""
    new = add(house, scope)
    with house.database.write() as connection:
        seq = head(connection, scope).seq
        connection.execute(update(segments).where(segments.c.object.in_(keys)).values(removed_seq=seq))
    return new


def seen(house: House, scope: Scope, seq: int) -> set[str]:
    """The objects of a snapshot."""
    with house.database.read() as connection:
        return {segment.location.object for segment in visible(connection, scope, seq)}


def pinned(house: House, scope: Scope, seq: int) -> Exporter:
    """Someone who reads a snapshot."""
    export = ask(house, scope)
    reader = exporter(house, {export.id: export})
    assert reader is not None
    with house.database.write() as connection:
        pin(connection, reader.job, seq)
    return reader


def test_a_replaced_segment_goes_after_the_grace(store: House, scope: Scope, clock: MovedClock) -> None:
    """It is kept for the grace, then its row goes; what replaced it stays, and what was never replaced."""
    old, kept = add(store, scope), add(store, scope)
    new = replace(store, scope, old)
    clock.shift += GRACE - MINUTE
    assert let_segments_go(store.database, scope, GRACE) == 0
    assert seen(store, scope, 2) == {old, kept}
    clock.shift += 2 * MINUTE
    assert [let_segments_go(store.database, scope, GRACE) for _ in range(2)] == [1, 0]
    assert named(store, scope) == seen(store, scope, 3) == {kept, new}


@pytest.mark.parametrize(("pins", "goes"), [(1, False), (2, False), (3, True), (4, True)])
def test_a_pin_keeps_what_its_snapshot_shows(
    store: House, scope: Scope, clock: MovedClock, pins: int, goes: bool
) -> None:
    """A job that reads commit 1 or 2 keeps a segment that was removed at 3; one that reads 3 or later does not."""
    old = add(store, scope)
    add(store, scope)
    replace(store, scope, old)
    add(store, scope)
    reader = pinned(store, scope, pins)
    before = seen(store, scope, pins)
    clock.shift += GRACE + MINUTE
    assert let_segments_go(store.database, scope, GRACE) == goes
    assert (old in before) is not goes
    assert seen(store, scope, pins) == before
    with store.database.write() as connection:
        finish(connection, reader.job, "failed")
    assert let_segments_go(store.database, scope, GRACE) == (not goes)


def test_the_oldest_pin_counts(store: House, scope: Scope, clock: MovedClock) -> None:
    """Of several readers the one of the oldest snapshot decides."""
    old = add(store, scope)
    replace(store, scope, old)
    readers = [pinned(store, scope, 1), pinned(store, scope, 2)]
    clock.shift += GRACE + MINUTE
    assert let_segments_go(store.database, scope, GRACE) == 0
    with store.database.write() as connection:
        finish(connection, readers[0].job, "cancelled")
    assert let_segments_go(store.database, scope, GRACE) == 1


def test_a_snapshot_that_nobody_pinned_is_refused_not_halved(store: House, scope: Scope, clock: MovedClock) -> None:
    """Who comes with a snapshot from before the clean-up is told so: never fewer rows than it had."""
    old = add(store, scope)
    new = replace(store, scope, old)
    clock.shift += GRACE + MINUTE
    assert let_segments_go(store.database, scope, GRACE) == 1
    with pytest.raises(ExportFailed):
        seen(store, scope, 1)
    assert seen(store, scope, 2) == {new}
    later = replace(store, scope, new)
    clock.shift += GRACE + MINUTE
    let_segments_go(store.database, scope, GRACE)
    with pytest.raises(ExportFailed):
        seen(store, scope, 2)
    assert seen(store, scope, 3) == {later}
    with store.database.read() as connection:
        assert connection.scalar(select(app_heads.c.floor).where(owned(app_heads, scope))) == 3


def test_a_segment_from_which_a_session_inherits_stays(store: House, scope: Scope, clock: MovedClock) -> None:
    """Late fragments take over what the first one says: its segment is kept until the session is moved."""
    old = add(store, scope)
    new = replace(store, scope, old)
    values = {"actor": bytes(16), "number": 0, "session_id": "s", "generated": False, "ended": False, "earliest": 0}
    with store.database.write() as connection:
        number = connection.scalar(select(segments.c.number).where(segments.c.object == old))
        row = owner(scope) | values | {"start": 0, "end": 0, "fragments": 1, "segment": number}
        connection.execute(insert(sessions).values(row))
    clock.shift += GRACE + MINUTE
    assert let_segments_go(store.database, scope, GRACE) == 0
    with store.database.write() as connection:
        moved_to = select(segments.c.number).where(segments.c.object == new).scalar_subquery()
        connection.execute(update(sessions).values(segment=moved_to))
    assert let_segments_go(store.database, scope, GRACE) == 1
