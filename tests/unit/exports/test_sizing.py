"""Which window is named to somebody who asks for too much."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailrace.exports.sizing import best_offer
from tailrace.model.clock import DAY
from tailrace.model.policy import LIMITS, Limit, Policy, register

WEEK = 7 * DAY


@given(st.dictionaries(st.integers(0, 40), st.integers(0, 50), max_size=12), st.integers(1, 100))
def test_a_week_is_named_only_if_each_would_do(events: dict[int, int], most: int) -> None:
    """Every window of a week, wherever in a day it begins, touches eight days: the week is named just if any eight in a
    row hold little enough.
    """
    whole = [sum(events.get(day, 0) for day in range(first, first + 8)) for first in range(-8, 50)]
    wanted = WEEK if max(whole) <= most else DAY
    assert best_offer(events, Policy(max_events=most, offers=(DAY, WEEK))) == wanted


def test_a_dialect_cannot_take_the_name_of_another_limit() -> None:
    """Registering twice is fine, another limit of the same name is not."""
    known = LIMITS["exports.max_running"]
    register([known])
    with pytest.raises(ValueError, match="another limit"):
        register([Limit(known.name, 1, "exports", "Another.")])
    assert LIMITS["exports.max_running"] is known
