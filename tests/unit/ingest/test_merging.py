"""What a fragment's records say, merged: against a plain walk of the records."""

import json
from typing import Any

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from tailrace.ingest.merging import merge_texts, with_defaults

VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(0, 9),
    st.text("xyz", max_size=2),
    st.dictionaries(st.sampled_from("kl"), st.integers(0, 3)),
)
OBJECTS = st.dictionaries(st.sampled_from("abc"), VALUES, max_size=3)


def naive(parts: list[dict[str, Any]]) -> dict[str, Any]:
    """Later wins, what is null says nothing, objects are merged key by key."""
    result: dict[str, Any] = {}
    for part in parts:
        for key, value in part.items():
            if value is None:
                continue
            if isinstance(value, dict) and isinstance(result.get(key), dict):
                result[key] = {**result[key], **value}
            else:
                result[key] = value
    return result


def without_nulls(value: dict[str, Any]) -> dict[str, Any]:
    """A null and an absent key say the same."""
    return {key: inner for key, inner in value.items() if inner is not None}


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.none() | OBJECTS), min_size=1, max_size=12))
def test_merging_is_the_plain_walk(rows: list[tuple[int, dict[str, Any] | None]]) -> None:
    """The later record wins, also when it says again what an earlier one said; each group by itself."""
    rows = sorted(rows, key=lambda row: row[0])
    texts = pa.chunked_array([[None if value is None else json.dumps(value) for _, value in rows]], pa.string())
    merged = merge_texts(texts, np.array([group for group, _ in rows], dtype=np.int64), 4)
    for place in range(4):
        said = [value for group, value in rows if group == place and value is not None]
        assert without_nulls(merged[place]) == naive(said)


def test_what_is_said_wins_over_what_was_known() -> None:
    """A late event's own words count, and what it does not say is inherited, inside objects too."""
    known = {"country": "DE", "device_ids": {"idfa": "x", "gaid": "y"}}
    assert with_defaults({"country": "FR", "device_ids": {"idfa": "z"}}, known) == {
        "country": "FR",
        "device_ids": {"idfa": "z", "gaid": "y"},
    }
