"""Parquet: typed columns; times are timestamps in UTC, lists of events are lists of structs.

Pieces of a part are Arrow record batches, since row groups of several files cannot be joined; `write_file` makes the
file from them.
"""

from collections.abc import Iterable, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tailrace.formats.text import array_of
from tailrace.formats.values import plain
from tailrace.formats.wide import Members
from tailrace.model.fields import Field, Kind
from tailrace.model.sheet import Sheet, is_param

ROW_GROUP_BYTES = 64 << 20
ROW_GROUP_ROWS = 131_072

_TYPES: dict[Kind, pa.DataType] = {
    "text": pa.string(),
    "json": pa.string(),
    "any": pa.string(),
    "map": pa.string(),
    "members": pa.string(),
    "int": pa.int64(),
    "time": pa.timestamp("ms", "UTC"),
    "float": pa.float64(),
    "bool": pa.bool_(),
}
_IPC = pa.ipc.IpcWriteOptions(compression="lz4")


def schema_of(sheet: Sheet) -> pa.Schema:
    """The columns of a file."""
    fields = [pa.field(column.name, _TYPES[column.kind]) for column in sheet.columns]
    if sheet.inner:
        inner = pa.struct([pa.field(column.name, _TYPES[column.kind]) for column in sheet.inner])
        fields[-1] = pa.field(sheet.columns[-1].name, pa.list_(inner))
    return pa.schema(fields)


def event_table(fragments: pa.Table, parent: pa.Array, events: pa.Table, columns: Sequence[Field]) -> pa.Table:
    """A row per event."""
    arrays = [
        _typed(array_of(fragments, f).take(parent) if f.grain == "session" else array_of(events, f), f) for f in columns
    ]
    return pa.Table.from_arrays(arrays, names=[f.name for f in columns])


def session_table(fragments: pa.Table, parent: pa.Array, events: pa.Table, sheet: Sheet) -> pa.Table:
    """A row per fragment, its events nested where there are columns of them."""
    if not sheet.inner:
        return pa.Table.from_arrays([_typed(array_of(fragments, f), f) for f in sheet.columns], schema=schema_of(sheet))
    inner = [_typed(array_of(events, f), f) for f in sheet.inner]
    structs = pa.StructArray.from_arrays(inner, fields=list(schema_of(sheet).field(-1).type.value_type))
    offsets = np.searchsorted(parent.to_numpy(), np.arange(fragments.num_rows + 1))
    nested = pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), structs)
    own = [_typed(array_of(fragments, f), f) for f in sheet.columns[:-1]]
    return pa.Table.from_arrays([*own, nested], names=[f.name for f in sheet.columns])


def wide_columns(members: Members, sheet: Sheet, start: int, stop: int) -> list[pa.Array]:
    """The parameter columns of the rows ``start..stop``, which are rows of that sheet."""
    low, high = np.searchsorted(members.row, [start, stop])
    row, column = members.row[low:high] - start, members.column[low:high]
    values = members.value.slice(low, high - low)
    fields = [field for field in sheet.columns if is_param(field)]
    order = np.argsort(column, kind="stable")
    bounds = np.searchsorted(column[order], np.arange(len(fields) + 1))
    found = []
    for place, field in enumerate(fields):
        here = order[bounds[place] : bounds[place + 1]]
        index = np.full(stop - start, -1)
        index[row[here]] = here
        found.append(_parsed(values.take(pa.array(index, mask=index < 0)), field.kind))
    return found


def pack(table: pa.Table) -> bytes:
    """Rows as one piece of a part."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema, options=_IPC) as out:
        out.write_table(table)
    packed: bytes = sink.getvalue().to_pybytes()
    return packed


def write_file(sink: object, sheet: Sheet, pieces: Iterable[bytes]) -> None:
    """A whole file from pieces, in row groups of bounded size."""
    schema = schema_of(sheet)
    with pq.ParquetWriter(sink, schema, compression="zstd", compression_level=3, write_statistics=True) as out:
        for group in _groups(pa.ipc.open_stream(piece).read_all() for piece in pieces):
            out.write_table(group.cast(schema), row_group_size=group.num_rows)


def _groups(tables: Iterable[pa.Table]) -> Iterable[pa.Table]:
    waiting: list[pa.Table] = []
    rows = size = 0
    for table in tables:
        if waiting and (rows + table.num_rows > ROW_GROUP_ROWS or size + table.nbytes > ROW_GROUP_BYTES):
            yield pa.concat_tables(waiting)
            waiting, rows, size = [], 0, 0
        waiting.append(table)
        rows += table.num_rows
        size += table.nbytes
    if rows:
        yield pa.concat_tables(waiting)


def _typed(column: pa.Array, field: Field) -> pa.Array:
    return column.cast(pa.timestamp("ms")).cast(_TYPES["time"]) if field.kind == "time" else column


def _parsed(values: pa.Array, kind: Kind) -> pa.Array:
    """JSON texts as values of a kind."""
    if kind == "any":
        return pc.if_else(pc.equal(values, "null"), pa.scalar(None, pa.string()), values)
    texts = plain(values)
    try:
        return texts.cast(_TYPES[kind])
    except pa.ArrowInvalid:
        return _what_fits(texts, _TYPES[kind])


def _what_fits(texts: pa.Array, type_: pa.DataType) -> pa.Array:
    """Texts as values of a type; what it cannot hold is missing. Kinds are chosen so that nothing is."""
    distinct = texts.dictionary_encode()
    return pa.concat_arrays([_one(text, type_) for text in distinct.dictionary]).take(distinct.indices)


def _one(text: pa.Scalar, type_: pa.DataType) -> pa.Array:
    try:
        return pa.array([text.cast(type_)], type_)
    except pa.ArrowInvalid:
        return pa.nulls(1, type_)
