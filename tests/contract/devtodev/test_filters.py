"""Filters of custom events against a naive reading of the vendor's rules over the parameters that were sent.

The oracle looks at one event at a time with Python's own parser, and knows nothing of predicates.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tailrace.model.predicates import MOST_PREDICATES
from tailrace.surfaces.devtodev.errors import Refused
from tailrace.surfaces.devtodev.filters import OPERATORS, parse_filters
from tests.contract.devtodev.client import send
from tests.contract.devtodev.conftest import World
from tests.property.test_predicates import kept, only_params
from tests.sending import event

NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?", re.ASCII)
KEYS = ["n", "", "a.b", "é", 'q"']
TEXTS = ["", "5", "5.0", "05", " 5", "-0", "0", "1E+1", "10", "true", "abc", "Abc", "é", "9007199254740993", "\u0665"]
NUMBERS = [0, 5, 5.0, -1, 0.1, 10, 1 << 53, (1 << 53) + 1, float(1 << 53), (1 << 64) - 1, 1e300, -1e300]
SENT = [*TEXTS, *NUMBERS, True, False, None, [], [5], {"5": True}]
ASKED = [*TEXTS, *NUMBERS, True, False]


# The oracle


def holds(filters: Mapping[str, Mapping[str, Any]], params: Mapping[str, Any] | None) -> bool:
    """Whether an event fits all conditions on all parameters."""
    return all(fits(conditions, (params or {}).get(name)) for name, conditions in filters.items())


def fits(conditions: Mapping[str, Any], value: Any) -> bool:
    """Whether a parameter is there, neither null nor empty, and fits all conditions."""
    if value is None or value == "":
        return False
    return all(compare(operator, value, asked) for operator, asked in conditions.items())


def compare(operator: str, value: Any, asked: Any) -> bool:
    """One condition: in a list or not, equal or not, or by size where both read as numbers."""
    if operator in ("eq", "neq"):
        several = asked if isinstance(asked, list) else [asked]
        return any(equal(value, one) for one in several) is (operator == "eq")
    number, bound = number_of(value), number_of(asked)
    if number is None or bound is None:
        return False
    number, bound = float(number), float(bound)
    return {"gt": number > bound, "gte": number >= bound, "lt": number < bound, "lte": number <= bound}[operator]


def equal(value: Any, asked: Any) -> bool:
    """Numbers by their size, integers to the last digit; all else by what it says."""
    if isinstance(value, list | dict):
        return False
    number, other = number_of(value), number_of(asked)
    if number is None or other is None:
        return number is None and other is None and text_of(value) == text_of(asked)
    exact = isinstance(number, int) and isinstance(other, int)
    return number == other if exact else float(number) == float(other)


def number_of(value: Any) -> int | float | None:
    """What reads as a number; an integer where it is written as one."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    if not isinstance(value, str):
        return value
    if not NUMBER.fullmatch(value):
        return None
    return int(value) if value.lstrip("-").isdigit() else float(value)


def text_of(value: Any) -> str:
    """A text, or how JSON writes true and false."""
    return value if isinstance(value, str) else json.dumps(value)


def kept_by(filters: Any, events: Sequence[Mapping[str, Any] | None]) -> list[bool]:
    """Which events the predicates of a filter keep."""
    texts = [None if params is None else json.dumps(params) for params in events]
    return kept(only_params(texts), parse_filters(filters, "filters"))


# The tests

asked_values = st.sampled_from(ASKED) | st.integers(-(1 << 63), (1 << 64) - 1) | st.text(max_size=3)
asked_values |= st.floats(allow_nan=False, allow_infinity=False)
bounds = asked_values.filter(lambda value: number_of(value) is not None)
lists = st.lists(asked_values, max_size=3)
conditions = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(("gt", "gte", "lt", "lte"), bounds),
        **dict.fromkeys(("eq", "neq"), asked_values | lists),
    },
)
filter_objects = st.dictionaries(st.sampled_from(KEYS[:3]), conditions, max_size=3)
sent_values = st.sampled_from(SENT) | asked_values
sent_params = st.none() | st.dictionaries(st.sampled_from(KEYS), sent_values, max_size=4)


@settings(max_examples=150)
@given(filter_objects, st.lists(sent_params, min_size=1, max_size=8))
def test_filters_mean_what_the_document_says(filters: Any, events: list[Any]) -> None:
    """Any filters keep just the events that the naive reading keeps, whatever was sent."""
    assert kept_by(filters, events) == [holds(filters, params) for params in events]


def test_every_value_by_every_operator() -> None:
    """Each value of the pools against each value that may be asked for, alone and in a list, by each operator."""
    events: list[dict[str, Any] | None] = [*({"n": value} for value in SENT), {}, None]
    for operator in OPERATORS:
        for asked in ASKED:
            for operand in (asked, [asked]) if operator in ("eq", "neq") else (asked,):
                if operator not in ("eq", "neq") and number_of(operand) is None:
                    continue
                filters: dict[str, dict[str, Any]] = {"n": {operator: operand}}
                assert kept_by(filters, events) == [holds(filters, one) for one in events], filters


@pytest.mark.parametrize(
    ("conditions", "kept"),
    [
        ({}, [5, "5", "a", False, [1]]),
        ({"neq": 5}, ["a", False, [1]]),
        ({"neq": [5, "a"]}, [False, [1]]),
        ({"neq": []}, [5, "5", "a", False, [1]]),
        ({"eq": []}, []),
        ({"eq": ""}, []),
        ({"eq": "5.0"}, [5, "5"]),
        ({"lte": 10, "gt": "4", "neq": 8}, [5, "5"]),
        ({"lt": 5}, []),
        ({"eq": ["a", "b", "c"]}, ["a"]),
    ],
)
def test_the_rules_one_by_one(conditions: Any, kept: list[Any]) -> None:
    """What is missing, null or empty fits nothing, `neq` neither; `{}` is all that is there; operators add up; texts
    that read as numbers are numbers.
    """
    sent = [5, "5", "a", False, [1], "", None]
    found = kept_by({"n": conditions}, [{"n": value} for value in sent] + [{}, None])
    assert [value for value, there in zip([*sent, "no n", "no params"], found, strict=True) if there] == kept


def test_what_is_beyond_a_double() -> None:
    """An integer that no number of ours holds is the nearest one that does; a text beyond all of them is a text."""
    assert kept_by({"n": {"lt": 10**400}}, [{"n": 1e300}]) == [True]
    assert kept_by({"n": {"gt": -(10**400)}}, [{"n": 5}]) == [True]
    assert kept_by({"n": {"eq": 10**25}}, [{"n": 1e25}, {"n": "1e25"}, {"n": 1e24}]) == [True, True, False]
    assert kept_by({"n": {"eq": "1e999"}}, [{"n": "1e999"}, {"n": "1e998"}]) == [True, False]
    with pytest.raises(Refused) as caught:
        parse_filters({"n": {"gt": "1e999"}}, "filters")
    assert caught.value.gaps == ("filters.n.gt", "string", "number")


def test_filters_have_a_size() -> None:
    """More conditions than the engine takes at once are refused as a wrong type is."""
    few = {str(n): {"gt": 1} for n in range(MOST_PREDICATES // 3)}
    assert len(parse_filters(few, "filters")) == 3 * len(few)
    with pytest.raises(Refused) as caught:
        parse_filters(few | {"x": {"gt": 1}, "y": {}}, "filters")
    assert (caught.value.code, caught.value.gaps[0]) == (5, "filters")


def test_a_filter_goes_to_the_report(world: World) -> None:
    """Over HTTP: the file of an alias has the events that the naive reading keeps of those that were sent."""
    sent = [{"n": n, "mode": mode} for n in (1, "2", 3.5, None) for mode in ("a", "b", "", None)]
    at = (world.start + 7200) * 1000
    world.api.send(*(event("shot", at + n * 1000, params=params, session="shots") for n, params in enumerate(sent)))
    world.api.seal()
    filters = {"n": {"gt": 1, "lte": "3.5"}, "mode": {}}
    expected = sorted(f"{one['n']}{one['mode']}" for one in sent if holds(filters, one))
    element = {"name": "shot", "filters": filters, "alias": "hard"}
    asked = world.client.set_job(world.start, world.start + 10_800, [element])
    assert asked.status == 200, asked.body
    result = world.client.wait(asked.document["data"])
    files = world.client.fetch(world.start, world.start + 10_800, [element])
    assert files is not None
    assert sorted(row["n"] + row["mode"] for row in files["hard"]) == expected
    assert len(expected) == 4
    assert send("GET", result["url"]).status == 200
