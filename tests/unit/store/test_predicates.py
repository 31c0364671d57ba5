"""Predicates on tables, op by op and kind by kind."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from tailrace.model.fields import FIELDS
from tailrace.model.predicates import parse_predicates
from tailrace.store.predicates import keep, matching, needed_columns, split
from tailrace.store.schema import arrow_type

# One row per value of the parameter p, as it was sent; the first two rows have none.
SENT = (
    None,
    "null",
    "5",
    "5.0",
    "50e-1",
    "-0.0",
    '"5"',
    '"5.00"',
    '" 5"',
    "true",
    '"true"',
    "false",
    '"abc"',
    '"\\u0061bd"',
    '""',
    "[5, 6]",
    '{"a": "abc"}',
    "1e400",
    '"-1e400"',
    "9007199254740993",
    "9007199254740993.0",
    '"é"',
)
BIG = 9007199254740993


def on_param(op: str, value: Any) -> set[str | None]:
    """The sent values that match."""
    params = pa.array([None if raw is None else f'{{"x": "p", "p": {raw}}}' for raw in SENT])
    predicates = parse_predicates([{"param": "p", "op": op, "value": value}])
    return {raw for raw, kept in zip(SENT, matching(predicates, pa.table({"params": params})), strict=True) if kept}


@pytest.mark.parametrize(
    ("op", "value", "expected"),
    [
        ("exists", True, set(SENT) - {None, "null"}),
        ("exists", False, {None, "null"}),
        ("eq", 5, {"5", "5.0", "50e-1", '"5"', '"5.00"'}),
        ("eq", "5", {"5", '"5"'}),
        ("eq", "5.0", {"5.0"}),
        ("eq", 0, {"-0.0"}),
        ("eq", True, {"true", '"true"'}),
        ("eq", "true", {"true", '"true"'}),
        ("eq", "abd", {'"\\u0061bd"'}),
        ("eq", "", {'""'}),
        ("eq", ["", 5.0, False], {'""', "5", "5.0", "50e-1", '"5"', '"5.00"', "false"}),
        ("eq", BIG, {"9007199254740993", "9007199254740993.0"}),
        ("eq", BIG - 1, {"9007199254740993.0"}),
        ("eq", float(BIG), {"9007199254740993", "9007199254740993.0"}),
        ("eq", "[5, 6]", set()),
        ("neq", 5, set(SENT) - {"5", "5.0", "50e-1", '"5"', '"5.00"'}),
        ("neq", ["abc", True], set(SENT) - {'"abc"', "true", '"true"'}),
        ("gt", 5, {"1e400", "9007199254740993", "9007199254740993.0"}),
        ("gte", 5, {"5", "5.0", "50e-1", '"5"', '"5.00"', "1e400", "9007199254740993", "9007199254740993.0"}),
        ("lt", 5, {"-0.0", '"-1e400"'}),
        ("lte", 0, {"-0.0", '"-1e400"'}),
        ("gt", "abc", {'"\\u0061bd"', '"true"', '"é"'}),
        ("gte", "abc", {'"abc"', '"\\u0061bd"', '"true"', '"é"'}),
        ("lt", "5", {'""', '" 5"', '"-1e400"'}),
        ("lte", "", {'""'}),
        ("contains", "ab", {'"abc"', '"\\u0061bd"', '{"a": "abc"}'}),
        ("contains", ["5, 6", "é"], {"[5, 6]", '"é"'}),
        ("contains", "ru", {"true", '"true"'}),
        ("contains", "", set(SENT) - {None, "null"}),
        ("contains", '"', {'{"a": "abc"}'}),
    ],
)
def test_a_parameter_of_any_type(op: str, value: Any, expected: set[str | None]) -> None:
    """Each op keeps just these of the values of all types: mixed data is no error."""
    assert on_param(op, value) == expected


COLUMNS: dict[str, list[Any]] = {
    "event": ["a", "B", "é", "", None, "5"],
    "level": [1, 2, (1 << 53) + 1, -1, None, 5],
    "amount": [1.5, -0.0, 1e308, -2.5, None, 5.0],
    "is_paying": [True, False, True, False, None, True],
    "time": [0, 1000, 2000, -1, None, 3000],
    "page_properties": ['{"a": 1}', "{}", '{"é": "x"}', '{"b": {}}', None, '{"a": 2}'],
}


@pytest.mark.parametrize(
    ("field", "op", "value", "expected"),
    [
        ("event", "eq", ["a", "5"], [0, 5]),
        ("event", "neq", "a", [1, 2, 3, 4, 5]),
        ("event", "lt", "a", [1, 3, 5]),
        ("event", "contains", "", [0, 1, 2, 3, 5]),
        ("event", "exists", False, [4]),
        ("level", "eq", [2.0, 2.5, 1 << 63], [1]),
        ("level", "eq", 1 << 53, []),
        ("level", "neq", 5, [0, 1, 2, 3, 4]),
        ("level", "gt", 1 << 53, [2]),
        ("level", "lt", (1 << 64) - 1, [0, 1, 2, 3, 5]),
        ("level", "gt", 1.5, [1, 2, 5]),
        ("level", "gte", 1.5, [1, 2, 5]),
        ("level", "lt", -0.5, [3]),
        ("level", "lte", 1e300, [0, 1, 2, 3, 5]),
        ("amount", "eq", [0, 5], [1, 5]),
        ("amount", "gte", 1, [0, 2, 5]),
        ("amount", "exists", True, [0, 1, 2, 3, 5]),
        ("is_paying", "eq", True, [0, 2, 5]),
        ("is_paying", "eq", [True, False], [0, 1, 2, 3, 5]),
        ("is_paying", "neq", True, [1, 3, 4]),
        ("time", "gte", "1970-01-01T00:00:01Z", [1, 2, 5]),
        ("time", "lt", 0, [3]),
        ("page_properties", "contains", ['"a"', "é"], [0, 2, 5]),
        ("page_properties", "exists", True, [0, 1, 2, 3, 5]),
    ],
)
def test_a_field_of_each_kind(field: str, op: str, value: Any, expected: list[int]) -> None:
    """Each op keeps just these rows of a field, exactly also where doubles would not do; null is missing."""
    table = pa.table({name: pa.array(values, arrow_type(FIELDS[name])) for name, values in COLUMNS.items()})
    mask = matching(parse_predicates([{"field": field, "op": op, "value": value}]), table)
    assert np.flatnonzero(mask).tolist() == expected


def test_predicates_of_both_grains_are_a_conjunction() -> None:
    """A session's field counts for all its events, also when fragments hold none; nothing else is read."""
    predicates = parse_predicates(
        [
            {"field": "country", "op": "eq", "value": "DE"},
            {"param": "n", "op": "gte", "value": 2},
            {"field": "event", "op": "neq", "value": "x"},
            {"param": "n", "op": "lt", "value": 5},
        ]
    )
    fragments = pa.table({"country": ["DE", "FR", "DE"]})
    events = pa.table({"params": [f'{{"n":{n}}}' for n in range(6)], "event": ["a", "a", "a", "x", "a", "a"]})
    mask = keep(predicates, fragments, pa.array([0, 0, 0, 2, 2, 1], pa.int32()), events)
    assert np.flatnonzero(mask).tolist() == [2, 4]
    assert needed_columns(predicates) == {"country", "params", "event"}
    assert [[p.field or p.param for p in part] for part in split(predicates)] == [["country"], ["n", "event", "n"]]


def test_nothing_asked_keeps_everything_and_nothing_there_is_no_error() -> None:
    """No predicates keep all; tables without rows, or without a chunk, give an empty mask."""
    events = pa.table({"params": ["{}", None]})
    fragments = pa.table({"country": ["DE"]})
    assert keep([], fragments, pa.array([0, 0]), events).tolist() == [True, True]
    predicates = parse_predicates([{"param": "a", "op": "neq", "value": 1}, {"field": "country", "op": "exists"}])
    none = pa.array([], pa.int32())
    assert keep(predicates, fragments, none, events.slice(0, 0)).tolist() == []
    empty = pa.table({"params": pa.chunked_array([], pa.string())})
    assert keep(predicates[:1], fragments, none, empty).tolist() == []
