"""Overviews count what was sent, and read no segment twice."""

import random
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
from msgspec.structs import replace
from sqlalchemy import delete, event, select, update

from tailrace.accounts.lookup import scope_of_app
from tailrace.db.tables import segments
from tailrace.model.access import Scope
from tailrace.model.clock import DAY, HOUR, parse_iso
from tailrace.reports import overview
from tailrace.reports.overview import Overviews
from tailrace.store.snapshots import Mark
from tailrace.store.statistics import pack_statistics, unpack_statistics
from tailrace.wiring import House
from tests import sending
from tests.sending import Row, seal, send

T = parse_iso("2026-03-01T00:00:00Z")
FIRST, LAST = T // DAY, T // DAY + 3
RECEIVED = T + 30 * DAY


@pytest.fixture
def overviews(house: House) -> Overviews:
    """Nothing is kept yet."""
    return Overviews(house.database)


def some(seed: int, count: int) -> list[Row]:
    """Sessions of one to three events on four days and one after them, of several versions and countries."""
    rows: list[Row] = []
    chance = random.Random(seed)  # noqa: S311 - the same sessions each time
    for _ in range(count):
        id_, day = f"{chance.getrandbits(40):010x}", chance.randrange(5)
        session = {"app_version": chance.choice(("1", "2", "3")), "country": chance.choice(("DE", "FR"))}
        for place in range(chance.randrange(1, 4)):
            name = chance.choice(("go", "stop", "wait"))
            row = sending.event(name, T + day * DAY + HOUR + place, device=f"d{id_}", session=id_)
            rows.append(row | {"session": session})
    return rows


def check(overviews: Overviews, scope: Scope, sent: Sequence[Row]) -> None:
    """Both answers are those of a naive count of what was sent."""
    day_of = {row["session_id"]: parse_iso(row["time"]) // DAY for row in sent}
    mine = [row for row in sent if FIRST <= day_of[row["session_id"]] <= LAST]
    found = overviews.of(scope, FIRST, LAST)
    assert [(day.day, day.events) for day in found.days] == [
        (day, sum(day_of[row["session_id"]] == day for row in mine)) for day in range(FIRST, LAST + 1)
    ]
    assert [day.sessions for day in found.days] == [
        len({row["session_id"] for row in mine if day_of[row["session_id"]] == day}) for day in range(FIRST, LAST + 1)
    ]
    for counted, key in ((found.events, named), (found.versions, version), (found.countries, country)):
        assert dict(counted) == Counter(map(key, mine))
        assert list(counted) == sorted(counted, key=lambda one: (-one[1], one[0]))
    names, versions = overviews.choices(scope)
    assert (dict(names), dict(versions)) == (Counter(map(named, sent)), Counter(map(version, sent)))


def named(row: Row) -> str:
    return str(row["event"])


def version(row: Row) -> str:
    return str(row["session"]["app_version"])


def country(row: Row) -> str:
    return str(row["session"]["country"])


@contextmanager
def statistics_read(house: House) -> Iterator[list[Any]]:
    """The parameters of statements that read statistics, as they come; those of this thread alone."""
    read, me = [], threading.get_ident()

    def executed(_c: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if threading.get_ident() == me and "segments.statistics" in statement:
            read.append(parameters)

    event.listen(house.database.meta, "before_cursor_execute", executed)
    try:
        yield read
    finally:
        event.remove(house.database.meta, "before_cursor_execute", executed)


def test_it_counts_what_was_sent_and_reads_each_segment_once(house: House, scope: Scope, overviews: Overviews) -> None:
    """After each seal the counts are those of all that was sent; nothing is read where nothing has come."""
    sent: list[Row] = []
    for seed in range(3):
        new = some(seed, 20)
        send(house, scope, new, at=RECEIVED)
        seal(house, scope)
        sent += new
        check(overviews, scope, sent)
        with statistics_read(house) as read:
            check(overviews, scope, sent)
        assert read == []
    send(house, scope, more := some(3, 1), at=RECEIVED)
    seal(house, scope)
    with statistics_read(house) as read:
        check(overviews, scope, [*sent, *more])
    assert len(read) == 1
    check(Overviews(house.database), scope, [*sent, *more])


def test_segments_that_were_replaced_count_no_more(house: House, scope: Scope, overviews: Overviews) -> None:
    """Also if another one has their place or their number."""
    first, second = some(1, 20), some(2, 20)
    for rows in (first, second):
        send(house, scope, rows, at=RECEIVED)
        seal(house, scope)
    check(overviews, scope, [*first, *second])
    with house.database.write() as connection:
        connection.execute(delete(segments).where(segments.c.added_seq == 2))
    check(overviews, scope, first)
    with house.database.write() as connection:  # numbers of the first are those of others now
        connection.execute(update(segments).values(added_seq=2))
    with statistics_read(house) as read:
        check(overviews, scope, first)
    assert len(read) >= 1


def test_versions_that_were_not_counted_are_choices_alone(house: House, scope: Scope, overviews: Overviews) -> None:
    """Segments of older releases tell which versions there are, and not how many events they have."""
    send(house, scope, rows := some(4, 20), at=RECEIVED)
    seal(house, scope)
    with house.database.write() as connection:
        for number, data in connection.execute(select(segments.c.number, segments.c.statistics)).all():
            old = pack_statistics(replace(unpack_statistics(data), by_version={}))
            connection.execute(update(segments).where(segments.c.number == number).values(statistics=old))
    assert overviews.of(scope, FIRST, LAST).versions == []
    assert dict(overviews.choices(scope)[1]) == dict.fromkeys(map(version, rows), 0)


def test_apps_are_kept_apart_and_not_all_of_them(
    house: House, scope: Scope, overviews: Overviews, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Days beyond the bound are read again, those of another app too."""
    monkeypatch.setattr(overview, "_MOST_KEPT", 30)  # three days with a segment, three names, versions, two countries
    other, rows = scope_of_app(house.database, "app_tides"), some(3, 20)
    for one, mine in ((scope, rows[:30]), (other, rows[30:])):
        send(house, one, mine, at=RECEIVED)
        seal(house, one)
    for _ in range(2):
        check(overviews, scope, rows[:30])
        check(overviews, other, rows[30:])
        assert 2 <= len(overviews._kept) <= 4
        assert all(isinstance(mark, Mark) for day in overviews._kept.values() for mark in day.marks)
