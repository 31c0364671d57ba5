"""Batches of accepted records as bytes, for the inbox and for what a seal carries over."""

import pyarrow as pa

from tailrace.store.schema import RECORD_SCHEMA

_OPTIONS = pa.ipc.IpcWriteOptions(compression="zstd")


def pack_records(records: pa.Table) -> bytes:
    """A table of `RECORD_SCHEMA` as one compressed Arrow stream."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, RECORD_SCHEMA, options=_OPTIONS) as writer:
        writer.write_table(records.combine_chunks())
    return bytes(sink.getvalue())


def unpack_records(blob: bytes) -> pa.Table:
    """The table that `pack_records` packed; columns added since then are null."""
    with pa.ipc.open_stream(blob) as reader:
        table = reader.read_all()
    return pa.table(
        {f.name: _column(table, f) for f in RECORD_SCHEMA},
        schema=RECORD_SCHEMA,
    )


def no_records() -> pa.Table:
    """An empty table of `RECORD_SCHEMA`."""
    return RECORD_SCHEMA.empty_table()


def _column(table: pa.Table, field: pa.Field) -> pa.ChunkedArray | pa.Array:
    if field.name in table.column_names:
        return table[field.name]
    return pa.nulls(table.num_rows, field.type)
