"""NDJSON against json.loads: what is read is what was put in, whatever it is."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tailrace.formats.json import encode_rows
from tailrace.model.fields import EVENT_FIELDS, FIELDS, SESSION_FIELDS, Field
from tailrace.store.schema import arrow_type

Row = dict[str, Any]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
ALWAYS = ("id", "event", "time", "received_at", "session_id", "session_start", "actor", "number")
HOSTILE = [
    "",
    '"',
    "\\",
    "\\u0041",
    "a\nb\r\tc",
    "\x00\x01\x1f\x7f\x80",
    "{,",
    "\u2028\u2029",
    "ünï😀",
    "\ufffd",
    "null",
    ' ,"id":1}',
    "</script>",
    "é",
]
JSON_TEXTS = [
    "{}",
    '{"a":1e400}',
    '{"a":"\\u0000\\ud800"}',
    '{"{,":[1,2,{"b":null}]}',
    '{"n":123456789012345678901234567890}',
]


def table(rows: Sequence[Row], fields: Sequence[Field]) -> pa.Table:
    """Rows as Arrow columns; a key that a row has not is null."""
    return pa.table({f.name: pa.array([row.get(f.name) for row in rows], arrow_type(f)) for f in fields})


def encode(fragments: Sequence[Row], parent: Sequence[int], events: Sequence[Row], names: Sequence[str]) -> bytes:
    """The encoder's bytes."""
    return bytes(
        encode_rows(
            table(fragments, SESSION_FIELDS),
            pa.array(parent, pa.int32()),
            table(events, EVENT_FIELDS),
            [FIELDS[name] for name in names],
        )
    )


def iso(ms: int) -> str:
    """An instant in the standard library's words."""
    return (EPOCH + timedelta(milliseconds=ms)).replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


def shown(value: Any, kind: str) -> Any:
    """A stored value as a reader of JSON should see it."""
    if kind == "time":
        return iso(value)
    return json.loads(value) if kind == "json" else value


def expected(fragments: Sequence[Row], parent: Sequence[int], events: Sequence[Row], names: Sequence[str]) -> list[Row]:
    """The naive rendering: for each event its keys that have a value, in the order asked for."""
    rows = []
    for place, event in zip(parent, events, strict=True):
        both = fragments[place] | event
        rows.append({name: shown(both[name], FIELDS[name].kind) for name in names if both.get(name) is not None})
    return rows


def check(fragments: Sequence[Row], parent: Sequence[int], events: Sequence[Row], names: Sequence[str]) -> None:
    """The encoder says what the naive rendering says, a line per event, keys in order, nothing between tokens."""
    text = encode(fragments, parent, events, names)
    lines = text.split(b"\n")
    assert lines.pop() == b""
    rows = expected(fragments, parent, events, names)
    assert [json.loads(line) for line in lines] == rows
    assert [list(json.loads(line)) for line in lines] == [list(row) for row in rows]


def value_of(field: Field) -> st.SearchStrategy[Any]:
    """Values of a field, with the ugly ones first."""
    texts = st.sampled_from(HOSTILE) | st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
    return {
        "text": texts,
        "json": st.sampled_from(JSON_TEXTS),
        "int": st.integers(-(2**63), 2**63 - 1),
        "time": st.integers(-62_135_596_800_000, 253_402_300_799_999),
        "float": st.floats(allow_nan=False, allow_infinity=False),
        "bool": st.booleans(),
    }[field.kind]


def rows_of(fields: Sequence[Field], count: int) -> st.SearchStrategy[list[Row]]:
    """Rows in which what always has a value has one, and each other field may be absent."""
    row = st.fixed_dictionaries(
        {f.name: value_of(f) for f in fields if f.name in ALWAYS},
        optional={f.name: value_of(f) for f in fields if f.name not in ALWAYS},
    )
    return st.lists(row, min_size=count, max_size=count)


SOME = ("id", "params", "value", "is_paying", "level", "client_time", "info")
SOME_OF_SESSION = ("session_id", "country", "latitude", "device_ids", "is_background", "first_seen", "birth_year")


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_any_rows_in_any_columns_come_back(data: st.DataObject) -> None:
    """Any values, nulls anywhere, columns in any order and number: each line is its event, in order, keys in order."""
    names = data.draw(st.lists(st.sampled_from(SOME + SOME_OF_SESSION), min_size=1, unique=True))
    fragments = data.draw(rows_of([FIELDS[name] for name in SOME_OF_SESSION], 2))
    events = data.draw(rows_of([FIELDS[name] for name in SOME], 3))
    parent = data.draw(st.lists(st.integers(0, 1), min_size=3, max_size=3))
    check(fragments, parent, events, names)


def test_hostile_texts_are_texts() -> None:
    """Quotes, backslashes, control characters and text that looks like JSON stay inside their string."""
    events = [{"id": text, "event": text, "info": text} for text in HOSTILE]
    check([{"session_id": "s", "country": '"\n'}], [0] * len(events), events, ["country", "info", "id", "event"])


@pytest.mark.parametrize("name", sorted(FIELDS))
def test_any_single_column_stands_alone(name: str) -> None:
    """One column makes lines by itself: with values, with some, and with none at all."""
    field = FIELDS[name]
    value: Any = {"text": "{,", "json": '{"a":"{,"}', "int": -1, "time": 0, "float": 0.5, "bool": False}[field.kind]
    there, empty = {name: value}, {name: None}
    for rows in ([there, there], *([[empty, there], [empty, empty]] if name not in ALWAYS else [])):
        session = field.grain == "session"
        check(rows if session else [{}], [1, 0] if session else [0, 0], [{}, {}] if session else rows, [name])


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (-0.0, b"0.0"),
        (0.0, b"0.0"),
        (14.0, b"14.0"),
        (1e20, b"1e+20"),
        (0.1, b"0.1"),
        (1e16, b"1e+16"),
        (5e-324, b"5e-324"),
        (-1.5, b"-1.5"),
        (1 / 3, b"0.3333333333333333"),
    ],
)
def test_the_text_of_a_float_is_fixed(value: float, text: bytes) -> None:
    """Numbers are written in one stated way: shortest digits that read back, a fraction, no minus on zero."""
    assert encode([{}], [0], [{"value": value}], ["value"]) == b'{"value":' + text + b"}\n"


@pytest.mark.parametrize(
    ("ms", "text"),
    [
        (0, "1970-01-01T00:00:00.000Z"),
        (-1, "1969-12-31T23:59:59.999Z"),
        (-62_135_596_800_000, "0001-01-01T00:00:00.000Z"),
        (253_402_300_799_999, "9999-12-31T23:59:59.999Z"),
        (1_767_323_045_670, "2026-01-02T03:04:05.670Z"),
    ],
)
def test_the_text_of_an_instant_is_fixed(ms: int, text: str) -> None:
    """Instants have four digits of year and three of fraction, before 1970 too."""
    assert encode([{}], [0], [{"time": ms}], ["time"]) == f'{{"time":"{text}"}}\n'.encode()


def test_parameters_keep_their_own_text() -> None:
    """A JSON value is put out byte for byte: escapes, number text and order of keys are the sender's."""
    raw = '{"b":1.50,"a":"\\u00e4\\ud800","n":1E400, "c":12345678901234567890123}'
    assert encode([{}], [0], [{"params": raw}], ["params"]) == b'{"params":' + raw.encode() + b"}\n"


def test_slices_of_arrays_are_their_own_rows() -> None:
    """Arrays that begin inside a buffer, as pieces of a row group do, give their rows and no others."""
    events = [{"id": f"{n}", "info": text, "value": n / 2, "level": n} for n, text in enumerate(HOSTILE)]
    fragments = [{"session_id": f"s{n}", "country": None if n % 2 else f"c{n}"} for n in range(5)]
    parent = [n % 3 for n in range(len(events))]
    names = ["country", "info", "value", "level", "id", "session_id"]
    text = bytes(
        encode_rows(
            table(fragments, SESSION_FIELDS).slice(1, 3),
            pa.array(parent, pa.int32()).slice(2, 7),
            table(events, EVENT_FIELDS).slice(2, 7),
            [FIELDS[name] for name in names],
        )
    )
    assert [json.loads(line) for line in text.splitlines()] == expected(fragments[1:4], parent[2:9], events[2:9], names)


def test_no_events_are_no_bytes() -> None:
    """An empty batch gives nothing, not an empty line."""
    assert encode([{"session_id": "s"}], [], [], ["id", "session_id"]) == b""
    assert encode([{"session_id": "s"}], [], [], ["info"]) == b""
