"""New names."""

import re

from hypothesis import given
from hypothesis import strategies as st

from tailrace.model.ids import RandomIds


@given(st.integers(0, 2**50 - 1), st.integers(0, 2**50 - 1))
def test_ids_sort_by_their_time(one: int, other: int) -> None:
    """Ids of different milliseconds sort as text in the order of time, and none needs escaping in a URL or a path."""
    first, second = RandomIds().new("exp", one), RandomIds().new("exp", other)
    assert re.fullmatch(r"exp_[0-9a-hjkmnp-tv-z]{22}", first)
    if one != other:
        assert (first < second) == (one < other)


def test_ids_of_one_millisecond_differ() -> None:
    """The clock alone does not make an id."""
    assert len({RandomIds().new("seg", 1) for _ in range(1000)}) == 1000
