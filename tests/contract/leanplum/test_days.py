"""Which sessions an export holds: Pacific days, the window of availability, how far back both reach."""

from collections.abc import Sequence

import pytest
from sqlalchemy import select

from tailrace.db.tables import exports
from tests.contract.leanplum.client import Row, events
from tests.contract.leanplum.conftest import DAY, HOUR, MINUTE, NOON, SECOND, TODAY, World, day, pacific
from tests.sending import event, seal

NO_DATA = "No matching data found."
TOO_OLD = "You cannot export data older than 60 days"


def ids(shown: Sequence[Row]) -> list[str]:
    """Names of all events, in order."""
    return sorted(one["name"] for session in shown for one in events(session))


def at(name: str, time: int, session: str = "") -> Row:
    """An event of a session, its own unless told."""
    return event(name, time, device=f"d-{session or name}", session=session or name, id=name)


@pytest.mark.parametrize("date", ["2026-03-08", "2026-11-01", "2026-03-20"], ids=["23 h", "25 h", "24 h"])
def test_days_are_pacific(world: World, date: str) -> None:
    """A day reaches from midnight to midnight in California, on the days on which clocks are changed too; a session is
    of the day on which it began, whole; days that follow each other lose and double nothing.
    """
    begin = pacific(f"{date}T00:00")
    length = {"2026-03-08": 23 * HOUR, "2026-11-01": 25 * HOUR}.get(date, DAY)
    world.set(begin + 3 * DAY)
    world.take_in(
        at("before", begin - 1),
        at("first", begin),
        at("late", begin + length - MINUTE),
        at("over", begin + length + MINUTE, "late"),
        at("last", begin + length - 1),
        at("after", begin + length),
    )
    today = date.replace("-", "")
    assert ids(world.client.fetch(today)) == ["first", "last", "late", "over"]
    assert ids(world.client.fetch(day(begin, -1))) == ["before"]
    assert ids(world.client.fetch(day(begin, 1))) == ["after"]
    assert ids(world.client.fetch(day(begin, -1), day(begin, 1))) == sorted(
        ["before", "first", "late", "over", "last", "after"]
    )


def test_a_day_that_its_month_has_not_is_the_last_one(world: World) -> None:
    """The document's own `20191131` is a day: the last of November."""
    world.set(pacific("2026-12-02T12:00"))
    world.take_in(at("november", pacific("2026-11-30T23:59")), at("december", pacific("2026-12-01T00:00")))
    assert ids(world.client.fetch("20261101", "20261131")) == ["november"]


def test_only_complete_sessions_are_shown(world: World) -> None:
    """A session that goes on is not there, with none of its events; once it is complete it is, whole."""
    world.send(at("a", NOON - MINUTE, "s"))
    seal(world.house, world.scope, close_all=False)
    assert world.client.call("exportData", startDate=TODAY).status == 404
    world.take_in(at("b", NOON, "s"))
    assert ids(world.client.fetch(TODAY)) == ["a", "b"]


def test_the_window_of_availability(world: World) -> None:
    """`startTime` and `endTime` say when data became available, not when it happened; each may be missing; windows that
    join lose and double nothing; both axes hold at once.
    """
    noons = [NOON + n * HOUR for n in range(4)]
    for n, noon in enumerate(noons):
        world.set(noon)
        world.take_in(at(f"of{n}", NOON - (3 - n) * DAY))
    world.set(noons[-1] + HOUR)
    seams = [noon / SECOND - 1800 for noon in noons]
    first, last = day(NOON, -4), TODAY

    def found(**more: float | str) -> list[str]:
        return ids(world.client.fetch(first, last, **more))

    assert found() == ["of0", "of1", "of2", "of3"]
    assert found(startTime=seams[2]) == ["of2", "of3"]
    assert found(endTime=seams[2]) == ["of0", "of1"]
    assert [found(startTime=seams[n], endTime=seams[n + 1]) for n in range(3)] == [["of0"], ["of1"], ["of2"]]
    assert found(startTime=f"{seams[1]}E0", endTime=str(int(seams[2]))) == ["of1"]
    assert ids(world.client.fetch(day(NOON, -2), startTime=seams[0], endTime=seams[3])) == ["of1"]
    assert found(startTime=noons[3] / SECOND + 60) == []


def test_what_comes_late_is_in_its_session_or_alone(world: World) -> None:
    """An export of days shows a late event in its session; one that goes on from an earlier one shows it alone, as a
    session with an id of its own and all that is known of its session, once.
    """
    world.take_in(at("a", NOON - 2 * HOUR, "s") | {"session": {"country": "DE", "end": True}})
    world.set(NOON + HOUR)
    (early,) = world.client.fetch(TODAY, endTime=NOON / SECOND + 1800)
    world.take_in(at("b", NOON - HOUR, "s"))
    (alone,) = world.client.fetch(TODAY, startTime=NOON / SECOND + 1800)
    (whole,) = world.client.fetch(TODAY)
    assert (ids([early]), ids([alone]), ids([whole])) == (["a"], ["b"], ["a", "b"])
    assert early["sessionId"] == whole["sessionId"] != alone["sessionId"]
    assert {one["country"] for one in (early, alone, whole)} == {"DE"}
    assert {one["time"] for one in (early, alone, whole)} == {early["time"]}
    assert [one["duration"] for one in (early, whole)] == [0.0, 3600.0]


def test_an_end_that_is_ahead_is_waited_for(world: World) -> None:
    """A client whose clock is up to a quarter of an hour ahead gets a job that is pending until the server's clock has
    come there, and all that became available until then; further ahead is refused.
    """
    world.take_in(at("now", NOON))
    job = world.client.export(TODAY, endTime=(NOON + 5 * MINUTE) / SECOND)
    assert world.client.results(job)["state"] == "PENDING"
    world.set(NOON + 4 * MINUTE)
    world.take_in(at("later", NOON + 4 * MINUTE))
    world.set(NOON + 5 * MINUTE + SECOND)
    assert world.client.wait(job)["numSessions"] == 2
    refused = world.client.call("exportData", startDate=TODAY, endTime=(NOON + HOUR) / SECOND)
    assert (refused.status, "endTime" in refused.message) == (200, True)


def test_sixty_days_back_by_date(world: World) -> None:
    """Sixty Pacific days ago is the first day that can be asked for; the day before is the recorded error, with 200.
    With 0 any day can be.
    """
    world.take_in(at("x", NOON))
    assert world.client.call("exportData", startDate=day(NOON, -60), endDate=TODAY).first["success"]
    refused = world.client.call("exportData", startDate=day(NOON, -61), endDate=TODAY)
    assert (refused.status, refused.message) == (200, TOO_OLD)
    for most, back in ((90, 90), (0, 4000)):
        world.limits(max_age_days=most)
        assert world.client.call("exportData", startDate=day(NOON, -back), endDate=TODAY).first["success"]


def test_sixty_days_back_by_availability(world: World) -> None:
    """What became available more than sixty days ago is left out, whatever `startTime` says, though its session began
    within the days that can be asked for.
    """
    world.take_in(at("old", NOON + DAY - MINUTE), at("s", NOON + DAY - HOUR))
    world.set(NOON + DAY)
    world.take_in(at("new", NOON + DAY - MINUTE), at("t", NOON + DAY - HOUR, "s"))
    world.set(NOON + 60 * DAY + HOUR)
    for more in ({}, {"startTime": 0}, {"startTime": NOON / SECOND}):
        assert ids(world.client.fetch(TODAY, day(NOON, 2), **more)) == ["new", "t"], more
    gone = world.client.call("exportData", startDate=TODAY, endDate=day(NOON, 2), endTime=NOON / SECOND)
    assert (gone.status, gone.message) == (404, NO_DATA)


@pytest.mark.parametrize("half", ["before", "after"])
def test_no_match_is_told_at_once(world: World, half: str) -> None:
    """Days without a session are 404 with the recorded text, also where a segment holds sessions of the same UTC day on
    the other side of the Pacific midnight; no export is made.
    """
    begin = pacific("2026-03-20T00:00")
    world.take_in(at("x", begin - HOUR if half == "before" else begin + HOUR))
    other = day(begin, 0 if half == "before" else -1)
    refused = world.client.call("exportData", startDate=other)
    assert (refused.status, refused.message) == (404, NO_DATA)
    assert world.client.call("exportData", startDate="20260401").status == 404
    with world.house.database.read() as connection:
        assert connection.execute(select(exports).where(exports.c.app == world.scope.app)).all() == []
