"""Predicates and members of JSON texts against naive oracles over what was sent.

The oracles read each text with Python's own parser, one row at a time; values keep the text of their numbers.
"""

import json
import math
import operator
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from tailrace.columns import jsontext
from tailrace.columns.jsontext import extract_all, members
from tailrace.model.clock import iso
from tailrace.model.fields import FIELDS
from tailrace.model.predicates import Predicate, parse_predicates
from tailrace.store.predicates import keep
from tailrace.store.schema import arrow_type
from tests.effort import examples

Raw = dict[str, Any]

# Small pools, so that predicates meet the data; hypothesis adds its own.
KEYS = ["level", "a", "", "a.b", 'q"', "\\", "~/[0]", "é", "\x00", "😀", "null", "{", "a:b,c"]
STRINGS = [
    "",
    "5",
    "5.0",
    "05",
    " 5",
    "-0",
    "1e400",
    "5\n",
    "1E+1",
    "true",
    "false",
    "null",
    "abc",
    "ab",
    "é",
    "😀",
    "\uffff",
]
STRINGS += ['"', "\\", "\\u0061", "}{", '","a":1', "9007199254740993", "18446744073709551615", "\x00\x1f\x7f"]
NUMBERS = ["0", "-0", "-0.0", "5", "5.0", "5.00", "50e-1", "-1", "0.1", "1e400", "-1e400", "1e-400", "1E+1", "10"]
NUMBERS += ["9007199254740992", "9007199254740993", "9007199254740993.0", "18446744073709551615", "9" * 60, "1" * 400]
ASKED = [
    0,
    -0.0,
    4.5,
    -0.5,
    5,
    5.0,
    0.1,
    10,
    -1,
    1e300,
    -1e300,
    5e-324,
    1 << 53,
    (1 << 53) + 1,
    float(1 << 53),
    (1 << 64) - 1,
    -(1 << 63),
]
INTEGERS = [0, 5, -1, 10, 1 << 53, (1 << 53) + 1, (1 << 63) - 1, -(1 << 63)]
DOUBLES = [0.0, -0.0, 5.0, 0.1, -1.0, 1e300, 5e-324, float(1 << 53), float(1 << 63), -1.7e308]
SPACE = st.sampled_from(["", "", " ", "  ", "\t", " \n\r"])
UNICODE = st.text(st.characters(exclude_categories=["Cs"]), max_size=4)


def spelled(text: str, how: int) -> str:
    """A JSON string: plain, with all but ASCII escaped, or all in escapes."""
    if how < 2:
        return json.dumps(text, ensure_ascii=how == 1)
    units = text.encode("utf-16-be").hex()
    return '"' + "".join(f"\\u{units[place : place + 4]}" for place in range(0, len(units), 4)) + '"'


def objects(keys: st.SearchStrategy[str], values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Texts of objects with any spaces, any spelling of keys, and keys that stand twice."""
    spellings = st.builds(spelled, keys, st.integers(0, 2))
    pairs = st.tuples(SPACE, spellings, SPACE, st.just(":"), SPACE, values, SPACE).map("".join)
    return st.lists(pairs, max_size=5).map(lambda parts: "{" + ",".join(parts) + "}")


strings = st.sampled_from(STRINGS) | UNICODE
keys = st.sampled_from(KEYS) | st.sampled_from(KEYS[:3]) | UNICODE
numbers = st.sampled_from(NUMBERS) | st.integers().map(str) | st.floats(allow_nan=False, allow_infinity=False).map(repr)
scalars = st.builds(spelled, strings, st.integers(0, 2)) | numbers | st.sampled_from(["true", "false", "null"])
arrays = st.lists(scalars, max_size=3).map(lambda parts: "[" + " , ".join(parts) + "]")
values = st.recursive(scalars, lambda inner: arrays | objects(keys, inner), max_leaves=4)
params = st.none() | objects(keys, values)

asked_numbers = (
    st.sampled_from(ASKED) | st.integers(-(1 << 63), (1 << 64) - 1) | st.floats(allow_nan=False, allow_infinity=False)
)
asked_by_kind: dict[str, st.SearchStrategy[Any]] = {
    "text": strings,
    "int": asked_numbers,
    "float": asked_numbers,
    "bool": st.booleans(),
    "time": st.integers(-3, 3) | st.integers(-3, 3).map(iso),
}
cells_by_kind: dict[str, st.SearchStrategy[Any]] = {
    "text": strings,
    "int": st.sampled_from([0, 5, -1, 10, 1 << 53, (1 << 53) + 1]) | st.integers(-(1 << 63), (1 << 63) - 1),
    "float": st.sampled_from([0.0, -0.0, 5.0, 0.1, float(1 << 53)]) | st.floats(allow_nan=False, allow_infinity=False),
    "bool": st.booleans(),
    "time": st.integers(-3, 3),
    "json": values,
}
EVENT_COLUMNS = ("event", "level", "amount", "is_paying", "time", "page_properties")
SESSION_COLUMNS = ("country", "birth_year", "latitude", "is_background", "session_start", "session_properties")


def conditions(name: Mapping[str, str], kind: str, asked: st.SearchStrategy[Any]) -> st.SearchStrategy[Raw]:
    """Predicates on one name that make sense for its kind."""
    exists = st.builds(lambda value: {**name, "op": "exists", "value": value}, st.booleans())
    several = asked | st.lists(asked, min_size=1, max_size=3)
    equal = st.builds(lambda op, value: {**name, "op": op, "value": value}, st.sampled_from(["eq", "neq"]), several)
    orders = st.sampled_from(["gt", "gte", "lt", "lte"])
    ordered = st.builds(lambda op, value: {**name, "op": op, "value": value}, orders, asked.filter(has_order))
    parts = st.one_of(strings, st.lists(strings, min_size=1, max_size=3))
    containing = st.builds(lambda value: {**name, "op": "contains", "value": value}, parts)
    if kind == "json":
        return exists | containing
    if kind == "bool":
        return exists | equal
    return exists | equal | ordered | (containing if kind in ("text", "any") else equal)


def has_order(value: Any) -> bool:
    """Whether a parameter may be ordered by it."""
    return not isinstance(value, bool)


on_any = strings | asked_numbers | st.booleans()
on_params = keys.flatmap(lambda key: conditions({"param": key}, "any", on_any))
on_fields = st.sampled_from(EVENT_COLUMNS + SESSION_COLUMNS).flatmap(
    lambda name: conditions({"field": name}, FIELDS[name].kind, asked_by_kind.get(FIELDS[name].kind, strings))
)


@dataclass(frozen=True)
class Sent:
    """Fragments, and events with the fragment of each; cells as Python values."""

    fragments: list[Raw]
    parent: list[int]
    events: list[Raw]


@st.composite
def worlds(draw: st.DrawFn) -> Sent:
    """Some fragments, one at least, and their events."""
    fragments = draw(st.lists(rows_of(SESSION_COLUMNS), min_size=1, max_size=3))
    events = draw(st.lists(st.tuples(rows_of(EVENT_COLUMNS), params), max_size=8))
    parent = [draw(st.integers(0, len(fragments) - 1)) for _ in events]
    return Sent(fragments, parent, [{**row, "params": text} for row, text in events])


def rows_of(names: Sequence[str]) -> st.SearchStrategy[Raw]:
    """Rows with these fields, each null now and then."""
    return st.fixed_dictionaries({name: st.none() | cells_by_kind[FIELDS[name].kind] for name in names})


def table(rows: Sequence[Raw], names: Iterable[str]) -> pa.Table:
    """Rows as the columns that a scan would give."""
    return pa.table({name: pa.array([row[name] for row in rows], arrow_type(FIELDS[name])) for name in names})


# The oracle


class Number(str):
    """A JSON number as its text."""

    __slots__ = ()


def read(text: str) -> Any:
    """A JSON text; numbers stay texts, the last of equal keys counts."""
    return json.loads(text, parse_int=Number, parse_float=Number)


def raw_members(text: str | None) -> dict[str, str]:
    """Top-level members with the raw texts of their values, found with the decoder alone."""
    found: dict[str, str] = {}
    decoder, place = json.JSONDecoder(parse_int=Number, parse_float=Number), 1
    space = re.compile(r"[ \t\n\r]*")
    while text and text[(place := space.match(text, place).end())] != "}":  # type: ignore[union-attr]
        place = place + 1 if text[place] == "," else place
        key, place = decoder.raw_decode(text, space.match(text, place).end())  # type: ignore[union-attr]
        place = text.index(":", place) + 1
        place = space.match(text, place).end()  # type: ignore[union-attr]
        _, end = decoder.raw_decode(text, place)
        found.pop(key, None)
        found[key], place = text[place:end], end
    return found


def holds(raw: Raw, event: Raw, fragment: Raw) -> bool:
    """Whether one predicate holds for one event: the meaning, one case after the other."""
    asked = raw["value"] if isinstance(raw["value"], list) else [raw["value"]]
    if "field" in raw:
        cell = {**fragment, **event}[raw["field"]]
        return judge(raw["op"], cell, asked, FIELDS[raw["field"]].kind)
    text = raw_members(event["params"]).get(raw["param"])
    return judge(raw["op"], None if text == "null" else text, asked, "any")


def judge(op: str, cell: Any, asked: Sequence[Any], kind: str) -> bool:
    """Whether a cell, None where it is missing, passes."""
    if op == "exists":
        return (cell is not None) is asked[0]
    if op == "neq":
        return not judge("eq", cell, asked, kind)
    if cell is None:
        return False
    if op == "contains":
        return any(str(part) in text_of(cell, kind) for part in asked)
    if kind == "any":
        return any(compare_json(op, read(cell), value) for value in asked)
    if kind == "time":
        asked = [milliseconds(value) for value in asked]
    if kind == "float":
        asked = [float(value) for value in asked]
    return any(ORDER[op](cell, value) for value in asked)


ORDER: dict[str, Callable[[Any, Any], bool]] = {
    "eq": operator.eq,
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
}


def text_of(cell: str, kind: str) -> str:
    """What a string says; other JSON as it was sent."""
    said = read(cell) if kind == "any" else cell
    return said if isinstance(said, str) else cell


def compare_json(op: str, said: Any, value: Any) -> bool:
    """A JSON value against what was asked; the type of the latter decides how."""
    if isinstance(said, dict | list):
        return False
    if isinstance(value, bool):
        return said in (value, "true" if value else "false") and not isinstance(said, Number)
    if isinstance(value, str):
        if op == "eq":
            return ("true" if said else "false") == value if isinstance(said, bool) else said == value
        return isinstance(said, str) and not isinstance(said, Number) and ORDER[op](said, value)
    if isinstance(said, bool) or not re.fullmatch(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?", said):
        return False
    if op == "eq" and isinstance(value, int) and re.fullmatch("-?[0-9]+", said):
        return int(said) == value
    return ORDER[op](float(said), float(value))


def milliseconds(value: Any) -> int:
    """An instant beside 1970, from text or as it is."""
    return value if isinstance(value, int) else [iso(ms) for ms in range(-3, 4)].index(value) - 3


# The tests


@settings(max_examples=examples(100), deadline=None)
@given(worlds(), st.lists(on_params | on_fields, max_size=3), st.sampled_from([1, 40, 256 << 10]))
def test_predicates_mean_what_the_oracle_says(sent: Sent, raws: list[Raw], block: int) -> None:
    """Any predicates keep just the events that a naive reading of what was sent keeps, whatever was sent."""
    predicates = parse_predicates(raws)
    expected = [
        all(holds(raw, e, sent.fragments[p]) for raw in raws) for e, p in zip(sent.events, sent.parent, strict=True)
    ]
    assert kept(sent, predicates, block) == expected


@settings(max_examples=examples(60), deadline=None)
@given(st.lists(values, min_size=1, max_size=12), st.data(), st.sampled_from([1, 40, 256 << 10]))
def test_one_parameter_means_what_the_oracle_says(raws: list[str], data: st.DataObject, block: int) -> None:
    """The same for one parameter that is there, predicate by predicate: where most that can go wrong would."""
    key = data.draw(keys)
    texts = [f"{{{json.dumps(key)}:{raw}}}" for raw in raws]
    for raw in data.draw(st.lists(conditions({"param": key}, "any", on_any), min_size=1, max_size=6)):
        assert kept(only_params(texts), parse_predicates([raw]), block) == [
            holds(raw, {"params": t}, {}) for t in texts
        ]


def test_all_known_values_against_all_known_bounds() -> None:
    """Every value of the pools, by every op and every value to ask for, on parameters and on fields of each kind."""
    raws = [*(spelled(text, how) for text in STRINGS for how in range(3)), *NUMBERS]
    present = [f'{{"a":{raw}}}' for raw in [*raws, "true", "false", "null", "[5]", '{"5":true}']]
    texts: list[str | None] = [*present, "{}", None]
    for raw in grid({"param": "a"}, [*STRINGS, "[5]", *ASKED, True, False], [*STRINGS]):
        assert kept(only_params(texts), parse_predicates([raw])) == [holds(raw, {"params": t}, {}) for t in texts], raw
    for name, cells, asked in (("event", STRINGS, STRINGS), ("level", INTEGERS, ASKED), ("amount", DOUBLES, ASKED)):
        rows = [dict.fromkeys(EVENT_COLUMNS) | {name: cell} for cell in [*cells, None]]
        for raw in grid({"field": name}, asked, STRINGS if name == "event" else []):
            sent = Sent([dict.fromkeys(SESSION_COLUMNS)], [0] * len(rows), rows)
            assert kept(sent, parse_predicates([raw])) == [holds(raw, row, {}) for row in rows], raw


def grid(name: Mapping[str, str], asked: Sequence[Any], parts: Sequence[str]) -> list[Raw]:
    """Every predicate on one name."""
    found: list[Raw] = [{**name, "op": "exists", "value": value} for value in (True, False)]
    found += [{**name, "op": op, "value": value} for op in ("eq", "neq") for value in [*asked, list(asked)]]
    found += [{**name, "op": op, "value": v} for op in ("gt", "gte", "lt", "lte") for v in asked if has_order(v)]
    return found + [{**name, "op": "contains", "value": value} for value in parts]


def only_params(texts: Sequence[str | None]) -> Sent:
    """Events that have nothing but parameters."""
    return Sent([dict.fromkeys(SESSION_COLUMNS)], [0] * len(texts), [{"params": text} for text in texts])


def kept(sent: Sent, predicates: Sequence[Predicate], block: int = jsontext.BLOCK_BYTES) -> list[bool]:
    """What `keep` keeps."""
    names = sent.events[0].keys() if sent.events else (*EVENT_COLUMNS, "params")
    events, fragments = table(sent.events, names), table(sent.fragments, SESSION_COLUMNS)
    with patch.object(jsontext, "BLOCK_BYTES", block):
        mask = keep(predicates, fragments, pa.array(sent.parent, pa.int32()), events)
    assert mask.dtype == np.bool_
    found: list[bool] = mask.tolist()
    return found


@settings(max_examples=examples(80), deadline=None)
@given(st.lists(params, max_size=6), st.lists(keys, min_size=1, max_size=3), st.sampled_from([1, 40, 256 << 10]))
def test_members_are_those_that_were_sent(texts: list[str | None], asked: list[str], block: int) -> None:
    """All members, and some asked by name, are the slices of the texts that Python's decoder finds."""
    expected = [raw_members(text) for text in texts]
    column = pa.array(texts, pa.string())
    with patch.object(jsontext, "BLOCK_BYTES", block):
        found, columns = members(column), extract_all(column, asked)
    triples = list(zip(*(part.to_pylist() for part in found), strict=True))
    assert triples == [(row, key, raw) for row, one in enumerate(expected) for key, raw in one.items()]
    for key, values in zip(asked, columns, strict=True):
        assert values.to_pylist() == [one.get(key) for one in expected]


def test_the_oracle_can_fail() -> None:
    """The naive reading is not the code's: it finds members, tells types apart, and knows what is missing."""
    assert raw_members('{ "a" : 1.50 , "b":[ {"a":2} ] ,"a":"x" }') == {"b": '[ {"a":2} ]', "a": '"x"'}
    assert list(raw_members('{"a":1,"b":2,"\\u0061":3}')) == ["b", "a"]
    assert [compare_json("eq", read(text), 5) for text in ("5", '"5"', "5.0", "true", '" 5"')] == [True] * 3 + [
        False
    ] * 2
    assert math.isinf(float(read("1e400")))
    assert judge("neq", None, [1], "any")
    assert not judge("gt", None, [1], "any")
