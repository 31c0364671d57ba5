"""Predicates at the door: what makes sense, what is refused, and what is said of it."""

from typing import Any

import msgspec
import pytest

from tailrace.model.errors import Invalid
from tailrace.model.fields import FIELDS
from tailrace.model.predicates import MOST_PARTS, MOST_PREDICATES, MOST_VALUES, OPS, Predicate, parse_predicates

SENSIBLE: list[dict[str, Any]] = [
    {"param": "level", "op": "gt", "value": 5},
    {"param": "level", "op": "eq", "value": ["5", 5, 5.5, True, False, "", -0.0, 1 << 53, (1 << 64) - 1, -(1 << 63)]},
    {"param": "", "op": "neq", "value": 'a "key" of \x00 any kind 😀'},
    {"param": "name", "op": "lte", "value": "m"},
    {"param": "coins", "op": "exists", "value": False},
    {"param": "list", "op": "contains", "value": ["a", "b"]},
    {"field": "country", "op": "eq", "value": ["DE", "FR"]},
    {"field": "level", "op": "gte", "value": 1.5},
    {"field": "amount", "op": "lt", "value": -3},
    {"field": "is_paying", "op": "neq", "value": True},
    {"field": "time", "op": "gte", "value": "2026-01-02T03:04:05.678Z"},
    {"field": "time", "op": "exists", "value": True},
    {"field": "session_properties", "op": "contains", "value": '"vip":true'},
]
REFUSED: list[tuple[dict[str, Any], str, str]] = [
    ({"op": "eq", "value": 1}, "", "either a param or a field"),
    ({"param": "a", "field": "country", "op": "eq", "value": "x"}, "", "either a param or a field"),
    ({"param": "a", "op": "eq", "value": 1, "valeu": 2}, ".valeu", "no such key"),
    ({"param": 7, "op": "eq", "value": 1}, ".param", "must be text"),
    ({"param": "\ud800", "op": "eq", "value": 1}, ".param", "must be text"),
    ({"field": "contry", "op": "eq", "value": "DE"}, ".field", "there is no field 'contry'"),
    ({"param": "a", "value": 1}, ".op", "one of eq, neq"),
    ({"param": "a", "op": "like", "value": 1}, ".op", "one of eq, neq"),
    ({"param": "a", "op": ["eq"], "value": 1}, ".op", "one of eq, neq"),
    ({"field": "level", "op": "contains", "value": "5"}, ".op", "kind int"),
    ({"field": "is_paying", "op": "gt", "value": True}, ".op", "eq, neq, exists"),
    ({"field": "params", "op": "eq", "value": "{}"}, ".op", "exists, contains"),
    ({"param": "a", "op": "eq"}, ".value", "is needed"),
    ({"param": "a", "op": "eq", "value": None}, ".value", "exists"),
    ({"param": "a", "op": "eq", "value": []}, ".value", "empty list"),
    ({"param": "a", "op": "eq", "value": {"b": 1}}, ".value", "text, a number, true or false"),
    ({"param": "a", "op": "eq", "value": [1, None]}, ".value[1]", "text, a number, true or false"),
    ({"param": "a", "op": "eq", "value": "\udc00"}, ".value", "surrogate"),
    ({"param": "a", "op": "eq", "value": float("nan")}, ".value", "finite"),
    ({"param": "a", "op": "gt", "value": float("inf")}, ".value", "finite"),
    ({"param": "a", "op": "eq", "value": 1 << 64}, ".value", "64 bits"),
    ({"param": "a", "op": "eq", "value": -(1 << 63) - 1}, ".value", "64 bits"),
    ({"param": "a", "op": "gt", "value": [5]}, ".value", "not a list"),
    ({"param": "a", "op": "gt", "value": True}, ".value", "number or text"),
    ({"param": "a", "op": "contains", "value": 5}, ".value", "must be text"),
    ({"param": "a", "op": "contains", "value": ["a"] * (MOST_PARTS + 1)}, ".value", f"at most {MOST_PARTS}"),
    ({"param": "a", "op": "exists", "value": "yes"}, ".value", "true or false"),
    ({"param": "a", "op": "exists", "value": [True]}, ".value", "true or false"),
    ({"field": "country", "op": "eq", "value": 5}, ".value", "must be text"),
    ({"field": "level", "op": "eq", "value": "5"}, ".value", "must be a number"),
    ({"field": "level", "op": "eq", "value": True}, ".value", "must be a number"),
    ({"field": "is_paying", "op": "eq", "value": "true"}, ".value", "true or false"),
    ({"field": "time", "op": "gt", "value": "yesterday"}, ".value", "ISO 8601"),
    ({"field": "time", "op": "gt", "value": "2026-01-02T03:04:05"}, ".value", "offset"),
    ({"field": "time", "op": "gt", "value": 1.5}, ".value", "milliseconds"),
    ({"field": "time", "op": "gt", "value": True}, ".value", "milliseconds"),
    ({"field": "time", "op": "gt", "value": 1 << 60}, ".value", "years 1 and 9999"),
]


def typed(predicate: Predicate) -> tuple[object, ...]:
    """A predicate with the types of its values: 1, 1.0 and True are equal in Python, and not here."""
    return (predicate, *(type(value) for value in predicate.values))


@pytest.mark.parametrize("raw", SENSIBLE)
def test_what_makes_sense_can_be_stored_and_asked_again(raw: dict[str, Any]) -> None:
    """A predicate survives its JSON in the database with the types of its values, and says what was asked."""
    (predicate,) = parse_predicates([raw])
    stored = msgspec.json.decode(msgspec.json.encode(predicate), type=Predicate)
    assert typed(stored) == typed(predicate)
    assert msgspec.json.encode(stored.document()) == msgspec.json.encode(raw)
    assert typed(parse_predicates([stored.document()])[0]) == typed(predicate)


@pytest.mark.parametrize(("raw", "where", "why"), REFUSED)
def test_what_makes_no_sense_is_refused_with_its_path(raw: dict[str, Any], where: str, why: str) -> None:
    """The error names the predicate and its key, and says what to do."""
    with pytest.raises(Invalid) as refused:
        parse_predicates([{"param": "fine", "op": "exists"}, raw])
    assert refused.value.where == f"filters.where[1]{where}"
    assert why in refused.value.why


def test_the_path_is_the_callers() -> None:
    """A surface with other words for the list gets its own path, also for what is no object at all."""
    with pytest.raises(Invalid) as refused:
        parse_predicates(["a > 1"], "conditions")  # type: ignore[list-item]
    assert refused.value.where == "conditions[0]"


def test_times_become_milliseconds() -> None:
    """An instant may be text with any offset or milliseconds; both are the same, and asked again as text in UTC."""
    texts = [{"field": "time", "op": "eq", "value": ["1970-01-01T01:00:01+01:00", 1000]}]
    (predicate,) = parse_predicates(texts)
    assert predicate.values == (1000, 1000)
    assert predicate.document()["value"] == ["1970-01-01T00:00:01.000Z"] * 2


def test_exists_is_true_by_default_and_one_value_is_no_list() -> None:
    """`exists` without a value asks for a value; a list of one is written as the one."""
    found = [p.document() for p in parse_predicates([{"param": "a", "op": "exists"}, sensible(["x"])])]
    assert found == [{"param": "a", "op": "exists", "value": True}, sensible("x")]


def sensible(value: Any) -> dict[str, Any]:
    """Some predicate on that value."""
    return {"param": "a", "op": "eq", "value": value}


def test_limits_are_named() -> None:
    """The largest request is taken; one predicate or one value more is refused with the limit."""
    assert len(parse_predicates([sensible(1)] * MOST_PREDICATES)) == MOST_PREDICATES
    with pytest.raises(Invalid, match=f"at most {MOST_PREDICATES}"):
        parse_predicates([sensible(1)] * (MOST_PREDICATES + 1))
    half = MOST_VALUES // 2
    assert len(parse_predicates([sensible(list(range(half)))] * 2)) == 2
    with pytest.raises(Invalid, match=f"at most {MOST_VALUES}"):
        parse_predicates([sensible(list(range(half))), sensible(list(range(half + 1)))])


def test_every_field_has_an_op() -> None:
    """Whatever is stored can be asked for: each field takes `exists`, and `eq` unless it is JSON."""
    values = {"text": "a", "int": 1, "float": 1.5, "bool": True, "time": 0}
    for field in FIELDS.values():
        assert parse_predicates([{"field": field.name, "op": "exists"}])
        if field.kind != "json":
            assert parse_predicates([{"field": field.name, "op": "eq", "value": values[field.kind]}])
    assert set(OPS) == {"eq", "neq", "gt", "gte", "lt", "lte", "exists", "contains"}
