"""Members of JSON texts, exactly as they were sent."""

import json
from unittest.mock import patch

import pyarrow as pa
import pytest

from tailrace.columns import jsontext
from tailrace.columns.jsontext import decode, extract, extract_all, members

HOSTILE = ["", '"', "\\", "a.b", "a/b", "~0", "[0]", "$", "\x00", "é", "😀", "{", "a,b:c", "'", "%s"]


def in_escapes(key: str) -> str:
    """A key as JSON, each UTF-16 unit an escape."""
    units = key.encode("utf-16-be").hex()
    return '"' + "".join(f"\\u{units[place : place + 4]}" for place in range(0, len(units), 4)) + '"'


@pytest.mark.parametrize("ensure_ascii", [True, False])
def test_keys_of_any_spelling_are_found(*, ensure_ascii: bool) -> None:
    """Each key gives its own value however it is spelled, and none gives that of another."""
    text = json.dumps({key: [key] for key in HOSTILE}, ensure_ascii=ensure_ascii)
    escaped = "{" + ",".join(f"{in_escapes(key)}:1" for key in HOSTILE) + "}"
    for key in HOSTILE:
        raw, other = extract(pa.array([text, escaped]), key).to_pylist()
        assert json.loads(raw) == [key]
        assert other == "1"


def test_values_stay_as_they_were_sent() -> None:
    """Digits, zeros, exponents, escapes and inner spaces of a value are not touched; outer spaces are."""
    raws = ["123456789012345678901234567890", "1.10", "1e5", "-0", "1E400", '"\\u00e9\\/"', '[1 , {"a":2.50}]', "null"]
    texts = pa.array([f'{{"b":{{"a":0}}, "a"\t: \t{raw}\n ,"c":"a"}}' for raw in raws])
    assert extract(texts, "a").to_pylist() == raws
    assert members(texts).value.to_pylist() == [part for raw in raws for part in ('{"a":0}', raw, '"a"')]


def test_the_last_of_equal_keys_counts() -> None:
    """Of a key that stands twice, however spelled, extract and members give the last value, as JSON parsers do."""
    texts = pa.array(['{"a":1,"b":2,"\\u0061":3}', '{"b":4,"b":null}', '{"a":5}'])
    assert [column.to_pylist() for column in extract_all(texts, ["a", "b"])] == [["3", None, "5"], ["2", "null", None]]
    found = members(texts)
    assert found.row.to_pylist() == [0, 0, 1, 2]
    assert found.key.to_pylist() == ["b", "a", "b", "a"]
    assert found.value.to_pylist() == ["2", "3", "null", "5"]


def test_rows_without_members_are_passed_over() -> None:
    """Null, an empty object, other JSON, a slice of an array and no row at all are all fine."""
    texts = pa.array(['{"a":0}', None, "{ }", "[1,{}]", '"a:1,{"', "7", '{"a":1}', '{"a":2}']).slice(1, 6)
    assert extract(texts, "a").to_pylist() == [None, None, None, None, None, "1"]
    assert members(texts).row.to_pylist() == [5]
    for nothing in (texts.slice(0, 0), texts.slice(0, 1), pa.array([""])):
        assert extract(nothing, "a").null_count == len(nothing)
        assert [len(column) for column in members(nothing)] == [0, 0, 0]


def test_a_text_larger_than_a_block_is_whole() -> None:
    """Very large and deeply nested values are given in full, and so are their neighbours."""
    large, deep = json.dumps(["x,{" * 300_000]), "[" * 64 + "]" * 64
    texts = pa.array(['{"a":1}', f'{{"a":{large},"b":{deep}}}', '{"a":2}'])
    assert extract(texts, "a").to_pylist() == ["1", large, "2"]
    assert members(texts).value.to_pylist() == ["1", large, deep, "2"]


def test_blocks_do_not_show() -> None:
    """Members are the same when every text is a block of its own, with a dictionary of keys of its own."""
    texts = pa.array([f'{{"k{n % 3}":{n},"\\u006b":"{n}"}}' for n in range(10)])
    with patch.object(jsontext, "BLOCK_BYTES", 1):
        small = members(texts)
    for one, other in zip(small, members(texts), strict=True):
        assert one.to_pylist() == other.to_pylist()
    assert len(small.key.dictionary) == 4


def test_half_a_surrogate_pair_is_a_replacement_character() -> None:
    """What accept would refuse is still text here, and spoils no other."""
    assert decode(pa.array(['"\\ud800"', '"\\ud83d\\ude00"', '"a"'])).to_pylist() == ["\ufffd", "😀", "a"]
