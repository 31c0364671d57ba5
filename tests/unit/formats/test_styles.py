"""What dialects have of formats beyond native exports: columns that are always there, objects as lists, other names."""

import json
from typing import Any
from xml.etree import ElementTree

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tailrace.formats.encoders import encoder_of
from tailrace.formats.xml import entries
from tailrace.model.export import Format
from tailrace.model.fields import Field
from tailrace.model.sheet import Sheet
from tests.reading import read_csv
from tests.unit.formats.rows import file_of

SIGNS = st.characters(exclude_categories=["Cs"], exclude_characters="\ufffe\uffff", min_codepoint=32) | st.sampled_from(
    "\t\n\r"
)
TEXTS = st.text(SIGNS | st.sampled_from("<>&\"'"), max_size=8)
COLUMNS = tuple(
    Field(name, kind, grain, "", "")  # type: ignore[arg-type]
    for name, kind, grain in (
        ("a", "int", "session"), ("b", "text", "event"), ("c", "map", "event"), ("d", "float", "session"),
        ("e", "map", "session"),
    )
)  # fmt: skip
TYPES = {"int": pa.int64(), "text": pa.string(), "map": pa.string(), "float": pa.float64()}
ROWS: list[dict[str, Any]] = [
    {"a": 7, "b": 'x"y', "c": {"k": "v", "": "<1>"}, "d": None, "e": {}},
    {"a": None, "b": None, "c": {}, "d": 1.5, "e": {"z": "1"}},
]


def encoded(format_: Format, **options: Any) -> bytes:
    """The rows, each with a fragment of its own, as a file."""
    encoder, sheet = encoder_of(format_, "visit", root="visits", **options), Sheet("visit", COLUMNS)

    def table(grain: str) -> pa.Table:
        fields = [field for field in COLUMNS if field.grain == grain]
        texts = [[json.dumps(row[f.name]) if f.kind == "map" else row[f.name] for row in ROWS] for f in fields]
        arrays = [pa.array(values, TYPES[f.kind]) for f, values in zip(fields, texts, strict=True)]
        return pa.Table.from_arrays(arrays, names=[f.name for f in fields])

    rows = encoder.events(table("session"), pa.array([0, 1], pa.int32()), table("event"), sheet)
    return file_of(encoder, sheet, rows, (0, 2))


@settings(max_examples=200, deadline=None)
@given(st.lists(st.dictionaries(TEXTS, TEXTS | st.none(), max_size=4), min_size=1, max_size=4))
def test_entries_come_back(objects: list[dict[str, str | None]]) -> None:
    """Any names and texts are read back by a parser as they were, from attributes and from elements; null is empty."""
    found = entries(pa.array([json.dumps(one) for one in objects])).to_pylist()
    for text, one in zip(found, objects, strict=True):
        element = ElementTree.fromstring(f"<x>{text}</x>")  # noqa: S314
        assert [(entry.attrib["key"], entry.text or "") for entry in element] == [(k, v or "") for k, v in one.items()]


@pytest.mark.parametrize("array", [False, True])
def test_json_with_every_key(array: bool) -> None:
    """With `nulls` each row has all keys in order, null where there is no value; lines and arrays alike."""
    data = encoded("json", nulls=True, array=array)
    rows = json.loads(data) if array else [json.loads(line) for line in data.splitlines()]
    assert rows == ROWS
    assert [list(row) for row in rows] == [list("abcde")] * 2


def test_csv_has_objects_in_cells() -> None:
    """Objects are JSON text in one cell."""
    first, second = read_csv(encoded("csv"))
    assert (json.loads(first["c"]), json.loads(second["e"]), second.get("a")) == (ROWS[0]["c"], {"z": "1"}, None)


def test_xml_with_every_element() -> None:
    """With `nulls` each row has all elements in order, empty ones without a value; names are those that were asked."""
    root = ElementTree.fromstring(encoded("xml", nulls=True))  # noqa: S314
    assert (root.tag, [row.tag for row in root]) == ("visits", ["visit", "visit"])
    assert [[child.tag for child in row] for row in root] == [list("abcde")] * 2
    assert [row.findtext("b") for row in root] == ['x"y', ""]
    assert [(one.attrib["key"], one.text) for one in root[0][2]] == [("k", "v"), ("", "<1>")]
