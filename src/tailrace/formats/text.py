"""Rows as text, without a Python loop per row: what json, csv and xml have in common.

What is the same for all events of a fragment is rendered once per fragment and taken by index; then one element-wise
join makes the rows, and its buffer is the output.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import groupby
from typing import Any, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tailrace.model.fields import Field, Kind

Ints: TypeAlias = npt.NDArray[np.int64]
Cuttable: TypeAlias = tuple[memoryview, Ints]
Text: TypeAlias = Any  # a text per row as a pyarrow array, or one for all rows as a pyarrow scalar or a str


class Dialect(Protocol):
    """How a format writes a row. A row is its opening, a cell per column, its closing."""

    opening: str
    closing: str

    def anchor(self, columns: Sequence[Field]) -> int:
        """The place of the column that has no separator; those before it have theirs behind them."""

    def cell(self, values: pa.Array, field: Field, place: int) -> list[Text]:
        """A column's cell of each row with all that belongs to it (label, separator), in parts; none is ever null.

        `place` counts from the anchor.
        """

    def untidy(self, columns: Sequence[Field]) -> bool:
        """Whether rows of these columns need `tidy`."""

    def tidy(self, rows: pa.Array) -> pa.Array:
        """What is left to do once the rows are joined."""

    def around_list(self, field: Field, place: int) -> tuple[str, str, str]:
        """What stands before a list of events, between two of them, and after it; the list is the last column."""

    def element(self) -> "Dialect":
        """How an event is written inside a list."""


# Between these Arrow and Python write the same digits, and none of them an exponent.
_SMALLEST, _LARGEST = 1e-4, 1e15


def event_rows(
    dialect: Dialect, fragments: pa.Table, parent: pa.Array, events: pa.Table, columns: Sequence[Field]
) -> pa.Array:
    """A row per event, whose fragment is row `parent[i]`; `columns` gives their order."""
    return finish_rows(dialect, event_cells(dialect, fragments, parent, events, columns), columns, len(parent))


def event_text(
    dialect: Dialect, fragments: pa.Table, parent: pa.Array, events: pa.Table, columns: Sequence[Field]
) -> Cuttable:
    """The same as one text, and where each row begins and the last ends."""
    parents = parent.to_numpy()
    session = [field for field in columns if field.grain == "session"]
    session_first = len(session) and all(f.grain == "event" for f in columns[len(session) :])
    if not session_first or dialect.untidy(columns) or (parents[1:] < parents[:-1]).any():
        return buffer_of(event_rows(dialect, fragments, parent, events, columns))
    before = join(dialect.opening, *_parts(dialect, fragments, session, columns))
    after = join(*_parts(dialect, events, columns[len(session) :], columns))
    if not isinstance(before, pa.Array) or not isinstance(after, pa.Array):  # no column has a value anywhere
        return buffer_of(event_rows(dialect, fragments, parent, events, columns))
    return _strung(before, parents, after, dialect.closing)


def _strung(before: pa.Array, parents: Ints, after: pa.Array, closing: str) -> Cuttable:
    """Rows of what their fragment has before them and of what comes after, without a copy of the former per row.

    What stands between two rows of a fragment is always the same: the end of a row and the beginning of the next. So
    it is the separator of a list, and each list begins with an empty text, which puts a separator before its first row
    too. At the end of the whole one row's ending is missing, at its beginning there is one too many.
    """
    data, bounds = buffer_of(after)
    starts = np.searchsorted(parents, np.arange(len(before) + 1))
    doubled = np.insert(bounds, [*starts[:-1], len(parents)], [*bounds[starts[:-1]], bounds[-1]]).astype(np.int32)
    texts = pa.StringArray.from_buffers(len(doubled) - 1, pa.py_buffer(doubled), pa.py_buffer(data))
    offsets = starts + np.arange(len(starts))
    offsets[-1] += 1
    separators = join(closing, before)
    strung, _ = buffer_of(pc.binary_join(pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), texts), separators))
    own = pc.binary_length(before).to_numpy()
    lengths = own[parents] + np.diff(bounds) + len(closing.encode())
    ends = np.concatenate([[0], np.cumsum(lengths)])
    return strung[len(closing.encode()) : len(closing.encode()) + int(ends[-1])], ends


def _parts(dialect: Dialect, table: pa.Table, fields: Sequence[Field], columns: Sequence[Field]) -> list[Text]:
    """The cells of columns of one table, in parts."""
    anchor = dialect.anchor(columns)
    places = {field.name: place - anchor for place, field in enumerate(columns)}
    return [part for f in fields for part in dialect.cell(array_of(table, f), f, places[f.name])]


def event_cells(
    dialect: Dialect, fragments: pa.Table, parent: pa.Array, events: pa.Table, columns: Sequence[Field]
) -> list[Text]:
    """The cells of a row per event, in parts, those of neighbouring columns of the session joined."""
    cells: list[Text] = []
    for grain, members in groupby(columns, key=lambda f: f.grain):
        parts = _parts(dialect, fragments if grain == "session" else events, list(members), columns)
        cells += [_taken(join(*parts), parent)] if grain == "session" else parts
    return cells


def _taken(text: Text, parent: pa.Array) -> Text:
    return text.take(parent) if isinstance(text, pa.Array) else text


def session_rows(
    dialect: Dialect,
    fragments: pa.Table,
    parent: pa.Array,
    events: pa.Table,
    columns: Sequence[Field],
    inner: Sequence[Field],
) -> Cuttable:
    """A row per fragment; where there is `inner`, the last of `columns` is the list of its events with those."""
    cells = _parts(dialect, fragments, columns[:-1] if inner else columns, columns)
    if not inner:
        return buffer_of(finish_rows(dialect, cells, columns, fragments.num_rows))
    lists = dialect.around_list(columns[-1], len(columns) - 1 - dialect.anchor(columns))
    starts = np.searchsorted(parent.to_numpy(), np.arange(fragments.num_rows + 1))
    element = dialect.element()
    if dialect.untidy(columns) or element.untidy(inner) or (np.diff(starts) == 0).any():
        texts = event_rows(element, fragments, parent, events, inner)
        listed = join_lists(texts, pa.array(starts, pa.int32()), lists[1])
        return buffer_of(finish_rows(dialect, [*cells, lists[0], listed, lists[2]], columns, fragments.num_rows))
    return _nested(dialect, cells, _parts(element, events, inner, inner), lists, starts)


def _nested(
    dialect: Dialect, cells: Sequence[Text], inner: Sequence[Text], lists: tuple[str, str, str], starts: Ints
) -> Cuttable:
    """Rows of sessions by a single join over their events: the cells of those of row i begin at ``starts[i]``.

    Before its first event stands the session itself, after its last what ends it.
    """
    element, (opening, between, closing) = dialect.element(), lists
    before = join(dialect.opening, *cells, opening, element.opening)
    heads = pa.concat_arrays([_repeated(before, len(starts) - 1), pa.array([between + element.opening])])
    which = np.full(starts[-1], len(starts) - 1)
    which[starts[:-1]] = np.arange(len(starts) - 1)
    ends = np.zeros(starts[-1], dtype=np.int64)
    ends[starts[1:] - 1] = 1
    tails = pa.array([element.closing, element.closing + closing + dialect.closing])
    data, bounds = buffer_of(join(heads.take(pa.array(which)), *inner, tails.take(pa.array(ends))))
    return data, bounds[starts]


def _repeated(text: Text, count: int) -> pa.Array:
    return text if isinstance(text, pa.Array) else pa.repeat(text, count)


def finish_rows(dialect: Dialect, cells: Sequence[Text], columns: Sequence[Field], count: int) -> pa.Array:
    """Cells as whole rows."""
    rows = join(dialect.opening, *cells, dialect.closing)
    if isinstance(rows, pa.Scalar):  # no column has a value anywhere
        rows = pa.repeat(rows, count)
    return dialect.tidy(rows) if dialect.untidy(columns) else rows


def array_of(table: pa.Table, field: Field) -> pa.Array:
    """A field's column in one piece."""
    column = table[field.name]
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def join(*parts: Text) -> Text:
    """Texts joined row by row; constants that stand side by side are one."""
    merged: list[Text] = []
    for part in parts:
        if isinstance(part, str) and merged and isinstance(merged[-1], str):
            merged[-1] += part
        else:
            merged.append(part)
    return pc.binary_join_element_wise(*(literal(p) if isinstance(p, str) else p for p in merged), literal(""))


def join_lists(texts: pa.Array, offsets: pa.Array, separator: str) -> pa.Array:
    """The texts ``offsets[i]:offsets[i + 1]`` of each i in one."""
    return pc.binary_join(pa.ListArray.from_arrays(offsets, texts), literal(separator))


@lru_cache(maxsize=4096)
def literal(text: str) -> pa.Scalar:
    """A constant, made once: making one anew for each call costs more than the call."""
    return pa.scalar(text)


def filled(parts: list[Text], missing: str = "") -> list[Text]:
    """A cell in parts, as one that is empty, or a text of its own, where there is no value."""
    if not any(isinstance(part, pa.Array) and part.null_count for part in parts):
        return parts
    return [pc.fill_null(join(*parts), literal(missing))]


def by_value(column: pa.Array, render: Callable[[object], str]) -> pa.Array:
    """Render each distinct value once."""
    encoded = column.dictionary_encode()
    rendered = pa.array([render(value) for value in encoded.dictionary.to_pylist()], pa.string())
    return rendered.take(encoded.indices)


def has_byte(column: pa.Array, signs: bytes, below: int = 0) -> bool:
    """Whether a text holds one of the signs, or a byte below. Looking at all bytes at once beats a search per text."""
    data = np.frombuffer(buffer_of(column)[0], np.uint8)
    return any(bool((data == sign).any()) for sign in signs) or bool(below and (data < below).any())


def where_needed(column: pa.Array, pattern: str, change: Callable[[pa.Array], pa.Array]) -> pa.Array:
    """Change only the texts that match: most columns have none, and looking costs less than changing."""
    needs = pc.match_substring_regex(column, pattern)
    found = pc.sum(needs).as_py() or 0
    if not found:
        return column
    if found == len(column):
        return change(column)
    if found > len(column) // 4:
        return pc.if_else(needs, change(column), column)
    return pc.replace_with_mask(column, pc.fill_null(needs, False), change(column.filter(needs)))


def times(column: pa.Array) -> list[Text]:
    """ISO 8601 in UTC with milliseconds, in parts."""
    text = pc.cast(column.cast(pa.timestamp("ms")), pa.string())
    return [pc.binary_replace_slice(text, 10, 11, "T"), "Z"]


def floats(column: pa.Array) -> pa.Array:
    """Python's shortest text of a float, without a minus on zero."""
    values = column.drop_null().to_numpy()
    size = np.abs(values)
    if not ((size >= _SMALLEST) & (size < _LARGEST) | (size == 0) & ~np.signbit(values)).all():
        return by_value(column, lambda value: repr(0.0 if value == 0 else value))
    text = pc.cast(column, pa.string())
    if (values != np.floor(values)).all():
        return text
    return pc.if_else(pc.match_substring(text, "."), text, join(text, ".0"))


def integers(column: pa.Array) -> pa.Array:
    """Decimal digits."""
    return pc.cast(column, pa.string())


def booleans(column: pa.Array) -> pa.Array:
    """``true`` and ``false``."""
    return pc.if_else(column, literal("true"), literal("false"))


# The kinds that have nothing to escape, in parts.
SCALARS: dict[Kind, Callable[[pa.Array], list[Text]]] = {
    "int": lambda column: [integers(column)],
    "time": times,
    "float": lambda column: [floats(column)],
    "bool": lambda column: [booleans(column)],
}


def buffer_of(rows: pa.Array) -> Cuttable:
    """The bytes of texts without a copy, and where each begins and the last ends."""
    if not len(rows):
        return memoryview(b""), np.zeros(1, dtype=np.int64)
    offsets = np.frombuffer(rows.buffers()[1], dtype=np.int32)[rows.offset : rows.offset + len(rows) + 1]
    data = memoryview(rows.buffers()[2] or b"")[int(offsets[0]) : int(offsets[-1])]
    return data, (offsets - offsets[0]).astype(np.int64)
