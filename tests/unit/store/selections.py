"""Selections that hypothesis draws over a world."""

from hypothesis import strategies as st

from tailrace.model.export import Filters, Increment
from tailrace.model.window import Window
from tailrace.store.scan import Selection
from tests.unit.store.world import COLUMNS, NAMES, WAVES, World


def windows(world: World) -> st.SearchStrategy[Window]:
    """Windows whose bounds lie on and beside the instants that there are, so that both ends are tested."""
    instants = sorted({row[key] for row in world.rows for key in ("time", "session_start")})
    bounds = st.none() | st.builds(lambda at, by: at + by, st.sampled_from(instants), st.integers(-1, 1))
    return st.builds(Window, st.sampled_from(["event_time", "session_start", "available"]), bounds, bounds)


def filters() -> st.SearchStrategy[Filters]:
    """Some names and versions, one of each unknown."""
    names = st.lists(st.sampled_from([*NAMES, "never"]), max_size=2, unique=True).map(tuple)
    versions = st.lists(st.sampled_from(["1.0", "1.1", "2.0"]), max_size=2, unique=True).map(tuple)
    return st.builds(Filters, names, versions)


def increments() -> st.SearchStrategy[Increment | None]:
    """From nothing to everything."""
    seqs = st.integers(0, WAVES)
    return st.none() | st.tuples(seqs, seqs).map(lambda pair: Increment(min(pair), max(pair)))


def selections(world: World) -> st.SearchStrategy[Selection]:
    """Windows, filters, increments and columns together."""
    columns = st.lists(st.sampled_from(COLUMNS), min_size=1, unique=True)
    return st.builds(Selection, windows(world), filters(), columns, increments())
