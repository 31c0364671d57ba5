"""Windows against counting on one's fingers."""

from hypothesis import given
from hypothesis import strategies as st

from tailrace.model.window import AXES, Window

bounds = st.none() | st.integers(-4, 14)
low_high = st.tuples(st.integers(0, 9), st.integers(0, 9)).map(sorted)


def inside(window: Window, instant: int) -> bool:
    """The definition: at or after the start, before the end."""
    after = window.start is None or instant >= window.start
    return after and (window.end is None or instant < window.end)


@given(st.sampled_from(AXES), bounds, bounds, low_high)
def test_touches_and_covers_are_any_and_all(axis: str, start: int | None, end: int | None, span: list[int]) -> None:
    """A window covers a span if all of its instants are inside, and never misses one that has some inside.

    `touches` may say yes without reason only for a window that holds nothing.
    """
    window = Window(axis, start, end)  # type: ignore[arg-type]
    instants = [inside(window, instant) for instant in range(span[0], span[1] + 1)]
    assert window.covers(*span) == all(instants)
    if start is None or end is None or start < end:
        assert window.touches(*span) == any(instants)
    else:
        assert not any(instants)
