"""Tables that a request names, against a naive reading of what was sent."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
from msgspec.structs import replace

from tailrace.exports import cells
from tailrace.exports.forms import check_form
from tailrace.exports.plan import make_plan
from tailrace.model.clock import DAY
from tailrace.model.errors import Invalid
from tailrace.model.export import ExportRequest
from tailrace.model.predicates import Predicate
from tailrace.model.rows import Column, RowShape
from tailrace.model.tables import Table
from tests.sending import T0, Row, event, seal, send
from tests.unit.exports.histories import Store, Told

FORM: dict[str, Any] = {"shape": "tables", "split": "event", "format": "csv", "packing": "zip"}
SHAPE = RowShape((Column("id", ("id",)), Column("n", ("params",), "member", key="n")))
OTHER = RowShape((Column("id", ("id",)),), spread="params")
USERS = RowShape((Column("actor", ("actor",)),), row="user")


def param(name: str, op: Any, *values: Any) -> Predicate:
    """A condition on a parameter."""
    return Predicate(name, None, op, values)


TABLES = (
    Table("all", ("go", "buy"), (), SHAPE),
    Table("few", ("go",), (param("n", "gte", 4),), SHAPE),
    Table("as few", ("buy", "start"), (param("n", "gte", 4),), OTHER),  # asks what another table asks
    Table("fewer", ("go",), (param("n", "gte", 4), param("n", "neq", 6)), OTHER),
    Table("valued", ("go", "start"), (Predicate(None, "value", "gt", (0.5,)),), OTHER),
    Table("both", ("buy",), (Predicate(None, "value", "exists", (True,)), param("a", "exists", True)), SHAPE),
    Table("at", ("start",), (Predicate(None, "country", "eq", ("DE",)), param("n", "lt", 5)), SHAPE),
    Table("none", ("go",), (param("n", "gt", 100),), SHAPE),
)
# What all of them ask, wherever it stands, is asked of all that is read.
COMMON = (param("n", "gte", 2), Predicate(None, "country", "exists", (True,)))
ALIKE = tuple(
    replace(table, where=(*COMMON, *table.where) if place % 2 else (*reversed(COMMON), *table.where))
    for place, table in enumerate(TABLES)
)


def holds(row: Row, predicate: Predicate) -> bool:
    """What a predicate of these means."""
    value = row.get("params", {}).get(predicate.param) if predicate.param else row.get(predicate.field or "")
    bound = predicate.values[0]
    match predicate.op:
        case "exists":
            return value is not None
        case "eq":
            return value == bound
        case "neq":
            return value != bound
        case "gt":
            return value is not None and value > bound
        case "gte":
            return value is not None and value >= bound
        case _:
            return value is not None and value < bound


@pytest.mark.parametrize(("tables", "common"), [(TABLES, ()), (ALIKE, COMMON)], ids=["apart", "alike"])
@pytest.mark.parametrize("seed", range(2))
def test_each_table_holds_what_its_conditions_say(
    told: Told, seed: int, tables: Sequence[Table], common: Sequence[Predicate]
) -> None:
    """Tables may hold the same events, one may hold several names, conditions are of parameters, events and sessions;
    users are those of any table.
    """
    store = told(seed)
    sessions = {row["id"]: row["country"] for row in store.rows(columns=("id", "country")) if "country" in row}
    sent = [row | {"country": sessions.get(row["id"])} for row in store.sent]
    assert set(replace(store.everything(**FORM), tables=tables).reading.where) == set(common)
    _, found = store.contents(**FORM, tables=tables, users=USERS)
    rows = {one.entry["key"]: one.rows for one in found if one.entry["of"] == "rows"}
    actors = set()
    for table in tables:
        wanted = [r for r in sent if r["event"] in table.events and all(holds(r, p) for p in table.where)]
        actors |= {row["device_id"] for row in wanted}
        assert Counter(row["id"] for row in rows.get(table.name, [])) == Counter(row["id"] for row in wanted), table
        for row in rows.get(table.name, []) if table.row_shape == SHAPE else ():
            (one,) = (r for r in wanted if r["id"] == row["id"])
            assert row.get("n", "") == str(one.get("params", {}).get("n", ""))
    assert "none" not in rows
    assert {row["actor"] for one in found if one.entry["of"] == "users" for row in one.rows} == actors


def test_conditions_that_python_takes_for_equal_are_not(store: Store) -> None:
    """`true` is no number, whichever of two tables asks first, and of a pair of them neither is asked of all."""
    sent = {"yes": True, "one": 1, "float": 1.0, "text": "1"}
    for name, flag in sent.items():
        send(store.house, store.scope, [event("go", T0, device=name, session=name, params={"n": flag})])
    seal(store.house, store.scope)
    values: tuple[Any, ...] = (True, 1, True)
    tables = tuple(Table(f"{place}", ("go",), (param("n", "eq", value),), SHAPE) for place, value in enumerate(values))
    assert replace(store.everything(**FORM), tables=tables).reading.where == ()
    for some in (tables[:2], tables[1:], tables):
        _, found = store.contents(**FORM, tables=some, users=USERS)
        tabled = [one for one in found if one.entry["of"] == "rows"]
        ids = {one.entry["key"]: {row["id"].split("/")[0] for row in one.rows} for one in tabled}
        assert ids == {
            one.name: {"yes"} if one.where[0].values[0] is True else {"one", "float", "text"} for one in some
        }


def test_segments_without_the_parameter_are_not_read(store: Store) -> None:
    """A condition on a parameter leaves out what statistics say cannot match, and a single table's is judged by the
    scan; a condition that a missing parameter meets leaves out nothing.
    """
    for n, params in enumerate(({"n": 5}, {"m": 5}, {"n": 1, "m": 1})):
        send(store.house, store.scope, [event("go", T0 + n, session=f"s{n}", params=params)])
        seal(store.house, store.scope)
    segments = store.segments()

    def read(*where: Predicate, more: tuple[Table, ...] = ()) -> list[int]:
        asked = replace(store.everything(**FORM), tables=(Table("go", ("go",), where, SHAPE), *more))
        plan = make_plan(asked, segments, {s.added_seq: 0 for s in segments}, None)
        assert not more or plan.selection.filters.where == ()
        return [s.added_seq for piece in plan.slices for s in piece.segments]

    assert read() == [1, 2, 3]
    assert read(param("n", "eq", 5)) == [1, 3]
    assert read(param("n", "gt", 0), param("m", "exists", True)) == [3]
    assert read(param("n", "neq", 5)) == [1, 2, 3]
    assert read(param("n", "exists", False)) == [1, 2, 3]
    assert read(param("n", "eq", 5), more=(Table("x", ("go",), (param("m", "eq", 5),), SHAPE),)) == [1, 2, 3]
    assert read(param("n", "eq", 5), more=(Table("x", ("stop",), (), SHAPE),)) == [1, 3]


@pytest.mark.parametrize(
    "wrong", [{"format": "json"}, {"packing": "gzip"}, {"shape": "events", "split": "single"}, {"columns": ("id",)}]
)
def test_forms_that_tables_do_not_have(store: Store, wrong: dict[str, Any]) -> None:
    """They are files of a CSV archive, and bring their own columns and events."""
    asked: ExportRequest = store.everything(**FORM, tables=TABLES)
    check_form(asked)
    with pytest.raises(Invalid):
        check_form(replace(asked, **wrong))
    with pytest.raises(Invalid):
        check_form(replace(asked, tables=(Table("x", (), (), SHAPE),)))


def test_cells() -> None:
    """What columns make of odd values: fractions, times before 1970, what is missing, empty or of another type."""
    import pyarrow as pa

    assert cells.whole(pa.array([1999, -1, None, DAY])).to_pylist() == [1, -1, None, 86_400]
    assert cells.span(pa.array([60_000, 59_500, 1, None, 0])).to_pylist() == ["60", "59.5", "0.001", None, "0"]
    assert cells.flag(pa.array([True, False, None])).to_pylist() == [1, 0, 0]
    assert cells.flag(pa.array(["true", "false", '"x"', None])).to_pylist() == [1, 0, 0, 0]
    assert cells.words(pa.array(["true", "false", None]), ("no", "yes")).to_pylist() == ["yes", "no", "yes"]
    objects = pa.array(['{"a": 1, "ö": 2.50}', "{}", None, '{"x": null, "y": "z"}'])
    assert cells.amounts(objects).to_pylist() == ["a: 1, ö: 2.50", None, None, "y: z"]
    times = pa.array(['"1970-01-01T00:00:01Z"', '"soon"', "5", None])
    assert cells.instants(times).to_pylist() == [1000, None, None, None]
    assert cells.lists(pa.array(['["a","b, c"]', "[]", "[1]", None])).to_pylist() == ["a,b, c", None, None, None]
    assert cells.masked(pa.array(["::ffff:203.0.113.9", "10.0.0.255", ""])).to_pylist() == ["::", "10.0.0.0", None]
