"""The rule of bundles, against the sentence that it follows from: every event is in one bundle of its series."""

from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from tailrace.model.bundles import Recipe, Terms, beginning, end_of
from tailrace.model.clock import DAY, HOUR, MINUTE
from tailrace.model.rows import RowShape

WIDTHS = (30 * MINUTE, 45 * MINUTE, 6 * HOUR, DAY)
NOW = 20_000 * DAY + 5 * HOUR
SPAN = 4 * DAY


def terms(width: int, history: int = 0) -> Terms:
    """Terms of which only these matter."""
    return Terms(width, 0, history, 0, RowShape(()))


@dataclass
class Series:
    """Bundles as whoever closes them makes them, and events as commits bring them: each has a time and a seq."""

    opens: int
    closes: int
    head: int = 0
    closed: int = 0
    recipes: list[Recipe] = field(default_factory=list)
    events: list[tuple[int, int]] = field(default_factory=list)

    def commit(self, times: list[int]) -> None:
        """One commit, whose events may be of any time."""
        self.head += 1
        self.events += [(time, self.head) for time in times]

    def close(self, width: int, count: int, *, crash: bool) -> None:
        """Close some bundles at the newest commit, the next with a width; a process that dies has closed none."""
        if crash:
            return
        for _ in range(count):
            self.recipes.append(Recipe(self.opens, self.closes, self.closed, self.head))
            self.opens, self.closes, self.closed = self.closes, end_of(self.closes, width), self.head


def place(series: Series, time: int, seq: int) -> int | None:
    """The later one of the bundle whose interval holds a time and the first one that knows its commit; the first bundle
    holds what is older than all. None while that one is open.
    """
    of_time = next((n for n, r in enumerate(series.recipes) if time < r.stop), None)
    of_seq = next((n for n, r in enumerate(series.recipes) if seq <= r.upto), None)
    return None if of_time is None or of_seq is None else max(of_time, of_seq)


TIMES = st.lists(st.integers(NOW - SPAN, NOW + SPAN) | st.sampled_from([0, NOW - NOW % DAY, NOW]), max_size=4)
ACTIONS = st.lists(st.tuples(TIMES, st.sampled_from(WIDTHS), st.integers(0, 6), st.booleans()), min_size=1, max_size=12)


@given(st.sampled_from(WIDTHS), ACTIONS)
def test_every_event_is_in_one_bundle(width: int, actions: list[tuple[list[int], int, int, bool]]) -> None:
    """Whatever comes late, whenever widths change and whoever dies while closing: each event is in the bundle that the
    sentence names and in no other, and in none while that is open.
    """
    begin = beginning(NOW, NOW, terms(width, DAY)) - DAY
    series = Series(begin, end_of(begin, width))
    for times, next_width, count, crash in actions:
        series.commit(times)
        series.close(next_width, count, crash=crash)
    for time, seq in series.events:
        holding = [n for n, recipe in enumerate(series.recipes) if recipe.holds(time, seq)]
        wanted = place(series, time, seq)
        assert holding == ([] if wanted is None else [wanted]), (time, seq)


@given(st.sampled_from(WIDTHS), ACTIONS)
def test_bundles_join_on_borders(width: int, actions: list[tuple[list[int], int, int, bool]]) -> None:
    """Bundles join without a seam; each ends on a border, as UTC has them, of the width that held when it began; ends
    only rise and none is longer than its width.
    """
    begin = beginning(NOW, NOW, terms(width))
    assert begin % width == 0
    series, widths = Series(begin, end_of(begin, width)), [width]
    for _, next_width, count, crash in actions:
        series.close(next_width, count, crash=crash)
        widths += [] if crash else [next_width] * count
    for recipe, following in zip(series.recipes, series.recipes[1:], strict=False):
        assert recipe.stop == following.start
    for recipe, own in zip(series.recipes, widths, strict=False):
        assert recipe.stop % own == 0
        assert 0 < recipe.stop - recipe.start <= own


@given(st.integers(0, NOW + DAY), st.sampled_from(WIDTHS), st.integers(0, 90))
def test_a_series_begins_on_a_border_and_not_too_long_ago(earliest: int, width: int, days: int) -> None:
    """It begins on the border before the earliest event, but no more than the history, and one width, back from now."""
    begin = beginning(earliest, NOW, terms(width, days * DAY))
    assert begin % width == 0
    assert NOW - days * DAY - width < begin <= NOW
    if earliest >= NOW - days * DAY:
        assert begin <= earliest or earliest > NOW
        assert min(earliest, NOW) - width < begin
