"""JSON objects whose values become texts, and that get one entry more, against the standard library."""

import json
from typing import Any

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from tailrace.columns.objects import texts_of, with_entry

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
SCALARS = st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(
    SCALARS | TEXTS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner), max_leaves=5
)
OBJECTS = st.none() | st.dictionaries(TEXTS, VALUES, max_size=5)


def as_text(value: Any, separators: tuple[str, str] | None) -> Any:
    """What a value becomes: strings and null themselves, all else the JSON that was sent."""
    return value if value is None or isinstance(value, str) else json.dumps(value, separators=separators)


@settings(max_examples=150, deadline=None)
@given(st.lists(OBJECTS, max_size=6), st.sampled_from([None, (",", ":")]))
def test_every_value_becomes_a_text(objects: list[Any], separators: tuple[str, str] | None) -> None:
    """Whatever objects hold, with or without spaces: keys and strings stay, null stays, all else is its JSON as a text;
    no object is an empty one.
    """
    sent = [None if one is None else json.dumps(one, separators=separators) for one in objects]
    found = texts_of(pa.array(sent, pa.string())).to_pylist()
    wanted = [{k: as_text(v, separators) for k, v in (one or {}).items()} for one in objects]
    assert [json.loads(text) for text in found] == wanted


def test_digits_are_those_that_were_sent() -> None:
    """No number is read and written again: each has the digits, exponent and zeros that it was sent with."""
    (found,) = texts_of(pa.array(['{"a":1.50,"b":1E400,"c":-0,"d":123456789012345678901234567890}'])).to_pylist()
    assert json.loads(found) == {"a": "1.50", "b": "1E400", "c": "-0", "d": "123456789012345678901234567890"}


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(OBJECTS, st.none() | TEXTS), max_size=6), TEXTS)
def test_one_entry_more(rows: list[tuple[Any, str | None]], key: str) -> None:
    """The entry is first where there is a text and no entry of that name; all others stay as they were."""
    sent = [None if one is None else json.dumps(one) for one, _ in rows]
    texts = [text for _, text in rows]
    found = with_entry(pa.array(sent, pa.string()), key, pa.array(texts, pa.string())).to_pylist()
    wanted = [({} if text is None or key in (one or {}) else {key: text}) | (one or {}) for one, text in rows]
    assert [json.loads(one) for one in found] == wanted
    assert [list(json.loads(one)) for one in found] == [list(one) for one in wanted]
