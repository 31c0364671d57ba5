"""Turns: spaces share the workers by weight, not by how much they ask for."""

from collections import Counter
from itertools import pairwise

import pytest

from tailrace.accounts.lookup import scope_of_app
from tailrace.model.access import Scope
from tailrace.wiring import House
from tests.unit.jobs.doing import add, back, end, take, taken, weigh


@pytest.fixture
def tides(house: House) -> Scope:
    """A second app of the first space."""
    return scope_of_app(house.database, "app_tides")


def served(house: House, times: int) -> list[int]:
    """The spaces of the next so many claims."""
    return [taken(house).space for _ in range(times)]


def many(house: House, scope: Scope, times: int, name: str = "e") -> None:
    """So many jobs of one app."""
    add(house, scope, *(f"{name}-{scope.app}-{number}" for number in range(times)))


def test_spaces_take_turns(queue: House, scope: Scope, other: Scope) -> None:
    """A hundred jobs that one space has queued before do not keep another's waiting: they alternate."""
    many(queue, scope, 100)
    many(queue, other, 5)
    order = served(queue, 12)
    assert order[:10] == [scope.space, other.space] * 5
    assert order[10:] == [scope.space] * 2


def test_apps_of_a_space_share_its_turns(queue: House, scope: Scope, tides: Scope, other: Scope) -> None:
    """Two apps bring a space no more than one."""
    for app in (scope, tides, other):
        many(queue, app, 10)
    assert Counter(served(queue, 10)) == {scope.space: 5, other.space: 5}


def test_a_heavier_space_is_served_more_often(queue: House, scope: Scope, other: Scope) -> None:
    """Weight 3 beside weight 1: three turns of four, spread out."""
    weigh(queue, scope, 3)
    many(queue, scope, 30)
    many(queue, other, 30)
    order = served(queue, 32)
    assert Counter(order) == {scope.space: 24, other.space: 8}
    gaps = [place for place, space in enumerate(order) if space == other.space]
    assert {later - earlier for earlier, later in pairwise(gaps)} == {4}


def test_a_space_that_was_idle_hoards_nothing(queue: House, scope: Scope, other: Scope) -> None:
    """Fifty turns that nobody else wanted do not have to be made up for when another space comes."""
    many(queue, scope, 60)
    assert set(served(queue, 50)) == {scope.space}
    many(queue, other, 10)
    assert Counter(served(queue, 10)) == {scope.space: 5, other.space: 5}


def test_a_space_that_comes_back_hoards_nothing(queue: House, scope: Scope, other: Scope) -> None:
    """It took part, fell silent for long, and comes back: it is next, and from then on they alternate."""
    many(queue, scope, 60)
    many(queue, other, 1)
    served(queue, 50)
    many(queue, other, 10, "late")
    order = served(queue, 9)
    assert Counter(order) == {scope.space: 4, other.space: 5}
    assert order[0] == other.space


def test_lanes_have_turns_of_their_own(queue: House, scope: Scope, other: Scope) -> None:
    """What a space uses of one lane does not count in another."""
    for app in (scope, other):
        add(queue, app, *(f"sweep-{app.app}-{number}" for number in range(4)), lane="delivery")
    many(queue, scope, 10)
    served(queue, 10)
    assert [taken(queue, lane="delivery").space for _ in range(4)] == [scope.space, other.space] * 2


def test_the_weight_of_a_space_may_change_at_any_time(queue: House, scope: Scope, other: Scope) -> None:
    """A space that becomes lighter after long service is not made to wait for what it had before."""
    weigh(queue, scope, 1000)
    many(queue, scope, 220)
    many(queue, other, 20)
    served(queue, 200)
    weigh(queue, scope, 1)
    assert Counter(served(queue, 10)).most_common(1)[0][1] <= 6


def test_a_job_given_back_goes_by_turns_again(queue: House, scope: Scope, other: Scope) -> None:
    """It is the next of its own space, as its oldest, after the other space's turn."""
    many(queue, scope, 2)
    many(queue, other, 2)
    first = taken(queue)
    back(queue, first)
    following = [taken(queue), taken(queue)]
    assert [job.space for job in following] == [other.space, scope.space]
    assert following[1].number == first.number


def test_all_jobs_of_all_spaces_are_served(queue: House, scope: Scope, other: Scope) -> None:
    """Turns decide the order only."""
    many(queue, scope, 7)
    many(queue, other, 3)
    for _ in range(10):
        end(queue, taken(queue))
    assert take(queue) is None
