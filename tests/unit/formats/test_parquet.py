"""Parquet against pyarrow's reader: types, missing values, nested events, typed parameters."""

import io
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tailrace.formats import parquet
from tailrace.formats.encoders import encoder_of
from tailrace.model.fields import EVENT_FIELDS, FIELDS, SESSION_FIELDS
from tailrace.model.sheet import Sheet
from tests.unit.formats.rows import Row, events_file, fields_of, sessions_file, table, table_file

STAMP = pa.timestamp("ms", "UTC")
TYPES = {
    "text": pa.string(),
    "json": pa.string(),
    "int": pa.int64(),
    "time": STAMP,
    "float": pa.float64(),
    "bool": pa.bool_(),
}
HUGE = "18446744073709551617"


def read(data: bytes) -> pa.Table:
    """The table of a file."""
    return pq.read_table(io.BytesIO(data))


def column(values: list[str | None]) -> pa.ChunkedArray:
    """A parameter column of these JSON texts, one per row."""
    events = [{"id": f"{n}"} for n in range(len(values))]
    sent = [{} if value is None else {"k": value} for value in values]
    return read(table_file("parquet", events, sent, ["id"], ["k"]))["params.k"]


@pytest.mark.parametrize("name", sorted(FIELDS))
def test_every_field_has_the_type_of_its_kind(name: str) -> None:
    """With a value and with none at all: a column that is empty in one file has the same type there."""
    field = FIELDS[name]
    value: Any = {"text": "a", "json": "{}", "int": -1, "time": 0, "float": 0.5, "bool": False}[field.kind]
    shown = datetime(1970, 1, 1, tzinfo=UTC) if field.kind == "time" else value
    for row, wanted in (({name: value}, shown), ({}, None)):
        sides: tuple[list[Row], list[Row]] = ([row], [{}]) if field.grain == "session" else ([{}], [row])
        made = read(events_file("parquet", sides[0], [0], sides[1], [name]))
        assert made.schema.field(name).type == TYPES[field.kind]
        assert made[name].to_pylist() == [wanted]


def test_missing_is_null_and_empty_is_not() -> None:
    """Null is a value that is not there."""
    made = read(events_file("parquet", [{}], [0, 0], [{"id": "a", "info": ""}, {"id": "b"}], ["id", "info"]))
    assert made.to_pylist() == [{"id": "a", "info": ""}, {"id": "b", "info": None}]


def test_events_are_lists_of_structs() -> None:
    """Typed like columns of their own, in order, with nulls where a value is missing."""
    sessions = [{"session_id": "s1"}, {"session_id": "s2"}]
    events: list[Row] = [{"time": 5, "info": "a"}, {"time": 6}, {"time": 7, "level": 1}]
    made = read(sessions_file("parquet", sessions, [0, 0, 1], events, ["session_id", "time", "info", "level"]))
    inner = pa.struct([("time", STAMP), ("info", pa.string()), ("level", pa.int64())])
    assert made.schema.names == ["session_id", "events"]
    assert made.schema.field("events").type.value_type == inner
    assert [[event["level"] for event in row["events"]] for row in made.to_pylist()] == [[None, None], [1]]
    assert [event["time"].microsecond for event in made.to_pylist()[0]["events"]] == [5_000, 6_000]


@pytest.mark.parametrize(
    ("values", "type_", "wanted"),
    [
        (['"a"', '""', None, "null", '"\\n\\ud83d\\ude00"'], pa.string(), ["a", "", None, None, "\n😀"]),
        (["1", "-5", None, "null", "-0"], pa.int64(), [1, -5, None, None, 0]),
        ([f"{2**63 - 1}", f"{-(2**63)}"], pa.int64(), [2**63 - 1, -(2**63)]),
        (["true", "false", None, "null"], pa.bool_(), [True, False, None, None]),
        (["1", "0.5", "1e300", "-1E5", "null"], pa.float64(), [1.0, 0.5, 1e300, -1e5, None]),
        ([HUGE, "1"], pa.float64(), [2.0**64, 1.0]),
        (["1e400", "-1e400", "1e-400"], pa.float64(), [float("inf"), float("-inf"), 0.0]),
        (["1", '"1"', None, "null"], pa.string(), ["1", '"1"', None, None]),
        (['{"a": 1}', "[]", "true"], pa.string(), ['{"a": 1}', "[]", "true"]),
        (["null", None], pa.string(), [None, None]),
        (['"\\ud800x"', '"x\\udc00"', '"a\\u0000b"'], pa.string(), ["\ufffdx", "x\ufffd", "a\x00b"]),
    ],
)
def test_a_parameter_has_the_type_that_holds_its_values(
    values: list[str | None], type_: pa.DataType, wanted: list[Any]
) -> None:
    """Texts, integers, numbers and flags are themselves; a mixture, objects and arrays are JSON text."""
    made = column(values)
    assert made.type == type_
    assert made.to_pylist() == wanted


@pytest.mark.parametrize(
    ("kind", "values", "wanted"),
    [
        ("int", ["1", HUGE, f"-{HUGE}", "2.5", '"x"', None, "1"], [1, None, None, None, None, None, 1]),
        ("bool", ["true", "7x", '"\\ud800"'], [True, None, None]),
        ("float", ["0.5", '"x"', "{}"], [0.5, None, None]),
        ("text", ["1", "{}", '"x"'], ["1", "{}", "x"]),
    ],
)
def test_a_value_that_a_column_cannot_hold_fails_nothing(kind: Any, values: list[str], wanted: list[Any]) -> None:
    """Should a column have the wrong type, what does not fit is missing, and the type stays."""
    made = parquet._parsed(pa.array(values, pa.string()), kind)
    assert made.type == TYPES[kind]
    assert made.to_pylist() == wanted


def test_hostile_names_are_columns() -> None:
    """Dots, quotes, nothing at all, signs of every kind: a column each, in order."""
    keys = ["", " ", "a.b", 'q"', "\n", "\x00", "ü😀", "list", "element", "\ufffd"]
    sent = [{key: f"{n}" for n, key in enumerate(keys)}]
    made = read(table_file("parquet", [{"id": "1"}], sent, ["id"], keys))
    assert made.schema.names == ["id", *(f"params.{key}" for key in keys)]
    assert list(made.to_pylist()[0].values()) == ["1", *range(len(keys))]


def test_small_pieces_become_large_row_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    """A row group is made of many pieces, up to a bound; rows keep their order."""
    monkeypatch.setattr(parquet, "ROW_GROUP_ROWS", 10)
    encoder = encoder_of("parquet", "event")
    sheet = Sheet("event", tuple(fields_of(["id"])))
    events = table([{"id": f"{n}"} for n in range(25)], EVENT_FIELDS)
    rows = encoder.events(table([{}], SESSION_FIELDS), pa.array([0] * 25, pa.int32()), events, sheet)
    pieces = [bytes(encoder.piece([rows.cut(n, min(n + 3, 25))])) for n in range(0, 25, 3)]
    sink = io.BytesIO()
    parquet.write_file(sink, sheet, pieces)
    file = pq.ParquetFile(io.BytesIO(sink.getvalue()))
    assert [file.metadata.row_group(n).num_rows for n in range(file.num_row_groups)] == [9, 9, 7]
    assert file.read()["id"].to_pylist() == [f"{n}" for n in range(25)]


def test_equal_rows_give_equal_bytes() -> None:
    """There is no time in a file."""
    made = [events_file("parquet", [{}], [0], [{"id": "a", "value": 1.5}], ["id", "value"]) for _ in range(2)]
    assert made[0] == made[1]


def test_rows_of_tables_are_cut_from_their_own_table() -> None:
    """Two tables side by side: each piece has the columns of its own, and no piece mixes them."""
    encoder = encoder_of("parquet", "event")
    from tests.unit.formats.rows import members_of, wide_sheet

    sent = [{"a": "1"}, {"a": "2"}, {"b": '"x"'}]
    sheets = [wide_sheet(["id"], ["a"], sent), wide_sheet(["id"], ["b"], sent)]
    found = members_of(["a", "b"], sent)
    found.column[:] = 0
    events = table([{"id": f"{n}"} for n in range(3)], EVENT_FIELDS)
    parent = pa.array([0, 0, 0], pa.int32())
    rows = encoder.wide(table([{}], SESSION_FIELDS), parent, events, [(sheets[0], 0, 2), (sheets[1], 2, 3)], found)
    assert rows.cut(0, 2).to_pylist() == [{"id": "0", "params.a": 1}, {"id": "1", "params.a": 2}]
    assert rows.cut(1, 2).to_pylist() == [{"id": "1", "params.a": 2}]
    assert rows.cut(2, 3).to_pylist() == [{"id": "2", "params.b": "x"}]
    with pytest.raises(LookupError):
        rows.cut(1, 3)


def test_a_row_has_the_digest_of_its_json_line() -> None:
    """Files of both formats can be compared without reading them."""
    sheet = Sheet("event", tuple(fields_of(["id", "value", "params"])))
    events = table([{"id": "a", "value": 1.5}, {"id": "b", "params": '{"x":[]}'}], EVENT_FIELDS)
    parent, session = pa.array([0, 0], pa.int32()), table([{}], SESSION_FIELDS)
    digests = {
        encoder_of(format_, "event").events(session, parent, events, sheet).digest(0, 2)
        for format_ in ("json", "parquet")
    }
    assert len(digests) == 1
