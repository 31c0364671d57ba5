"""Selections that hypothesis draws over a history."""

from collections.abc import Sequence

from hypothesis import strategies as st

from tailrace.model.export import Filters, Increment
from tailrace.model.predicates import OPS, ORDERINGS, Op, Predicate, Value
from tailrace.model.window import Window
from tailrace.store.scan import Selection
from tests.unit.store.history import COLUMNS, MIXED, NAMES, WAVES, History


def windows(history: History) -> st.SearchStrategy[Window]:
    """Windows whose bounds lie on and beside the instants that there are, so that both ends are tested."""
    instants = sorted({row[key] for row in history.rows for key in ("time", "session_start")})
    bounds = st.none() | st.builds(lambda at, by: at + by, st.sampled_from(instants), st.integers(-1, 1))
    return st.builds(Window, st.sampled_from(["event_time", "session_start", "available"]), bounds, bounds)


def filters(history: History) -> st.SearchStrategy[Filters]:
    """Some names and versions, one of each unknown, and predicates."""
    names = st.lists(st.sampled_from([*NAMES, "never"]), max_size=2, unique=True).map(tuple)
    versions = st.lists(st.sampled_from(["1.0", "1.1", "2.0"]), max_size=2, unique=True).map(tuple)
    where = st.lists(predicates(history), max_size=2).map(tuple)
    return st.builds(Filters, names, versions, where)


def predicates(history: History) -> st.SearchStrategy[Predicate]:
    """On parameters and on fields of both grains, stored and derived, with values that there are and others."""
    on_param = st.sampled_from(["n", "t", "no"]).flatmap(lambda name: conditions(name, None, OPS, scalars()))
    fields = st.sampled_from(COLUMNS).filter(lambda name: name != "params")
    return (
        on_param
        | fields.flatmap(lambda name: on_field(history, name))
        | conditions(None, "params", ("contains",), texts())
    )


def on_field(history: History, name: str) -> st.SearchStrategy[Predicate]:
    """A predicate on a field, as its type allows."""
    known = sorted({row[name] for row in history.rows if row[name] is not None})
    beside = [value + by for value in known for by in (-1, 1)] if type(known[0]) in (int, float) else []
    left_out = {bool: {*ORDERINGS, "contains"}, str: set()}.get(type(known[0]), {"contains"})
    return conditions(None, name, [op for op in OPS if op not in left_out], st.sampled_from([*known, *beside]))


def conditions(
    param: str | None, field: str | None, ops: Sequence[Op], values: st.SearchStrategy[Value]
) -> st.SearchStrategy[Predicate]:
    """Predicates with one of these ops and values that it can have."""

    def asked(op: Op) -> st.SearchStrategy[Predicate]:
        one = values.filter(lambda value: op not in ORDERINGS or not isinstance(value, bool))
        some: dict[Op, st.SearchStrategy[tuple[Value, ...]]] = {
            "exists": st.booleans().map(lambda value: (value,)),
            "contains": st.lists(values.map(str), min_size=1, max_size=2).map(tuple),
            "eq": st.lists(values, min_size=1, max_size=2).map(tuple),
            "neq": st.lists(values, min_size=1, max_size=2).map(tuple),
        }
        return some.get(op, one.map(lambda value: (value,))).map(lambda found: Predicate(param, field, op, found))

    return st.sampled_from(ops).flatmap(asked)


def scalars() -> st.SearchStrategy[Value]:
    """What parameters hold, and what is near it."""
    return st.sampled_from([*(value for value in MIXED if isinstance(value, str | int | float)), "o", "true", 4, 6.5])


def texts() -> st.SearchStrategy[Value]:
    """Pieces of the texts of parameters."""
    return st.sampled_from(['"n": 5', "5, 6", "go", "{", "ä", "\\u00e4", "never"])


def increments() -> st.SearchStrategy[Increment | None]:
    """From nothing to everything."""
    seqs = st.integers(0, WAVES)
    return st.none() | st.tuples(seqs, seqs).map(lambda pair: Increment(min(pair), max(pair)))


def selections(history: History) -> st.SearchStrategy[Selection]:
    """Windows, filters, increments and columns together."""
    columns = st.lists(st.sampled_from(COLUMNS), min_size=1, unique=True)
    return st.builds(Selection, windows(history), filters(history), columns, increments())
