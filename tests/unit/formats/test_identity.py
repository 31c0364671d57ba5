"""Property: what is encoded and read by an independent reader is what was put in, in every format and shape."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tailrace.model.export import Format
from tailrace.model.sheet import PARAM_PREFIX, Sheet
from tests.reading import as_xml, normal, parsed, read_array, read_csv, read_lines, read_parquet, read_xml, same
from tests.unit.formats.rows import (
    SOME,
    SOME_OF_SESSION,
    VALUES,
    Row,
    columns,
    events_file,
    expected,
    fields_of,
    picked,
    rows_of,
    session_sheet,
    sessions_file,
    table_file,
    texts,
    wide_sheet,
)

READERS: dict[str, tuple[Format, dict[str, bool], Any]] = {
    "lines": ("json", {}, read_lines),
    "array": ("json", {"array": True}, read_array),
    "csv": ("csv", {}, read_csv),
    "xml": ("xml", {}, read_xml),
    "parquet": ("parquet", {}, read_parquet),
}
each_form = pytest.mark.parametrize("form", READERS)
# Two, since CSV of one column cannot tell a missing value from an empty text.
some_names = st.lists(st.sampled_from(SOME + SOME_OF_SESSION), min_size=2, unique=True)
params = st.dictionaries(texts, st.sampled_from(VALUES) | st.sampled_from(["null"]), max_size=4)


def check(form: str, data: bytes, wanted: list[Row], sheet: Sheet) -> None:
    """A file says what was put in, modulo the documented table."""
    format_, _, read = READERS[form]
    known = columns(sheet)
    translate = as_xml if format_ == "xml" else same
    found = normal(format_, read(data), known, translate)
    assert found == normal("json", wanted, known, translate)
    assert [list(row) for row in found] == [list(row) for row in wanted]


@each_form
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_events_come_back(form: str, data: st.DataObject) -> None:
    """Any values, nulls anywhere, columns in any order and number: a row per event, in order, keys in order."""
    names = data.draw(some_names)
    fragments = data.draw(rows_of(fields_of(SOME_OF_SESSION), 2))
    events = data.draw(rows_of(fields_of(SOME), 3))
    parent = data.draw(st.lists(st.integers(0, 1), min_size=3, max_size=3))
    made = events_file(READERS[form][0], fragments, parent, events, names, **READERS[form][1])
    check(form, made, expected(fragments, parent, events, names, parsed), Sheet("event", tuple(fields_of(names))))


@each_form
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_sessions_come_back(form: str, data: st.DataObject) -> None:
    """A row per session, its events nested in order, also where they have no value at all."""
    names = data.draw(some_names.filter(lambda found: any(name in SOME_OF_SESSION for name in found)))
    names = [n for n in names if n in SOME_OF_SESSION] + [n for n in names if n in SOME]
    fragments = data.draw(rows_of(fields_of(SOME_OF_SESSION), 2))
    events = data.draw(rows_of(fields_of(SOME), 3))
    parent = sorted([0, 1, data.draw(st.integers(0, 1))])
    sheet = session_sheet(names)
    own, inner = ([f.name for f in which if f.name != "events"] for which in (sheet.columns, sheet.inner))
    wanted = [picked(row, own, parsed) for row in fragments]
    for place, row in enumerate(wanted if inner else []):
        row["events"] = [picked(e, inner, parsed) for e, p in zip(events, parent, strict=True) if p == place]
    made = sessions_file(READERS[form][0], fragments, parent, events, names, **READERS[form][1])
    check(form, made, wanted, sheet)


@each_form
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_tables_come_back(form: str, data: st.DataObject) -> None:
    """Parameters of any key and type, each in a column of its own, null and missing alike."""
    names = data.draw(st.lists(st.sampled_from(SOME), min_size=2, unique=True))
    events = data.draw(rows_of(fields_of(SOME), 3))
    sent = data.draw(st.lists(params, min_size=3, max_size=3))
    keys = sorted({key for row in sent for key in row})
    made = table_file(READERS[form][0], events, sent, names, keys, **READERS[form][1])
    wanted = [
        picked(event, names, parsed)
        | {PARAM_PREFIX + key: parsed(row[key]) for key in keys if row.get(key, "null") != "null"}
        for event, row in zip(events, sent, strict=True)
    ]
    check(form, made, wanted, wide_sheet(names, keys, sent))


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_lines_and_an_array_have_the_same_rows(data: st.DataObject) -> None:
    """An array is its lines with commas between them, byte for byte."""
    names = data.draw(some_names)
    fragments = data.draw(rows_of(fields_of(SOME_OF_SESSION), 1))
    events = data.draw(rows_of(fields_of(SOME), 2))
    lines = events_file("json", fragments, [0, 0], events, names).split(b"\n")
    array = events_file("json", fragments, [0, 0], events, names, array=True)
    assert array == b"[\n" + lines[0] + b",\n" + lines[1] + b"\n]\n"
