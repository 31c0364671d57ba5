"""Batches of accepted records as bytes, for the inbox and for what a seal carries over.

A batch has only the columns in which it says something: most records say little of what could be said, and a column
costs as much time for fifty nulls as for fifty values. Large batches are Arrow tables, small ones lists.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, groupby
from typing import TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

from tailrace.store.lists import Lists, holds_lists, pack_lists, tables_of, unpack_lists
from tailrace.store.schema import RECORD_SCHEMA

Records: TypeAlias = "pa.Table | Lists"
_OPTIONS = pa.ipc.IpcWriteOptions(compression="zstd", use_threads=False)  # batches are small: threads would wait


def pack_records(batches: Sequence[Records]) -> bytes:
    """Batches with columns of `RECORD_SCHEMA`, one after the other: as lists if all are, else as one Arrow stream."""
    lists = [batch for batch in batches if isinstance(batch, Lists)]
    if len(lists) == len(batches):
        return pack_lists(lists)
    table = _narrow([table for batch in batches for table in in_arrow(batch)])
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema, options=_OPTIONS) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def unpack_records(blobs: Iterable[bytes]) -> Iterator[pa.Table]:
    """What was packed, in its order; columns that say nothing are left out. Lists are joined as far as they go."""
    for lists, some in groupby(blobs, key=holds_lists):
        if lists:
            yield from tables_of(chain.from_iterable(map(unpack_lists, some)))
        else:
            yield from map(_opened, some)


def joined_records(batches: Sequence[pa.Table]) -> pa.Table:
    """Batches one after the other, as a table of `RECORD_SCHEMA`; columns that a batch does not have are null."""
    narrow = pa.concat_tables(batches, promote_options="default") if batches else RECORD_SCHEMA.empty_table()
    there = set(narrow.column_names)
    columns = [narrow[f.name] if f.name in there else pa.nulls(narrow.num_rows, f.type) for f in RECORD_SCHEMA]
    return pa.Table.from_arrays(columns, schema=RECORD_SCHEMA)


def in_arrow(batch: Records) -> list[pa.Table]:
    """A batch as Arrow tables."""
    return list(tables_of([batch.columns])) if isinstance(batch, Lists) else [batch]


def earliest(batch: Records) -> int:
    """The earliest time of a batch, ms."""
    time: int = batch.earliest if isinstance(batch, Lists) else pc.min(batch["time"]).as_py()
    return time


def memory_of(batch: Records) -> int:
    """How much memory a batch takes as Arrow columns, bytes, about."""
    size: int = batch.nbytes if isinstance(batch, Lists) else batch.get_total_buffer_size()  # `nbytes` takes longer
    return size


def _opened(blob: bytes) -> pa.Table:
    with pa.ipc.open_stream(blob) as reader:
        return reader.read_all()


def _narrow(batches: Sequence[pa.Table]) -> pa.Table:
    """Batches in one piece, without columns that say nothing."""
    whole = pa.concat_tables(batches, promote_options="default").combine_chunks()
    said = [name for name in whole.column_names if whole[name].null_count < whole.num_rows]
    return whole.select(said)
