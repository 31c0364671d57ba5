"""Numbers of exports and granted windows, on both databases: they are rows, found by whose they are."""

import pytest
from msgspec.structs import replace

from tailrace.exports.numbers import find_numbered, find_numbered_file
from tailrace.exports.sizing import grant, is_granted
from tailrace.exports.submit import submit_once
from tailrace.model.access import Scope
from tailrace.model.clock import DAY
from tailrace.model.errors import NotFound, TooManyRunning, WindowTooLong, WindowTooOld
from tailrace.model.export import Filters
from tailrace.model.policy import Policy
from tailrace.model.window import Window
from tailrace.wiring import House
from tests.sending import principal, request

ASKED = (10 * DAY, 17 * DAY)


def test_numbers_rise_and_are_those_of_a_series(house: House, scope: Scope) -> None:
    """Each export of a series gets a number above the one before; it is found by that, in that series, by its space and
    whoever may see its app, and whatever is no number of one is not found.
    """
    who, asked = principal(house, scope), request(scope, "session_start", *ASKED)
    made = [submit_once(house.submitter(), who, scope, asked, None, policy=Policy(series="s")) for _ in range(3)]
    numbers = [one.number or 0 for one in made]
    assert numbers == sorted(set(numbers))
    for one in made:
        assert find_numbered(house.database, who, "s", str(one.number)).id == one.export.id
        sought = find_numbered_file(house.database, "s", str(one.number))
        assert sought is not None
        assert (sought.export.id, sought.file) == (one.export.id, None)
    other = replace(who, space=who.space + 1)
    narrow = replace(who, apps=frozenset(("app_tides",)))
    for caller, series, number in (
        (who, "t", str(numbers[0])),
        (other, "s", str(numbers[0])),
        (narrow, "s", str(numbers[0])),
        *((who, "s", text) for text in ("0", "-1", "x", "", "٣", "9" * 30, f"{numbers[0]}.0")),
    ):
        with pytest.raises(NotFound):
            find_numbered(house.database, caller, series, number)
    assert submit_once(house.submitter(), who, scope, asked, None).number is None


def test_a_policy_bounds_what_may_be_asked(house: House, scope: Scope) -> None:
    """Its own length, age and number of unfinished exports hold, to the millisecond and the one."""
    who, asked = principal(house, scope), request(scope, "session_start", *ASKED)

    def ask(policy: Policy) -> None:
        submit_once(house.submitter(), who, scope, asked, None, policy=policy)

    ask(Policy(max_window_ms=7 * DAY, max_running=1))
    with pytest.raises(WindowTooLong):
        ask(Policy(max_window_ms=7 * DAY - 1))
    with pytest.raises(TooManyRunning):
        ask(Policy(max_running=1))
    with pytest.raises(WindowTooOld):
        ask(Policy(max_age_ms=DAY))
    ask(Policy(max_age_ms=400_000_000_000_000))


def test_a_grant_holds_inside_its_days_for_its_width_and_filters(house: House, scope: Scope) -> None:
    """A window is granted if it lies in the days of a refused one, is no longer than what was named, is of the same app
    and has the same filters, in whatever order.
    """
    filters = Filters(events=("a", "b"))
    refused = replace(request(scope, "session_start", 10 * DAY + 5, 40 * DAY + 5), filters=filters)
    with house.database.write() as connection:
        grant(connection, scope, refused, 7 * DAY, 0)
    for start, end, of, granted in (
        (10 * DAY, 17 * DAY, filters, True),
        (34 * DAY, 41 * DAY, filters, True),
        (20 * DAY, 21 * DAY, Filters(events=("b", "a")), True),
        (20 * DAY, 27 * DAY + 1, filters, False),
        (10 * DAY - 1, 11 * DAY, filters, False),
        (40 * DAY, 41 * DAY + 1, filters, False),
        (20 * DAY, 21 * DAY, Filters(events=("a",)), False),
        (20 * DAY, 21 * DAY, Filters(), False),
    ):
        asked = replace(refused, window=Window("session_start", start, end), filters=of)
        with house.database.read() as connection:
            assert is_granted(connection, scope, asked) is granted, (start, end, of)
            assert not is_granted(connection, replace(scope, app=scope.app + 1), asked)
