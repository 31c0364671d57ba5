"""Which sessions a window holds, how its ends may be written, how long it may be, and what filters keep."""

from itertools import pairwise
from typing import Any

import pytest

from tests.contract.flurry.conftest import DAY, END, HOUR, START, World, ids, seen

TOO_LONG = {"errors": ["Cannot request report for a period greater than 31 days"]}


def test_tiled_windows_join_without_a_seam(world: World) -> None:
    """Windows of thirty days whose seams are exactly the starts of sessions: each is in one of them, whole, with its
    events beyond the window's end; none is lost and none doubled.
    """
    seams = [START + n * 30 * DAY for n in range(4)]
    for n, seam in enumerate(seams):
        world.session(f"d{n}", seam, ["a", "b"], step=HOUR // 4)
        world.session(f"e{n}", seam - 1, ["a", "b"], step=HOUR // 4)
    world.api.seal()
    found = []
    for start, end in pairwise(seams):
        rows = seen(world.client.fetch(start, end))
        assert rows == world.expected(start, end)
        found += rows
    assert sorted(found) == world.expected(seams[0], seams[-1])
    assert len(found) == 12


@pytest.mark.parametrize(
    ("start", "end"),
    [(str(START), str(END)), (START, END), (START + 0.9116, END + 0.9), (f"{START}.5", f" {END} ")],
)
def test_ends_in_every_spelling(world: World, start: Any, end: Any) -> None:
    """Digits as a text, integers, floats whose fraction is cut off: all mean the same instants."""
    answer = world.client.request(start, end)
    attributes = answer.document["data"]["attributes"]
    assert (attributes["startTime"], attributes["endTime"]) == (str(START), str(END))


def test_the_longest_period(world: World) -> None:
    """Thirty-one days are taken, a millisecond more is the document's error; the number of days is a setting."""
    assert world.client.request(START, START + 31 * DAY).status == 201
    refused = world.client.request(START, START + 31 * DAY + 1)
    assert (refused.status, refused.document) == (400, TOO_LONG)
    world.limits(max_window_days=1)
    shorter = world.client.request(START, START + DAY + 1).document
    assert shorter == {"errors": ["Cannot request report for a period greater than 1 days"]}
    world.limits(max_window_days=0)
    assert world.client.request(START, START + 400 * DAY).status == 201


def test_how_long_ago_is_a_setting(world: World) -> None:
    """Any time ago may be asked for, unless the setting says otherwise."""
    now = world.api.house.clock.now()
    assert world.client.request(now - 2000 * DAY, now - 1990 * DAY).status == 201
    world.limits(max_age_days=730)
    assert world.client.request(now - 729 * DAY, now - 720 * DAY).status == 201
    refused = world.client.request(now - 731 * DAY, now - 720 * DAY)
    assert (refused.status, len(refused.document["errors"])) == (400, 1)


def test_filters_go_by_allocated_ids(world: World) -> None:
    """Versions and events are named by their ids, as a comma list, an array or a number; inside a list any will do, of
    both lists one must fit; sessions of which no event is left have no row, and blank lists filter nothing.
    """
    world.session("d1", START, ["a", "b", "c"], app_version="1.0")
    world.session("d2", START + HOUR, ["a", "b"], app_version="2.0")
    world.session("d3", START + 2 * HOUR, ["c"], app_version="2.0")
    world.api.seal()
    versions, events = ids(world, "version"), ids(world, "event")
    a, b, two = events["a"], events["b"], versions["2.0"]
    for more, wanted in (
        ({"eventIds": f"{a},{b}"}, {"d1a", "d1b", "d2a", "d2b"}),
        ({"eventIds": [a, str(b)]}, {"d1a", "d1b", "d2a", "d2b"}),
        ({"eventIds": a}, {"d1a", "d2a"}),
        ({"app_versions": str(two)}, {"d2a", "d2b", "d3c"}),
        ({"app_versions": f" {two} , {versions['1.0']} "}, {"d1a", "d1b", "d1c", "d2a", "d2b", "d3c"}),
        ({"app_versions": two, "eventIds": str(a)}, {"d2a"}),
        ({"app_versions": "", "eventIds": " "}, {"d1a", "d1b", "d1c", "d2a", "d2b", "d3c"}),
        ({"app_versions": None, "eventIds": []}, {"d1a", "d1b", "d1c", "d2a", "d2b", "d3c"}),
    ):
        rows = world.client.fetch(START, END, "JSON", **more)
        assert sorted(row["deviceIdentifiers"]["deviceId"] + row["eventName"] for row in rows) == sorted(wanted), more


@pytest.mark.parametrize("name", ["eventIds", "app_versions"])
def test_unknown_ids_are_errors(world: World, name: str) -> None:
    """An id that the app has none of is refused, not answered with an empty file; so is one of the other list."""
    world.session("d1", START, ["a"], app_version="1.0")
    world.api.seal()
    other = ids(world, "version" if name == "eventIds" else "event").popitem()[1]
    for value in ("999999999", other, "x", True, {"a": 1}, "1.5"):
        answer = world.client.request(START, END, "JSON", **{name: value})
        assert answer.status == 400, value
        assert name in answer.document["errors"][0]


def test_late_events_are_part_of_their_session(world: World) -> None:
    """Events that come after their session was sealed are rows of the same session, with its start and its duration as
    they are by now, on the earlier rows too, whichever of them a filter keeps.
    """
    session = {"id": "e1", "event": "a", "time": START, "device_id": "d1", "session_id": "s1"}
    world.api.send(session | {"session": {"app_version": "1.0", "country": "DE", "end": True}})
    world.api.seal()
    world.api.send(session | {"id": "e2", "event": "late", "time": START + 60_000})
    world.api.seal()
    whole = [("a", START, 60_000, 0, "DE"), ("late", START, 60_000, 60_000, "DE")]
    for more, wanted in (({}, whole), ({"eventIds": ids(world, "event")["a"]}, whole[:1])):
        rows = world.client.fetch(START, END, "JSON", **more)
        names = ("eventName", "sessionTimestamp", "sessionDuration", "eventOffset", "countryISO")
        assert sorted(tuple(row[name] for name in names) for row in rows) == wanted
