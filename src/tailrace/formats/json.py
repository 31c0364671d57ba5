"""NDJSON: one object per line, a key without a value left out.

No Python loop per row: what is the same for all events of a fragment is rendered once per fragment and taken by index;
then one element-wise join makes the lines, and its buffer is the output.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from itertools import groupby

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from tailrace.model.fields import Field, Kind

MEDIA_TYPE = "application/x-ndjson"
EXTENSION = "ndjson"

# Fields that always have a value: one of them in first place spares every line a comma to drop.
_ALWAYS = frozenset(("id", "event", "time", "received_at", "session_id", "session_start", "actor", "number"))
_UNSAFE = r'["\\\x00-\x1f]'


def encode_rows(fragments: pa.Table, parent: pa.Array, events: pa.Table, columns: Sequence[Field]) -> memoryview:
    """Lines for events whose fragment is row `parent[i]`; `columns` gives the keys and their order."""
    leading = columns[0].name in _ALWAYS
    parts = [
        part.take(parent) if grain == "session" and isinstance(part, pa.Array) else part
        for grain, part in _runs(fragments, events, columns, leading)
    ]
    lines = _join("{", *parts, "}\n")
    if isinstance(lines, pa.Scalar):  # no column has a value anywhere
        lines = pa.repeat(lines, len(parent))
    if not leading:
        lines = pc.replace_substring(lines, "{,", "{", max_replacements=1)
    return _text(lines)


def _runs(
    fragments: pa.Table, events: pa.Table, columns: Sequence[Field], leading: bool
) -> Iterator[tuple[str, pa.Array]]:
    """Neighbouring columns of one grain, rendered into one text per row of their table."""
    first = columns[0] if leading else None
    for grain, members in groupby(columns, key=lambda f: f.grain):
        table = fragments if grain == "session" else events
        rendered = [_member(_array(table, f), f, "" if f is first else ",") for f in members]
        yield grain, _join(*rendered)


def _member(column: pa.Array, field: Field, comma: str) -> pa.Array | pa.Scalar:
    """The text ``,"name":value`` per row; empty where there is no value."""
    if column.null_count == len(column):
        return _literal("")
    text = _join(f'{comma}"{field.name}":', _RENDER[field.kind](column))
    return pc.fill_null(text, _literal("")) if column.null_count else text


def _array(table: pa.Table, field: Field) -> pa.Array:
    column = table[field.name]
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def _join(*parts: pa.Array | pa.Scalar | str) -> pa.Array:
    """Texts joined row by row."""
    return pc.binary_join_element_wise(*(_literal(p) if isinstance(p, str) else p for p in parts), _literal(""))


@lru_cache(maxsize=1024)
def _literal(text: str) -> pa.Scalar:
    """A constant, made once: making one anew for each call costs more than the call."""
    return pa.scalar(text)


def _strings(column: pa.Array) -> pa.Array:
    unsafe = pc.match_substring_regex(column, _UNSAFE)
    if not pc.any(unsafe).as_py():
        return _join('"', column, '"')
    return _by_value(column, lambda text: msgspec.json.encode(text).decode())


def _by_value(column: pa.Array, render: Callable[[object], str]) -> pa.Array:
    """Render each distinct value once."""
    encoded = column.dictionary_encode()
    rendered = pa.array([render(value) for value in encoded.dictionary.to_pylist()], pa.string())
    return rendered.take(encoded.indices)


def _times(column: pa.Array) -> pa.Array:
    text = pc.cast(column.cast(pa.timestamp("ms")), pa.string())
    return _join('"', pc.binary_replace_slice(text, 10, 11, "T"), 'Z"')


def _number_text(value: object) -> str:
    """Python's shortest text of a float, without a minus on zero."""
    return repr(0.0 if value == 0 else value)


_RENDER: dict[Kind, Callable[[pa.Array], pa.Array]] = {
    "text": _strings,
    "json": lambda column: column,
    "int": lambda column: pc.cast(column, pa.string()),
    "time": _times,
    "float": lambda column: _by_value(column, _number_text),
    "bool": lambda column: pc.if_else(column, _literal("true"), _literal("false")),
}


def _text(lines: pa.Array) -> memoryview:
    """The bytes of a string array without a copy."""
    offsets = pa.Array.from_buffers(pa.int32(), len(lines) + 1, [None, lines.buffers()[1]], offset=lines.offset)
    return memoryview(lines.buffers()[2])[offsets[0].as_py() : offsets[-1].as_py()] if len(lines) else memoryview(b"")
