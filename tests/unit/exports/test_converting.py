"""Columns of a dialect made of canonical ones, by value; coordinates against decimal arithmetic."""

from decimal import ROUND_DOWN, Decimal

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tailrace.exports.converting import converted, cut_decimals
from tailrace.exports.forms import check_form
from tailrace.model.errors import Invalid
from tailrace.model.export import ExportRequest
from tailrace.model.rows import Column, RowShape
from tailrace.model.window import Window
from tailrace.store.batches import EventBatch


@settings(max_examples=300, deadline=None)
@given(st.lists(st.none() | st.floats(-180, 180), max_size=8), st.integers(0, 6))
def test_decimals_are_cut_as_they_are_written(numbers: list[float | None], decimals: int) -> None:
    """Of each number the decimals that stay are those that it is written with; nothing is rounded up or down."""
    found = cut_decimals(pa.array(numbers, pa.float64()), decimals).to_pylist()
    step = Decimal(1).scaleb(-decimals)
    wanted = [None if n is None else float(Decimal(repr(n)).quantize(step, ROUND_DOWN)) for n in numbers]
    assert found == wanted


def test_products_that_miss_a_whole_number() -> None:
    """19.99 times a hundred is below 1999 for a computer; it keeps its hundredths all the same."""
    assert cut_decimals(pa.array([19.99, -19.99, 0.29, 1.15, -0.001]), 2).to_pylist() == [
        19.99,
        -19.99,
        0.29,
        1.15,
        -0.0,
    ]


def test_columns_are_made_of_their_sources() -> None:
    """Each is renamed, the first source that has a value counts, and what is of the session is given to its events
    only where a column needs both.
    """
    fragments = pa.table({"session_start": [1, 2], "session_user_id": ["s", None], "country": ["DE", None]})
    events = pa.table({"user_id": [None, "e", None]}, schema=pa.schema([("user_id", pa.string())]))
    shape = RowShape((Column("began", ("session_start",), "ms"), Column("who", ("user_id", "session_user_id"))))
    made = converted(EventBatch(fragments, pa.array([0, 0, 1]), events), shape)
    assert made.fragments.to_pydict() == {"began": [1, 2]}
    assert made.events.to_pydict() == {"who": ["s", "e", None]}
    assert [column.field.kind for column in shape.columns] == ["int", "text"]
    assert [column.field.grain for column in shape.columns] == ["session", "event"]


@pytest.mark.parametrize(
    "more",
    [
        {"shape": "sessions"},
        {"columns": ("id",)},
        {"split": "day", "keep_empty": True},
        {"packing": "zip", "keep_empty": True},
    ],
)
def test_what_does_not_go_with_rows_of_a_dialect(more: dict[str, object]) -> None:
    """Rows of a dialect are rows of events with its own columns; an empty file is one of a kind."""
    asked = {"row_shape": RowShape((Column("e", ("event",)),))} | more
    with pytest.raises(Invalid):
        check_form(ExportRequest("a", Window("session_start", 0, 1), **asked))  # type: ignore[arg-type]
