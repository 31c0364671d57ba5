"""Users found by their ids: what a look costs does not grow with the app, and what it tells is of that user."""

from typing import Any

import pytest
from sqlalchemy import event as listening

from tailrace.model.access import Scope
from tailrace.model.clock import HOUR
from tailrace.model.hashing import actor_hash
from tailrace.reports.people import find_people, trace
from tailrace.store import segments
from tailrace.wiring import House
from tests.sending import T0, event, seal, send


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_no_look_reads_all_of_an_app(house: House, scope: Scope) -> None:
    """Every statement of a search and of a card reaches its rows by an index of more than the app; the one that asks
    whether there are aliases at all takes the first row.
    """
    asked: list[tuple[str, Any]] = []
    send(house, scope, [event("e", T0, user_id="12")])
    seal(house, scope)
    listening.listen(
        house.database.meta,
        "before_cursor_execute",
        lambda _c, _k, statement, values, *_: asked.append((statement, values)),
    )
    (found,) = find_people(house.database, scope, "12")
    assert trace(house.database, house.files, scope, found.actor, sessions=True).actor == "d1"
    statements = [one for one in asked if one[0].startswith("SELECT")]
    assert len(statements) > 8
    with house.database.read() as connection:
        plans = [
            row[3]
            for statement, values in statements
            for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)
        ]
    steps = [step for step in plans if step.startswith(("SCAN", "SEARCH")) and " joins " not in step]
    assert len(steps) > 8
    assert [step for step in steps if " AND " not in step and "PRIMARY KEY (rowid=?)" not in step] == []


def test_each_user_has_the_own_row(house: House, scope: Scope, monkeypatch: pytest.MonkeyPatch) -> None:
    """A user id finds the devices that sent it. In a segment of many row groups each user's row is the user's own, also
    after a late event joined the session; of a segment that is gone nothing is told but what the database knows.
    """
    monkeypatch.setattr(segments, "ROW_GROUP_EVENTS", 2)
    users = {f"d{n}": {"country": f"C{n}", "device_ids": {"idfa": str(n)}} for n in range(7)}
    hashes = {device: actor_hash(scope.app_id, device) for device in users}
    for n, (device, said) in enumerate(users.items()):
        more = {"session": f"of-{device}", "user_id": f"u{n % 2}"}
        send(house, scope, [event("e", T0 + at, device=device, **more) | {"session": said} for at in (0, 1)])
    seal(house, scope)
    send(house, scope, [event("late", T0 + HOUR, device="d3", session="of-d3")])
    seal(house, scope)
    found_by_user = find_people(house.database, scope, "u1")
    ends = {hashes["d1"]: T0 + 1, hashes["d3"]: T0 + HOUR, hashes["d5"]: T0 + 1}
    assert {one.actor: one.last_seen for one in found_by_user} == ends
    for device, said in users.items():
        found = trace(house.database, house.files, scope, hashes[device], sessions=True)
        assert (found.actor, found.device_id, found.said) == (device, device, said)
        assert [(one.session_id, one.start) for one in found.sessions] == [(f"of-{device}", T0)]
        assert found.last_seen == (T0 + HOUR if device == "d3" else T0 + 1)
    monkeypatch.setattr("tailrace.reports.people.open_segment", _gone)
    found = trace(house.database, house.files, scope, hashes["d3"], sessions=True)
    assert (found.actor, found.said, len(found.sessions)) == (None, {}, 1)
    assert found.seen is not None
    assert found.seen.tally.events == 3


def _gone(*_: object) -> None:
    raise FileNotFoundError
