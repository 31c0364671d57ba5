"""Chains of increments: every event once, however late it comes and whoever commits meanwhile."""

import dataclasses
import threading
from collections import Counter

import pytest
from msgspec.structs import replace
from sqlalchemy import select

from tailrace.accounts.lookup import scope_of_app
from tailrace.db.tables import app_heads, owned, sessions
from tailrace.model.access import Scope
from tailrace.model.clock import DAY, HOUR, MINUTE, SECOND, iso
from tailrace.model.errors import CursorRefused, WindowInFuture
from tailrace.model.window import Axis
from tailrace.store.ledger import ledger
from tailrace.store.snapshots import lock_head
from tailrace.wiring import House
from tests.conftest import TestClock, at
from tests.sending import T0, Row, event, export, request, seal, send


def chain(house: House, scope: Scope, cursor: str | None) -> tuple[Row, list[Row]]:
    """The next increment of an app after a cursor."""
    return export(house, scope, request(scope, after=cursor))


def ids(rows: list[Row]) -> Counter[str]:
    """How often each id occurs."""
    return Counter(row["id"] for row in rows)


def test_three_increments_with_late_events_hold_each_event_once(house: House, scope: Scope) -> None:
    """Late events come out in a later increment, as further fragments of the session that they belong to."""
    first = [event("start", T0), event("go", T0 + MINUTE), event("start", T0, device="d2", session="s2")]
    send(house, scope, first)
    seal(house, scope)
    one, rows_one = chain(house, scope, None)

    late = [event("late", T0 + 30 * SECOND), event("later", T0 + 2 * MINUTE), event("new", T0 + HOUR, session="s3")]
    send(house, scope, late + first[:2])  # a resend of two of the first
    seal(house, scope)
    two, rows_two = chain(house, scope, one["cursor"])

    very_late = [event("very_late", T0 + 5 * SECOND)]
    send(house, scope, very_late)
    seal(house, scope)
    three, rows_three = chain(house, scope, two["cursor"])

    assert ids(rows_one + rows_two + rows_three) == Counter(r["id"] for r in first + late + very_late)
    assert ids(rows_one) == Counter(r["id"] for r in first)
    assert ids(rows_two) == Counter(r["id"] for r in late)
    fragments = {row["id"]: (row["session_id"], row["fragment"]) for row in rows_one + rows_two + rows_three}
    assert fragments["d1/s1/late/" + str(T0 + 30 * SECOND)] == ("s1", 1)
    assert fragments["d1/s1/very_late/" + str(T0 + 5 * SECOND)] == ("s1", 2)
    assert fragments["d1/s3/new/" + str(T0 + HOUR)] == ("s3", 0)
    assert three["previous_cursor"] == two["cursor"]
    assert [m["totals_after"]["events"] for m in (one, two, three)] == [3, 6, 7]
    assert [m["totals_before"]["events"] for m in (one, two, three)] == [0, 3, 6]
    assert ledger(house.database, scope).holds


def test_a_chain_ends_in_an_empty_increment(house: House, scope: Scope) -> None:
    """When nothing is new, the increment is a success without files, and its cursor goes on working."""
    send(house, scope, [event("start", T0)])
    seal(house, scope)
    one, _ = chain(house, scope, None)
    two, rows = chain(house, scope, one["cursor"])
    assert (two["files"], rows, two["rows"]) == ([], [], 0)
    send(house, scope, [event("next", T0 + SECOND)])
    seal(house, scope)
    _, rows = chain(house, scope, two["cursor"])
    assert [row["event"] for row in rows] == ["next"]


def test_a_late_event_inherits_what_its_session_is_known_to_be(house: House, scope: Scope) -> None:
    """A late event that brings no device of its own shows that of its session, also nested values."""
    context = {"app_version": "1.2", "country": "DE", "device_ids": {"idfa": "x"}}
    send(house, scope, [event("start", T0) | {"session": context}])
    seal(house, scope)
    send(house, scope, [event("late", T0 + SECOND)])
    seal(house, scope)
    _, rows = chain(house, scope, None)
    assert [(r["app_version"], r["country"], r["device_ids"]) for r in rows] == [("1.2", "DE", {"idfa": "x"})] * 2


def test_a_session_without_an_id_is_joined_by_what_falls_near_it(house: House, scope: Scope) -> None:
    """Without ids a pause beyond the limit parts sessions, and a late event joins the one that covers it."""
    send(house, scope, [event(n, T0 + t, session=None) for n, t in (("a", 0), ("b", 20 * MINUTE), ("c", 2 * HOUR))])
    seal(house, scope)
    send(house, scope, [event("d", T0 + 30 * MINUTE, session=None), event("e", T0 + 5 * HOUR, session=None)])
    seal(house, scope)
    _, rows = chain(house, scope, None)
    session = {row["event"]: row["session_id"] for row in rows}
    assert session["a"] == session["b"] == session["d"]
    assert len({session["a"], session["c"], session["e"]}) == 3
    assert {row["event"]: row["fragment"] for row in rows} == {"a": 0, "b": 0, "c": 0, "d": 1, "e": 0}


def test_apps_do_not_meet(house: House, scope: Scope) -> None:
    """The same ids, devices and sessions in two apps are two sets of events, each with its own numbers."""
    other = scope_of_app(house.database, "app_tides")
    records = [event("start", T0), event("go", T0 + SECOND)]
    for app in (scope, other):
        send(house, app, records)
        seal(house, app)
    for app in (scope, other):
        manifest, rows = export(house, app, request(app, columns=("id", "number", "session_number", "user_number")))
        assert ids(rows) == Counter(r["id"] for r in records)
        assert [row["number"] for row in rows] == [0, 1]
        assert {(row["session_number"], row["user_number"]) for row in rows} == {(0, 1)}
        assert manifest["app"] == app.app_id


def test_two_writers_lose_and_double_nothing(house: House, scope: Scope) -> None:
    """Two threads that send and one that seals at the same time: the chain holds every event once."""
    sent: list[Row] = [event("e", T0 + n * SECOND, device=f"d{n % 7}", session=f"s{n % 11}") for n in range(600)]
    halves = (sent[::2], sent[1::2])

    def write(mine: list[Row]) -> None:
        for start in range(0, len(mine), 20):
            send(house, scope, mine[start : start + 20])
            send(house, scope, mine[start : start + 5])  # and some of them again

    writers = [threading.Thread(target=write, args=(half,)) for half in halves]
    for writer in writers:
        writer.start()
    rows: list[Row] = []
    cursor = None
    while any(writer.is_alive() for writer in writers):
        seal(house, scope)
        manifest, more = chain(house, scope, cursor)
        rows, cursor = rows + more, manifest["cursor"]
    for writer in writers:
        writer.join()
    seal(house, scope)
    manifest, more = chain(house, scope, cursor)
    assert ids(rows + more) == Counter(record["id"] for record in sent)
    assert manifest["totals_after"]["events"] == len(sent)
    found = ledger(house.database, scope)
    assert found.holds
    assert found.duplicates == 150


def test_an_open_commit_keeps_the_next_number_from_being_given(house: House, scope: Scope) -> None:
    """While one transaction holds the head of an app, another commit waits: nothing grows behind a cursor."""
    send(house, scope, [event("start", T0)])
    done = threading.Event()

    def commit() -> None:
        seal(house, scope)
        done.set()

    other = threading.Thread(target=commit)
    with house.database.write() as connection:
        head = lock_head(connection, scope, not_before=0)
        other.start()
        assert not done.wait(0.5)
        with house.database.read() as reader:
            assert reader.scalar(select(app_heads.c.seq).where(owned(app_heads, scope))) == head.seq == 0
    assert done.wait(30)
    other.join()
    _, rows = chain(house, scope, None)
    assert len(rows) == 1


def test_a_window_in_clock_time_is_resolved_once_and_nothing_enters_it_later(house: House, scope: Scope) -> None:
    """After `to` was resolved, later commits are stamped at `to` or later, even if the clock is behind it."""
    send(house, scope, [event("start", T0)])
    seal(house, scope)
    with house.database.read() as connection:
        end = house.database.now(connection)
    one, rows = export(house, scope, request(scope, end=end))
    send(house, scope, [event("next", T0 + SECOND)])
    seal(house, scope)
    again, same = export(house, scope, request(scope, end=end))
    assert same == rows
    assert again["files"][0]["sha256"] == one["files"][0]["sha256"]
    _, rest = export(house, scope, request(scope, start=end))
    assert ids(rows + rest) == Counter(["d1/s1/start/" + str(T0), "d1/s1/next/" + str(T0 + SECOND)])
    _, after = chain(house, scope, one["cursor"])
    assert after == rest


def test_a_window_that_ends_soon_waits_for_its_end(house: House, scope: Scope) -> None:
    """A client whose clock runs ahead loses nothing: its job is not run before the server's clock is there."""
    from tailrace.exports.submit import submit
    from tailrace.jobs.queue import claim
    from tests.sending import principal

    with house.database.read() as connection:
        now = house.database.now(connection)
    submitted = submit(house.submitter(), principal(house, scope), scope, request(scope, end=now + 10 * MINUTE))
    assert submitted.upto_seq is None
    assert claim(house.database, "export", "test", 1000) is None
    with pytest.raises(WindowInFuture):
        submit(house.submitter(), principal(house, scope), scope, request(scope, end=now + HOUR))


def test_windows_on_other_axes_tile(house: House, scope: Scope) -> None:
    """Windows that meet hold each event once, on event time and on session start."""
    sent = [event("e", T0 + n * 7 * HOUR, device=f"d{n % 3}", session=f"s{n // 2}") for n in range(40)]
    send(house, scope, sent)
    seal(house, scope)
    axes: tuple[Axis, ...] = ("event_time", "session_start")
    for axis in axes:
        rows: list[Row] = []
        for day in range(-1, 14):
            start = T0 // DAY * DAY + day * DAY
            manifest, more = export(house, scope, request(scope, axis, start, start + DAY))
            assert manifest["cursor"] is None
            assert manifest["totals_after"] is None
            assert manifest["snapshot_seq"] == 1
            rows += more
            if axis == "event_time":
                assert all(iso(start) <= row["time"] < iso(start + DAY) for row in more)
            else:
                assert all(iso(start) <= row["session_start"] < iso(start + DAY) for row in more)
        assert ids(rows) == Counter(r["id"] for r in sent)


def test_complete_through_stops_at_what_is_still_on_its_way(house: House, scope: Scope) -> None:
    """`complete_through` is no later than the earliest event in the inbox or in an open session."""
    send(house, scope, [event("start", T0)])
    manifest, _ = export(house, scope, request(scope, "event_time", T0 - DAY, T0 + DAY))
    assert manifest["complete_through"] == iso(T0)
    seal(house, scope, close_all=False)  # now open, no longer in the inbox
    manifest, rows = export(house, scope, request(scope, "event_time", T0 - DAY, T0 + DAY))
    assert (manifest["complete_through"], rows) == (iso(T0), [])
    seal(house, scope)
    manifest, rows = export(house, scope, request(scope, "event_time", T0 - DAY, T0 + DAY))
    assert manifest["complete_through"] > iso(T0 + DAY)
    assert len(rows) == 1


@pytest.mark.parametrize(
    ("change", "reason"),
    [("text", "unreadable"), ("events", "request"), ("app", "app"), ("epoch", "epoch")],
)
def test_a_cursor_that_cannot_continue_is_refused(house: House, scope: Scope, change: str, reason: str) -> None:
    """Damage, other filters, another app and another epoch are errors that say so, never a silent gap."""
    send(house, scope, [event("start", T0)])
    seal(house, scope)
    manifest, _ = chain(house, scope, None)
    asked, app, opened = request(scope, after=manifest["cursor"]), scope, house
    if change == "text":
        asked = replace(asked, after=manifest["cursor"][:-2])
    if change == "events":
        asked = request(scope, after=manifest["cursor"], events=["start"])
    if change == "app":
        app = scope_of_app(house.database, "app_tides")
        asked = replace(asked, app=app.app_id)
    if change == "epoch":
        opened = replace(house, identity=dataclasses.replace(house.identity, epoch="another"))
    with pytest.raises(CursorRefused) as refused:
        export(opened, app, asked)
    assert refused.value.reason == reason


def test_sessions_close_by_themselves_when_nothing_arrives(house: House, scope: Scope) -> None:
    """Silence of 30 minutes, measured on arrival, completes a session; a later arrival keeps it open."""
    clock = TestClock(T0 + HOUR)
    moved = at(house, clock)
    send(moved, scope, [event("start", T0)])
    assert [s.open for s in seal(moved, scope, close_all=False)] == [1]
    clock.time += 20 * MINUTE
    send(moved, scope, [event("go", T0 + SECOND)])
    assert [s.open for s in seal(moved, scope, close_all=False)] == [2]
    clock.time += 20 * MINUTE
    assert seal(moved, scope, close_all=False) == []  # nothing is due: 20 minutes of silence
    clock.time += 11 * MINUTE
    assert [(s.events, s.open) for s in seal(moved, scope, close_all=False)] == [(2, 0)]
    with house.database.read() as connection:
        row = connection.execute(select(sessions).where(owned(sessions, scope))).one()
    assert (row.start, row.end, row.fragments) == (T0, T0 + SECOND, 1)


def test_an_explicit_end_completes_a_session_at_once(house: House, scope: Scope) -> None:
    """`session.end` makes a session exportable with the next seal."""
    send(house, scope, [event("start", T0), event("bye", T0 + SECOND) | {"session": {"end": True}}])
    send(house, scope, [event("start", T0, device="d2")])
    assert [(s.events, s.open) for s in seal(house, scope, close_all=False)] == [(2, 1)]


def test_a_session_is_never_longer_than_a_day(house: House, scope: Scope) -> None:
    """A session id that is used for ever makes a new session every 24 hours."""
    send(house, scope, [event("e", T0 + n * 5 * HOUR) for n in range(12)])
    seal(house, scope)
    _, rows = export(house, scope, request(scope, columns=("id", "session_number", "session_offset_ms")))
    assert len({row["session_number"] for row in rows}) == 3
    assert max(row["session_offset_ms"] for row in rows) < DAY
