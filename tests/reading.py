"""Export files as other programs read them: a reader per format that shares nothing with the encoders, and one normal
form of rows, in which files of all formats must be equal. `docs/formats.md` has the table that it goes by.
"""

import csv
import io
import json
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any
from xml.etree import ElementTree

import pyarrow.parquet as pq

Row = dict[str, Any]
Translate = Callable[[str], str]

_CELL = re.compile(r'("(?:[^"]|"")*"|[^",\r\n]*)(,|\r\n)')
_ESCAPE = re.compile("_x([0-9A-F]{4,8})?_")
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_HALF = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True)
class Columns:
    """Columns by name with their kinds, as the schema file has them; `inner` are those of nested events."""

    kinds: Mapping[str, str]
    inner: "Columns | None" = field(default=None)


def columns_of(schema: Mapping[str, Any]) -> Columns:
    """The columns that a row's schema names."""
    found = schema["properties"]
    nested = [columns_of(one["items"]) for one in found.values() if "items" in one]
    kinds = {name: "events" if "items" in one else one["x-kind"] for name, one in found.items()}
    return Columns(kinds, nested[0] if nested else None)


def read_lines(data: bytes) -> list[Row]:
    """NDJSON: each line ends in a newline."""
    lines = data.decode().split("\n")
    assert lines.pop() == ""
    return [parsed(line) for line in lines]


def read_array(data: bytes) -> list[Row]:
    """One JSON array."""
    rows: list[Row] = parsed(data.decode())
    return rows


def read_csv(data: bytes) -> list[Row]:
    """CSV by the grammar of RFC 4180, which tells an empty text from a missing one; the standard library agrees."""
    text = data.decode()
    rows: list[list[str | None]] = [[]]
    place = 0
    while place < len(text):
        cell = _CELL.match(text, place)
        assert cell, text[place : place + 40]
        raw, place = cell[1], cell.end()
        rows[-1].append((raw[1:-1].replace('""', '"') if raw.startswith('"') else raw) if raw else None)
        if cell[2] != ",":
            rows.append([])
    assert rows.pop() == []
    csv.field_size_limit(sys.maxsize)  # the events of a session are one cell
    assert [[cell or "" for cell in row] for row in rows] == list(
        csv.reader(io.StringIO(text, newline=""), strict=True)
    )
    header, *body = rows
    return [{str(name): cell for name, cell in zip(header, row, strict=True) if cell is not None} for row in body]


def read_xml(data: bytes) -> list[Row]:
    """XML by a parser of the standard library; each row is on a line of its own."""
    root = ElementTree.fromstring(data)  # noqa: S314 - our own file
    assert len(data.splitlines()) == len(data.split(b"\n")) - 1 == len(root) + 3
    return [_element(row) for row in root]


def _element(row: ElementTree.Element) -> Row:
    found: Row = {unescaped(cell.tag): list(map(_element, cell)) if len(cell) else cell.text or "" for cell in row}
    assert len(found) == len(row)
    return found


def unescaped(name: str) -> str:
    """The name that an element's name stands for."""
    return _ESCAPE.sub(lambda found: chr(int(found[1], 16)) if found[1] else "", name)


def read_parquet(data: bytes) -> list[Row]:
    """Parquet; a key without a value is left out."""
    rows: list[Row] = pq.read_table(io.BytesIO(data)).to_pylist()
    return [_present(row) for row in rows]


def _present(row: Row) -> Row:
    return {name: _inner(value) for name, value in row.items() if value is not None}


def _inner(value: Any) -> Any:
    return [_present(event) for event in value] if isinstance(value, list) else value


def parsed(text: str) -> Any:
    """A JSON text, numbers exact."""
    return json.loads(text, parse_float=Decimal, parse_constant=_refuse)


def _refuse(text: str) -> Any:
    raise ValueError(text)


def same(text: str) -> str:
    """A text as it is."""
    return text


def as_xml(text: str) -> str:
    """A text as XML can hold it."""
    return _NOT_XML.sub("\ufffd", text)


def normal(format_: str, rows: Iterable[Row], columns: Columns, translate: Translate = same) -> list[Row]:
    """Rows of a format in the normal form; `translate` is what another format makes of texts."""
    return [
        {name: _VALUES[format_](value, columns, columns.kinds[name], translate) for name, value in row.items()}
        for row in rows
    ]


def _of_json(value: Any, columns: Columns, kind: str, translate: Translate) -> Any:
    if kind == "events":
        return normal("json", value, columns.inner or columns, translate)
    if kind == "json":
        return frozen(value, translate)
    if kind == "any":
        return alike(translate(whole(value)), translate) if isinstance(value, str) else frozen(value, translate)
    if kind == "float":
        return float(value) + 0.0
    return translate(whole(value)) if isinstance(value, str) else value


def _of_text(value: Any, columns: Columns, kind: str, translate: Translate) -> Any:
    if isinstance(value, list):
        return normal("xml", value, columns.inner or columns, translate)
    if kind in ("json", "events"):
        return _of_json(parsed(value), columns, kind, translate)
    if kind == "any":
        return alike(translate(value), translate)
    if kind == "bool":
        return {"true": True, "false": False}[value]
    if kind == "float":
        return float(value) + 0.0
    return int(value) if kind == "int" else translate(value)


def _of_parquet(value: Any, columns: Columns, kind: str, translate: Translate) -> Any:
    if isinstance(value, list):
        return normal("parquet", value, columns.inner or columns, translate)
    if kind == "time":
        assert isinstance(value, datetime)
        return value.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"
    if kind in ("json", "any"):
        return _of_json(parsed(value), columns, kind, translate)
    assert type(value) is {"int": int, "float": float, "bool": bool, "text": str}[kind]
    return _of_json(value, columns, kind, translate)


_VALUES: dict[str, Callable[[Any, Columns, str, Translate], Any]] = {
    "json": _of_json,
    "csv": _of_text,
    "xml": _of_text,
    "parquet": _of_parquet,
}


def alike(text: str, translate: Translate = same) -> Any:
    """A parameter as text: what reads as JSON is that, since a string of digits looks like a number."""
    try:
        value = parsed(text)
    except (ValueError, RecursionError):
        return text
    return text if isinstance(value, str) else frozen(value, translate)


def whole(text: str) -> str:
    """A text with U+FFFD for each half of a surrogate pair."""
    return _HALF.sub("\ufffd", text)


def frozen(value: Any, translate: Translate = same) -> Any:
    """A JSON value as one that compares: numbers exact, keys in order. Control characters stay: JSON escapes them."""
    if isinstance(value, dict):
        return "{", *sorted((_noted(k, translate), frozen(v, translate)) for k, v in value.items())
    if isinstance(value, list):
        return "[", *(frozen(one, translate) for one in value)
    if isinstance(value, Decimal):
        return f"{value.normalize()}"
    return _noted(value, translate) if isinstance(value, str) else repr(value)


def _noted(text: str, translate: Translate) -> str:
    return "".join(translate(sign) if sign > "\ufffd" else sign for sign in text) if translate is not same else text


def multiset(rows: Iterable[Row]) -> Counter[str]:
    """Rows as a multiset, `true` unlike 1."""
    return Counter(repr(sorted(row.items())) for row in rows)


def difference(one: Sequence[Row], other: Sequence[Row]) -> tuple[Counter[str], Counter[str]]:
    """What each of two files has that the other has not."""
    left, right = multiset(one), multiset(other)
    return left - right, right - left


NOTHING: tuple[Counter[str], Counter[str]] = (Counter(), Counter())
