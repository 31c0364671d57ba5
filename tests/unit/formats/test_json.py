"""JSON against json.loads: what is read is what was put in, whatever it is."""

import json
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tailrace.formats.encoders import encoder_of
from tailrace.formats.json import Json
from tailrace.formats.text import buffer_of, event_rows
from tailrace.model.fields import EVENT_FIELDS, FIELDS, SESSION_FIELDS
from tailrace.model.sheet import Sheet
from tests.unit.formats.rows import (
    ALWAYS,
    HOSTILE,
    SOME,
    SOME_OF_SESSION,
    Row,
    events_file,
    expected,
    fields_of,
    rows_of,
    sessions_file,
    table,
    table_file,
)


def encode(fragments: Sequence[Row], parent: Sequence[int], events: Sequence[Row], names: Sequence[str]) -> bytes:
    """Events as lines."""
    return events_file("json", fragments, parent, events, names)


def check(fragments: Sequence[Row], parent: Sequence[int], events: Sequence[Row], names: Sequence[str]) -> None:
    """The encoder says what the naive rendering says, a line per event, keys in order, nothing between tokens."""
    text = encode(fragments, parent, events, names)
    lines = text.split(b"\n")
    assert lines.pop() == b""
    rows = expected(fragments, parent, events, names)
    assert [json.loads(line) for line in lines] == rows
    assert [list(json.loads(line)) for line in lines] == [list(row) for row in rows]


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_any_rows_in_any_columns_come_back(data: st.DataObject) -> None:
    """Any values, nulls anywhere, columns in any order and number: each line is its event, in order, keys in order."""
    names = data.draw(st.lists(st.sampled_from(SOME + SOME_OF_SESSION), min_size=1, unique=True))
    fragments = data.draw(rows_of(fields_of(SOME_OF_SESSION), 2))
    events = data.draw(rows_of(fields_of(SOME), 3))
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
    rows = event_rows(
        Json(),
        table(fragments, SESSION_FIELDS).slice(1, 3),
        pa.array(parent, pa.int32()).slice(2, 7),
        table(events, EVENT_FIELDS).slice(2, 7),
        fields_of(names),
    )
    text = bytes(buffer_of(rows)[0])
    assert [json.loads(line) for line in text.split(b"\n")[:-1]] == expected(
        fragments[1:4], parent[2:9], events[2:9], names
    )


def test_no_events_are_no_bytes() -> None:
    """An empty batch gives nothing, not an empty line."""
    assert encode([{"session_id": "s"}], [], [], ["id", "session_id"]) == b""
    assert encode([{"session_id": "s"}], [], [], ["info"]) == b""


def test_pieces_of_an_array_are_joined_by_what_stands_between() -> None:
    """However rows are cut to pieces, the array is the same, and the last row has no comma."""
    encoder = encoder_of("json", "event", array=True)
    sheet = Sheet("event", tuple(fields_of(["id"])))
    events = table([{"id": f"{n}"} for n in range(4)], EVENT_FIELDS)
    rows = encoder.events(table([{}], SESSION_FIELDS), pa.array([0] * 4, pa.int32()), events, sheet)
    for cuts in ([0, 4], [0, 1, 4], [0, 1, 2, 3, 4]):
        pieces = [bytes(encoder.piece([rows.cut(a, b)])) for a, b in pairwise(cuts)]
        text = encoder.head(sheet) + encoder.between.join(pieces) + encoder.tail
        assert text == b'[\n{"id":"0"},\n{"id":"1"},\n{"id":"2"},\n{"id":"3"}\n]\n'


def test_the_digest_of_a_row_leaves_out_what_ends_it() -> None:
    """A row in an array and the same row in a line have one digest."""
    sheet = Sheet("event", tuple(fields_of(["id", "info"])))
    events = table([{"id": "a", "info": "x,"}, {"id": "b"}], EVENT_FIELDS)
    digests = {
        encoder_of("json", "event", array=array)
        .events(table([{}], SESSION_FIELDS), pa.array([0, 0], pa.int32()), events, sheet)
        .digest(0, 2)
        for array in (False, True)
    }
    assert len(digests) == 1


def test_a_session_nests_its_events() -> None:
    """Events are an array of objects in the last key, in order, those without any value empty objects."""
    sessions = [{"session_id": "s1"}, {"session_id": "s2", "country": '"'}]
    events: list[Row] = [{"info": '"\n'}, {"id": "b"}, {"level": 1}]
    text = sessions_file("json", sessions, [0, 0, 1], events, ["country", "session_id", "info", "level"])
    assert text == (
        b'{"session_id":"s1","events":[{"info":"\\"\\n"},{}]}\n{"country":"\\"","session_id":"s2","events":[{"level":1}]}\n'
    )


def test_a_parameter_column_keeps_the_text_of_its_value() -> None:
    """Keys are escaped, values are byte for byte as they were sent, null is left out."""
    sent = [{'"\n': "1.50", "b": "null"}, {"b": '"\\ud800"'}, {}]
    text = table_file("json", [{"id": "1"}, {"id": "2"}, {"id": "3", "info": "x"}], sent, ["info", "id"], ["b", '"\n'])
    assert text.split(b"\n") == [
        b'{"id":"1","params.\\"\\n":1.50}',
        b'{"id":"2","params.b":"\\ud800"}',
        b'{"info":"x","id":"3"}',
        b"",
    ]
