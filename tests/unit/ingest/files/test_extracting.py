"""A map turns rows into drafts: JSON paths, types, merged objects, and faults that cost their own row only."""

import csv
import io
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailrace.ingest.draft import Draft
from tailrace.ingest.files.binding import bound
from tailrace.ingest.files.blocks import Block
from tailrace.ingest.files.extracting import extract
from tailrace.ingest.files.mapping import FileMap, parse_map
from tailrace.ingest.files.reading import reading

DraftOf = Callable[[Path, FileMap | None], Draft]
Write = Callable[[str, str | bytes], Path]


def lines(map_text: str, *records: object) -> Draft:
    """The draft of NDJSON records; bytes and texts are lines as they stand."""
    texts = [r if isinstance(r, bytes) else json.dumps(r).encode() for r in records]
    file_map = bound(parse_map(map_text), "ndjson", None)
    return extract(file_map, Block(range(1, len(texts) + 1), texts))


def column(draft: Draft, name: str) -> list[Any]:
    values: list[Any] = draft.table[name].to_pylist()
    return values


def faults(draft: Draft) -> list[tuple[int, str]]:
    return [(rejected.place, rejected.reason) for rejected in draft.rejected]


NDJSON = '[fields]\nevent = { path = "e" }\n'


def test_paths_go_through_objects_and_arrays() -> None:
    """A path follows keys and array places; where it leads nowhere there is no value, not a fault."""
    found = lines(
        NDJSON + 'info = { path = "a.b.1.c" }\nkind = { path = ["x.y", "0"] }\nparams = { path = "p" }',
        {"e": "one", "a": {"b": [0, {"c": "deep"}]}, "x.y": {"0": "key"}, "p": {"n": 1}},
        {"e": "two", "a": {"b": [0]}, "x.y": ["place"], "p": None},
        {"e": "three", "a": "text", "x.y": 5},
        {"e": "four", "a": {"b": {"1": {"c": 1.50}}}},
    )
    assert column(found, "info") == ["deep", None, None, "1.5"]
    assert column(found, "kind") == ["key", "place", None, None]
    assert column(found, "params") == ['{"n": 1}', None, None, None]
    assert faults(found) == []


def test_numbers_keep_their_digits() -> None:
    """Numbers beyond 2^53 and long fractions stay as they were written, in parameters and in texts."""
    number, fraction = "9007199254740993123", "0.10000000000000000001"
    record = f'{{"e":"x","id":{number},"p":{{"n":{number},"f":{fraction}}},"t":"{number}"}}'.encode()
    found = lines(
        NDJSON + 'id = { path = "id" }\nparams = { path = "p" }\n'
        "[params]\n"
        'a = { path = "p.n" }\n'
        'b = { path = "t", type = "int" }\n'
        'c = { path = "p.f", type = "float" }',
        record,
    )
    assert column(found, "id") == [number]
    expected = f'{{"n":{number},"f":{fraction},"a":{number},"b":{number},"c":{fraction}}}'
    assert column(found, "params") == [expected]


def test_the_whole_line_may_be_the_parameters() -> None:
    """A source without a path is the record itself, on one line."""
    found = lines(NDJSON + "params = {}", b'{"e":"x",\r "n": 1}', b'{"e":"y"}')
    assert column(found, "params") == ['{"e":"x","n": 1}', '{"e":"y"}']


def test_parameters_are_added_to_the_object() -> None:
    """Added parameters stand at the object's end, typed and escaped; those without a value are left out."""
    found = lines(
        NDJSON + 'params = { path = "p" }\n'
        "[params]\n"
        't = { path = "t", type = "text" }\n'
        '"quo te" = { path = "q" }\n'
        "one = { value = 1 }",
        {"e": "x", "p": {"a": 1}, "t": 'say "hi" \\ \n', "q": {"deep": [1, None]}},
        {"e": "x", "p": {}, "t": None},
        {"e": "x"},
    )
    assert [json.loads(text) for text in column(found, "params")] == [
        {"a": 1, "t": 'say "hi" \\ \n', "quo te": {"deep": [1, None]}, "one": 1},
        {"one": 1},
        {"one": 1},
    ]


def test_a_parameter_may_not_hide_another() -> None:
    """An added parameter that the object holds already is a fault of that row: neither value is lost."""
    found = lines(
        NDJSON + 'params = { path = "p" }\n[params]\na = { path = "a" }',
        b'{"e":"x","p":{"\\u0061":1},"a":2}',
        {"e": "x", "p": {"b": 1}, "a": 2},
        {"e": "x", "p": {"a": 1}},
    )
    assert faults(found) == [(1, "params.a: the object has this parameter already; name it otherwise")]
    assert column(found, "params") == ['{"b": 1,"a":2}', '{"a": 1}']


def test_a_bad_line_costs_its_own_row_only() -> None:
    """Whatever is wrong with a line, its neighbours are read, and the reason says what it was."""
    found = lines(
        NDJSON + 'level = { path = "l" }\nparams = { path = "p" }\ntime = { path = "t" }',
        {"e": "x", "l": 1},
        b'{"e":"x"},{"e":"',
        b'"}',
        b"[1]",
        b'{"e":"\xff"}',
        {"e": "x", "l": "many"},
        {"e": "x", "p": [1]},
        {"e": "x", "t": "yesterday"},
        b'{"e":"x","p":' + b"[" * 5000 + b"]" * 5000 + b"}",
        {"e": "y", "l": "2.0"},
    )
    assert column(found, "event") == ["x", "y"]
    assert column(found, "level") == [1, 2]
    assert list(found.places) == [1, 10]
    reasons = dict(faults(found))
    assert list(reasons) == [2, 3, 4, 5, 6, 7, 8, 9]
    assert reasons[4] == "must be a JSON object"
    assert "UTF-8" in reasons[5]
    assert reasons[6] == "fields.level: not a whole number: 'many'"
    assert reasons[7] == "fields.params: must be a JSON object"
    assert reasons[8] == "fields.time: not a time (iso): 'yesterday'"
    assert reasons[9] == "nested too deeply"


def test_session_and_profile_are_checked() -> None:
    """Session and profile keys are written in their types and checked as in a native record."""
    found = lines(
        NDJSON + 'session = { path = "s" }\n'
        "[session]\n"
        'app_version = { path = "v" }\n'
        'timezone_offset_ms = { path = "o" }\n'
        'device_ids = { path = "ids" }\n'
        'end = { path = "end" }\n'
        'platform = { value = "web" }\n'
        "[profile]\n"
        'birth_year = { path = "y" }\n'
        'is_tester = { path = "tester" }',
        {"e": "x", "v": 1, "o": "3600000", "ids": {"idfa": "A"}, "end": True, "y": 1990, "tester": "True"},
        {"e": "x", "s": {"country": "DE"}},
        {"e": "x", "o": "an hour"},
        {"e": "x", "s": {"planet": "Mars"}},
        {"e": "x", "y": 1.5},
    )
    assert [json.loads(text) for text in column(found, "session")] == [
        {
            "app_version": "1",
            "platform": "web",
            "timezone_offset_ms": 3_600_000,
            "device_ids": {"idfa": "A"},
        },
        {"country": "DE", "platform": "web"},
    ]
    assert column(found, "session_end") == [True, False]
    assert column(found, "profile") == ['{"birth_year":1990,"is_tester":true}', None]
    assert [place for place, _ in faults(found)] == [3, 4, 5]
    assert "planet" in dict(faults(found))[4]


@pytest.mark.parametrize(
    ("kind", "texts", "expected"),
    [
        ("int", ["5", "+5", "007", "-0", "5.0", " 5 ", "123456789012345678901"], "[5,5,7,0,5,5,123456789012345678901]"),
        ("float", ["5", ".5", "1e5", "-1.50", "1.", "+2"], "[5,0.5,1e5,-1.50,1.0,2.0]"),
        ("bool", ["true", "False", "1", "0"], "[true,false,true,false]"),
        ("json", ["[1, 2]", '"x"', "1.0", ' {"a":1} '], '[[1, 2],"x",1.0,{"a":1}]'),
        ("text", ["5", 'a"b', ""], '["5","a\\"b",""]'),
    ],
)
def test_types_of_parameters(write: Write, draft: DraftOf, kind: str, texts: Sequence[str], expected: str) -> None:
    """Each type writes its texts as JSON, with the digits that they have."""
    map_text = '[file]\nnull = []\n[fields]\nevent = { value = "x" }\n[params]\n'
    map_text += f'v = {{ column = "v", type = "{kind}" }}'
    out = draft(table(write, [{"n": "1", "v": text} for text in texts]), parse_map(map_text))
    assert column(out, "params") == [f'{{"v":{text}}}' for text in _elements(expected)]
    assert faults(out) == []


@pytest.mark.parametrize(
    ("kind", "texts"),
    [
        ("int", ["5.5", "1e3", "0x10", "1_000", "x", "+-5"]),
        ("float", ["nan", "inf", "-Infinity", "1e999", "1,5", "x"]),
        ("bool", ["yes", "2", "t"]),
        ("json", ["{", "nan", "01", "'a'", "[1],[2]"]),
    ],
)
def test_texts_of_another_type_are_faults(write: Write, draft: DraftOf, kind: str, texts: Sequence[str]) -> None:
    """A text that is not of its type is a fault of its row; good rows around it keep their values."""
    map_text = f'[fields]\nevent = {{ value = "x" }}\n[params]\nv = {{ column = "v", type = "{kind}" }}'
    rows = [{"n": "1", "v": text} for text in ["1", *texts, "0"]]
    out = draft(table(write, rows), parse_map(map_text))
    assert [place for place, _ in faults(out)] == list(range(3, len(texts) + 3))
    assert len(column(out, "params")) == 2


def test_texts_that_mean_no_value(write: Write, draft: DraftOf) -> None:
    """The map's null texts are no value in any column and path; an empty cell is one by default."""
    cells = [("a", "None", '{"d":"None"}'), ("b", "", "None"), ("c", "x", "{}")]
    rows = [dict(zip("euj", row, strict=True)) for row in cells]
    fields = (
        '[fields]\nevent = { column = "e" }\nuser_id = { column = "u" }\n'
        'device_id = { column = "j", path = "d" }\nparams = { column = "j" }\n'
    )
    said = draft(table(write, rows), parse_map('[file]\nnull = ["None"]\n' + fields))
    assert (column(said, "user_id"), column(said, "device_id")) == ([None, "", "x"], [None, None, None])
    assert column(said, "params") == ['{"d":"None"}', None, "{}"]
    silent = draft(table(write, rows), parse_map(fields))
    assert (column(silent, "user_id"), column(silent, "device_id")) == (["None", "x"], ["None", None])
    assert faults(silent) == [(3, "j: must be a JSON object")]


def test_native_columns(write: Write, draft: DraftOf) -> None:
    """A table without a map holds native records: nested names with dots, objects as JSON text."""
    rows = [
        {
            "event": "buy", "time": "2026-01-02T03:04:05Z", "page.url": "/x", "value": "1.5", "params": '{"a":1}',
            "params.level": "3", "session.country": "DE", "profile.level": "7", "signals.dead": "1",
        }
    ]  # fmt: skip
    (found,) = draft(table(write, rows), None).table.to_pylist()
    assert {name: value for name, value in found.items() if value not in (None, False)} == {
        "event": "buy",
        "time": 1_767_323_045_000,
        "page_url": "/x",
        "value": 1.5,
        "params": '{"a":1,"level":"3"}',
        "session": '{"country":"DE"}',
        "profile": '{"level":7}',
        "signal_dead": 1,
    }


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)


@given(st.lists(st.dictionaries(st.sampled_from("abc"), TEXT, min_size=1), min_size=1, max_size=20))
def test_hostile_text_survives_ndjson(records: list[dict[str, str]]) -> None:
    """Any text in any JSON value comes out as it went in, as a text and as a parameter."""
    map_text = 'info = { path = "a" }\n[params]\nb = { path = "b", type = "text" }\nc = { path = "c" }'
    found = lines(NDJSON + map_text, *({"e": "x"} | record for record in records))
    assert column(found, "info") == [record.get("a") for record in records]
    objects = [json.loads(text) if text else {} for text in column(found, "params")]
    assert objects == [{key: record[key] for key in "bc" if key in record} for record in records]


@given(st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=20), st.sampled_from([",", "\t"]))
def test_hostile_text_survives_tables(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str]], by: str
) -> None:
    """Any text in any cell that the standard library can write comes out as a parameter as it went in."""
    out = io.StringIO()
    writer = csv.writer(out, delimiter=by, quoting=csv.QUOTE_ALL)
    writer.writerow(["e", "a", "b"])
    writer.writerows([("x", *row) for row in rows])
    path = tmp_path_factory.mktemp("hostile") / ("x.csv" if by == "," else "x.tsv")
    path.write_bytes(out.getvalue().encode())
    map_text = '[file]\nnull = []\n[fields]\nevent = { column = "e" }\n[params]\n'
    map_text += 'a = { column = "a" }\nb = { column = "b" }'
    with reading(path) as file:
        found = extract(bound(parse_map(map_text), file.format, file.columns), next(file.blocks))
    assert [tuple(json.loads(text).values()) for text in column(found, "params")] == rows


def table(write: Write, rows: Sequence[dict[str, str]]) -> Path:
    out = io.StringIO()
    writer = csv.DictWriter(out, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return write("rows.csv", out.getvalue())


def _elements(array: str) -> list[str]:
    """The elements of a JSON array as they are written."""

    return [bytes(raw).decode() for raw in msgspec.json.decode(array, type=list[msgspec.Raw])]
