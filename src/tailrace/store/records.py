"""Batches of accepted records as bytes, for the inbox and for what a seal carries over.

A batch has only the columns in which it says something: most records say little of what could be said, and a column
costs as much time for fifty nulls as for fifty values.
"""

from collections.abc import Sequence

import pyarrow as pa

from tailrace.store.schema import RECORD_SCHEMA

_OPTIONS = pa.ipc.IpcWriteOptions(compression="zstd", use_threads=False)  # batches are small: threads would wait


def pack_records(batches: Sequence[pa.Table]) -> bytes:
    """Tables with columns of `RECORD_SCHEMA`, one after the other, as one compressed Arrow stream."""
    table = _narrow(batches)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema, options=_OPTIONS) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def unpack_records(blob: bytes) -> pa.Table:
    """The table that `pack_records` packed; columns that say nothing are left out."""
    with pa.ipc.open_stream(blob) as reader:
        return reader.read_all()


def joined_records(batches: Sequence[pa.Table]) -> pa.Table:
    """Batches one after the other, as a table of `RECORD_SCHEMA`; columns that a batch does not have are null."""
    narrow = pa.concat_tables(batches, promote_options="default") if batches else RECORD_SCHEMA.empty_table()
    there = set(narrow.column_names)
    columns = [narrow[f.name] if f.name in there else pa.nulls(narrow.num_rows, f.type) for f in RECORD_SCHEMA]
    return pa.Table.from_arrays(columns, schema=RECORD_SCHEMA)


def _narrow(batches: Sequence[pa.Table]) -> pa.Table:
    """Batches in one piece, without columns that say nothing."""
    whole = pa.concat_tables(batches, promote_options="default").combine_chunks()
    said = [name for name in whole.column_names if whole[name].null_count < whole.num_rows]
    return whole.select(said)
