"""Wide tables: members find their columns, whatever rows, columns and tables are there."""

import json

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from tailrace.formats.encoders import encoder_of
from tailrace.formats.wide import Members, order_members
from tailrace.model.fields import EVENT_FIELDS, SESSION_FIELDS
from tests.reading import read_csv
from tests.unit.formats.rows import Params, members_of, table, table_file, wide_sheet

KEYS = ["a", "b", "c"]
params = st.dictionaries(st.sampled_from(KEYS), st.sampled_from(["1", '"x"', "null"]), max_size=3)


@settings(deadline=None)
@given(st.lists(params, min_size=1, max_size=6))
def test_every_cell_stands_under_its_name(sent: list[Params]) -> None:
    """Rows with all, some and none of the parameters, nulls among them, the last column missing or not."""
    events = [{"id": f"{n}"} for n in range(len(sent))]
    wanted = [
        {"id": f"{n}"} | {f"params.{key}": f"{json.loads(text)}" for key, text in row.items() if text != "null"}
        for n, row in enumerate(sent)
    ]
    assert read_csv(table_file("csv", events, sent, ["id"], KEYS)) == wanted
    lines = table_file("json", events, sent, ["id"], KEYS).splitlines()
    assert [{key: f"{value}" for key, value in json.loads(line).items()} for line in lines] == wanted


def test_tables_of_different_widths_stand_side_by_side() -> None:
    """Rows of several tables are made at once, each as wide as its own header."""
    encoder = encoder_of("csv", "event")
    sent: list[Params] = [{"a": "1", "c": "2"}, {}, {"b": "3"}, {}]
    found = members_of(KEYS, sent)
    widths = np.array([3, 3, 1, 0])
    columns = np.array([0, 2, 0])
    moved = Members(found.row, columns, found.name, found.names, found.value, widths)
    sheets = [wide_sheet(["id"], keys, sent) for keys in (KEYS, ["b"], [])]
    rows = encoder.wide(
        table([{}], SESSION_FIELDS),
        pa.array([0] * 4, pa.int32()),
        table([{"id": f"{n}"} for n in range(4)], EVENT_FIELDS),
        [(sheets[0], 0, 2), (sheets[1], 2, 3), (sheets[2], 3, 4)],
        moved,
    )
    assert bytes(rows.cut(0, 4)) == b"0,1,,2\r\n1,,,\r\n2,3\r\n3\r\n"
    assert [encoder.head(sheet) for sheet in sheets] == [
        b"id,params.a,params.b,params.c\r\n",
        b"id,params.b\r\n",
        b"id\r\n",
    ]


def test_no_parameters_at_all() -> None:
    """A table without a parameter column is a table of events."""
    for format_, text in (("csv", b"id\r\n1\r\n"), ("json", b'{"id":"1"}\n')):
        assert table_file(format_, [{"id": "1"}], [{}], ["id"], []) == text  # type: ignore[arg-type]


def test_a_very_wide_table_takes_no_square_of_memory() -> None:
    """A hundred thousand columns, of which a row has the last."""
    keys = [f"k{n}" for n in range(100_000)]
    sheet_free = members_of(["last"], [{"last": "7"}])
    wide = Members(
        sheet_free.row, np.array([len(keys) - 1]), sheet_free.name, sheet_free.names, sheet_free.value,
        np.array([len(keys)]),
    )  # fmt: skip
    encoder = encoder_of("csv", "event")
    sheet = wide_sheet(["id"], [], [])
    rows = encoder.wide(
        table([{}], SESSION_FIELDS), pa.array([0], pa.int32()), table([{"id": "1"}], EVENT_FIELDS), [(sheet, 0, 1)],
        wide,
    )  # fmt: skip
    assert bytes(rows.cut(0, 1)) == b"1" + b"," * 100_000 + b"7\r\n"


def test_members_are_put_in_order() -> None:
    """Of row and then of column, however they came; nulls are left out."""
    row, column, name, value = order_members(
        pa.array([1, 0, 1, 0]),
        np.array([1, 1, 0, 0]),
        np.array([5, 6, 7, 8]),
        pa.array(["1", "null", '"null"', "3"]),
    )
    assert (row.tolist(), column.tolist(), name.tolist()) == ([0, 1, 1], [0, 0, 1], [8, 7, 5])
    assert value.to_pylist() == ["3", '"null"', "1"]


def test_fields_before_parameters_keep_their_gaps() -> None:
    """A missing field at the end of what tables share does not move the parameters."""
    assert table_file("csv", [{"id": "1"}], [{"a": "1"}], ["id", "info"], ["a"]).endswith(b"\r\n1,,1\r\n")
    assert table_file("csv", [{"id": "1"}], [{"a": "1"}], ["info", "id"], ["a"]).endswith(b"\r\n,1,1\r\n")
