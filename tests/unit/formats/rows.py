"""Rows for encoders: Arrow tables of plain dicts, files of encoded rows, and the naive rendering to compare with."""

import io
import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
from hypothesis import strategies as st

from tailrace.formats import parquet
from tailrace.formats.encoders import Encoder, Rows, encoder_of
from tailrace.formats.wide import Members, order_members
from tailrace.model.export import Format
from tailrace.model.fields import EVENT_FIELDS, FIELDS, SESSION_FIELDS, Field
from tailrace.model.sheet import EVENTS, PARAM_PREFIX, Sheet, param_column
from tailrace.store.schema import arrow_type
from tests.reading import Columns

Row = dict[str, Any]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
ALWAYS = ("id", "event", "time", "received_at", "session_id", "session_start", "actor", "number")
HOSTILE = [
    "",
    " ",
    " a ",
    '"',
    '""',
    ",",
    "'",
    "\\",
    "\\u0041",
    "a\nb\r\tc",
    "\r",
    "\n",
    "\r\n",
    "\x00\x01\x1f\x7f\x80\x85",
    "\ufffe\uffff",
    "{,",
    "]]>",
    "<a href='x'>&amp;</a>",
    "\u2028\u2029",
    "ünï😀",
    "\u202eabc\u05d0",
    "\ufffd",
    "null",
    "true",
    "1",
    "=1+1",
    "-1",
    "@x",
    ' ,"id":1}',
    "</script>",
]
JSON_TEXTS = [
    "{}",
    '{"a":1e400}',
    '{"a":"\\u0000\\ud800"}',
    '{"{,":[1,2,{"b":null}]}',
    '{"a":"\uffff]]>","":"<&>,"}',
    '{"n":123456789012345678901234567890}',
]
VALUES = [
    *(
        '""',
        '"a,b"',
        '"\\n\\r\\u0000"',
        '"\\ud800x"',
        '"\\ud83d\\ude00"',
        '"1"',
        '"null"',
        '"=1+1"',
        '"\uffff"',
        '"{}"',
    ),
    *("1", "-5", "0", "-0.0", "1e300", "1e400", "9007199254740993", "18446744073709551617", "true", "false"),
    *("[]", "{}", '{"a":[1,"x",null,{"b":"\\""}]}', '["\\ud800"]'),
]
SHAPES = ("events", "sessions", "tables")


def table(rows: Sequence[Row], fields: Sequence[Field]) -> pa.Table:
    """Rows as Arrow columns; a key that a row has not is null."""
    return pa.table({f.name: pa.array([row.get(f.name) for row in rows], arrow_type(f)) for f in fields})


def fields_of(names: Sequence[str]) -> list[Field]:
    """Fields by name."""
    return [FIELDS[name] for name in names]


def file_of(encoder: Encoder, sheet: Sheet, rows: Rows, cuts: Sequence[int]) -> bytes:
    """A file of one sheet, made of pieces that begin and end at these rows."""
    pieces = [encoder.piece([rows.cut(start, stop)]) for start, stop in pairwise(cuts)]
    if not encoder.opaque:
        return encoder.head(sheet) + encoder.between.join(pieces) + encoder.tail
    sink = io.BytesIO()
    parquet.write_file(sink, sheet, [bytes(piece) for piece in pieces])
    return sink.getvalue()


def events_file(
    format_: Format,
    fragments: Sequence[Row],
    parent: Sequence[int],
    events: Sequence[Row],
    names: Sequence[str],
    **options: Any,
) -> bytes:
    """A file of the shape events."""
    encoder = encoder_of(format_, "event", **options)
    sheet = Sheet("event", tuple(fields_of(names)))
    rows = encoder.events(
        table(fragments, SESSION_FIELDS), pa.array(parent, pa.int32()), table(events, EVENT_FIELDS), sheet
    )
    return file_of(encoder, sheet, rows, (0, len(events)))


def sessions_file(
    format_: Format,
    fragments: Sequence[Row],
    parent: Sequence[int],
    events: Sequence[Row],
    names: Sequence[str],
    **options: Any,
) -> bytes:
    """A file of the shape sessions; event columns become those of the nested events."""
    encoder = encoder_of(format_, "session", **options)
    sheet = session_sheet(names)
    rows = encoder.sessions(
        table(fragments, SESSION_FIELDS), pa.array(parent, pa.int32()), table(events, EVENT_FIELDS), sheet
    )
    return file_of(encoder, sheet, rows, (0, len(fragments)))


def session_sheet(names: Sequence[str]) -> Sheet:
    """The sheet of sessions with these columns."""
    own = [f for f in fields_of(names) if f.grain == "session"]
    inner = [f for f in fields_of(names) if f.grain == "event"]
    return Sheet("session", (*own, EVENTS), tuple(inner)) if inner else Sheet("session", tuple(own))


Params = dict[str, str]  # JSON texts by key


def wide_sheet(names: Sequence[str], keys: Sequence[str], params: Sequence[Params]) -> Sheet:
    """The sheet of one table: columns, then parameters with the kinds that fit these rows."""
    types = {key: frozenset(type_of(row[key]) for row in params if key in row) for key in keys}
    return Sheet("event", (*fields_of(names), *(param_column(key, types[key]) for key in keys)))


def type_of(text: str) -> str:
    """The JSON type of a value, as statistics count it."""
    value = json.loads(text)
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "integer" if -(2**63) <= value < 2**63 else "number"
    return {str: "string", float: "number", dict: "object", list: "array", type(None): "null"}[type(value)]


def members_of(keys: Sequence[str], params: Sequence[Params]) -> Members:
    """Parameters of the rows of one table."""
    found = [(row, key, text) for row, texts in enumerate(params) for key, text in texts.items()]
    places = np.array([keys.index(key) for _, key, _ in found], np.int64)
    row, column, name, value = order_members(
        pa.array([row for row, _, _ in found], pa.int64()),
        places,
        places,
        pa.array([text for _, _, text in found], pa.string()),
    )
    return Members(row, column, name, [PARAM_PREFIX + key for key in keys], value, np.full(len(params), len(keys)))


def table_file(
    format_: Format,
    events: Sequence[Row],
    params: Sequence[Params],
    names: Sequence[str],
    keys: Sequence[str],
    **options: Any,
) -> bytes:
    """A file of the shape tables; event i has the parameters `params[i]`."""
    encoder = encoder_of(format_, "event", **options)
    sheet = wide_sheet(names, keys, params)
    rows = encoder.wide(
        table([{}], SESSION_FIELDS),
        pa.array([0] * len(events), pa.int32()),
        table(events, EVENT_FIELDS),
        [(sheet, 0, len(events))],
        members_of(keys, params),
    )
    return file_of(encoder, sheet, rows, (0, len(events)))


def columns(sheet: Sheet) -> Columns:
    """The columns of a sheet as readers know them."""
    inner = Columns({f.name: f.kind for f in sheet.inner}) if sheet.inner else None
    kinds: dict[str, str] = {f.name: f.kind for f in sheet.columns}
    return Columns(kinds | {"events": "events"} if inner else kinds, inner)


def iso(ms: int) -> str:
    """An instant in the standard library's words."""
    return (EPOCH + timedelta(milliseconds=ms)).replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


def shown(value: Any, kind: str, read: Callable[[str], Any]) -> Any:
    """A stored value as a reader of JSON should see it."""
    if kind == "time":
        return iso(value)
    return read(value) if kind == "json" else value


def expected(
    fragments: Sequence[Row],
    parent: Sequence[int],
    events: Sequence[Row],
    names: Sequence[str],
    read: Callable[[str], Any] = json.loads,
) -> list[Row]:
    """The naive rendering: for each event its keys that have a value, in the order asked for."""
    return [picked(fragments[place] | event, names, read) for place, event in zip(parent, events, strict=True)]


def picked(row: Row, names: Sequence[str], read: Callable[[str], Any] = json.loads) -> Row:
    """Columns of a row that have a value."""
    return {name: shown(row[name], FIELDS[name].kind, read) for name in names if row.get(name) is not None}


texts = st.sampled_from(HOSTILE) | st.text(st.characters(exclude_categories=["Cs"]), max_size=6)


def value_of(field: Field) -> st.SearchStrategy[Any]:
    """Values of a field, with the ugly ones first."""
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
