"""Too much data: a policy that is off by default, and whose named windows are kept as promises."""

from tests.contract.flurry.client import Answer
from tests.contract.flurry.conftest import DAY, START, World, ids, seen

MONTH = 30 * DAY


def spread(world: World, *days: int, events: int = 4) -> None:
    """A session of some events on each of some days."""
    for day in days:
        world.session(f"d{day}", START + day * DAY, ["a"] * events)
    world.api.seal()


def named(answer: Answer) -> str:
    """The window that a refusal names."""
    assert answer.status == 400
    (sentence,) = answer.document["errors"]
    return next(period for period in ("1 week", "1 day") if period in sentence)


def test_it_is_off_by_default(world: World) -> None:
    """Without the setting nothing is ever too much."""
    spread(world, *range(30))
    assert world.client.request(START, START + MONTH).status == 201


def test_the_week_is_named_where_every_week_fits(world: World) -> None:
    """Where any eight days in a row hold little enough the week is named, and each of its windows is then taken and
    whole, even if more has come in meanwhile.
    """
    spread(world, *range(0, 30, 4))
    world.limits(max_events=8)
    assert named(world.client.request(START, START + MONTH)) == "1 week"
    world.session("more", START + 3 * DAY, ["b"] * 50)
    world.api.seal()
    found = []
    for first in range(0, 30, 7):
        start, end = START + first * DAY, min(START + (first + 7) * DAY, START + MONTH)
        found += seen(world.client.fetch(start, end))
    assert sorted(found) == world.expected(START, START + MONTH)


def test_the_day_is_named_where_a_week_does_not_fit(world: World) -> None:
    """If some eight days hold too much the day is named; days are never refused, a week still is."""
    spread(world, 3, 10)
    world.limits(max_events=7)
    assert named(world.client.request(START, START + MONTH)) == "1 day"
    assert named(world.client.request(START + 3 * DAY, START + 11 * DAY)) == "1 day"
    world.limits(max_events=1)
    for day in range(30):
        assert world.client.request(START + day * DAY, START + (day + 1) * DAY).status == 201


def test_what_fits_is_not_refused(world: World) -> None:
    """A window that holds as much as the limit is taken; a filter that leaves little makes a window small."""
    spread(world, 1, 2)
    world.session("x", START + 3 * DAY, ["rare"])
    world.api.seal()
    world.limits(max_events=9)
    assert world.client.request(START, START + MONTH).status == 201
    world.limits(max_events=3)
    assert named(world.client.request(START, START + MONTH)) == "1 day"
    assert world.client.request(START, START + MONTH, eventIds=ids(world, "event")["rare"]).status == 201
