"""Parameters as plain texts, against json.loads."""

import json

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from tailrace.formats.values import plain
from tests.reading import whole
from tests.unit.formats.rows import VALUES

texts = st.text().map(json.dumps) | st.text().map(lambda text: json.dumps(text, ensure_ascii=False))
halves = st.text(st.sampled_from("\ud800\udc00\ud83d\ude00ab\\"), max_size=6).map(json.dumps)


def by_hand(text: str | None) -> str | None:
    """What a cell should hold."""
    value = None if text is None else json.loads(text)
    if isinstance(value, str):
        return whole(value.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass"))
    return text if value is not None else None


@settings(deadline=None)
@given(st.lists(st.none() | st.sampled_from([*VALUES, "null"]) | texts | halves))
def test_strings_are_bare_and_all_else_is_as_it_was(column: list[str | None]) -> None:
    """Escapes are read, pairs of surrogates are one sign, half a pair is U+FFFD, null is missing."""
    assert plain(pa.array(column, pa.string())).to_pylist() == [by_hand(text) for text in column]


def test_a_slice_of_a_column_is_its_own() -> None:
    """Arrays that begin inside a buffer give their values and no others."""
    column = pa.array(['"a"', '"\\n"', "1", "null", '"b\\u00e4"'], pa.string())
    assert plain(column.slice(1, 3)).to_pylist() == ["\n", "1", None]
    assert plain(column.slice(5)).to_pylist() == []
