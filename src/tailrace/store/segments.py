"""Segment files: Parquet, zstd, a row per fragment with its events nested."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import cast

import pyarrow as pa
import pyarrow.parquet as pq

from tailrace.files.base import Files
from tailrace.model.segment import Location, Segment
from tailrace.store.schema import SEGMENT_SCHEMA

ROW_GROUP_EVENTS = 60_000


def write_segment(files: Files, key: str, fragments: pa.Table) -> Location:
    """Write a table of `SEGMENT_SCHEMA` as one durable object."""
    with (
        files.create(key) as sink,
        pq.ParquetWriter(sink, SEGMENT_SCHEMA, compression="zstd", compression_level=3) as out,
    ):
        for start, stop in _row_groups(fragments):
            out.write_table(fragments.slice(start, stop - start), row_group_size=stop - start)
    return Location(key, 0, files.size(key))


@contextmanager
def open_segment(files: Files, segment: Segment) -> Iterator[pq.ParquetFile]:
    """A segment's file, for reading row group by row group. Raises FileNotFoundError."""
    with files.reader(segment.location) as source, pq.ParquetFile(source) as file:
        yield file


def read_row_group(file: pq.ParquetFile, index: int, columns: Sequence[str], events: Sequence[str]) -> pa.Table:
    """Some columns of one row group, the event fields nested; a column that the file is too old for is null."""
    there = set(file.schema_arrow.names)
    inner = {f.name for f in cast("pa.StructType", file.schema_arrow.field("events").type.value_type)}
    leaves = [f"events.list.element.{name}" for name in events if name in inner]
    table = file.read_row_group(index, columns=[*(c for c in columns if c in there), *leaves], use_threads=False)
    for name in columns:
        if name not in there:
            table = table.append_column(name, pa.nulls(table.num_rows, SEGMENT_SCHEMA.field(name).type))
    return table


def _row_groups(fragments: pa.Table) -> Iterator[tuple[int, int]]:
    """Cut fragments into groups of about `ROW_GROUP_EVENTS` events, a fragment never in two."""
    lengths = pa.compute.list_value_length(fragments["events"]).to_pylist()
    start = events = 0
    for index, length in enumerate(lengths):
        if events and events + length > ROW_GROUP_EVENTS:
            yield start, index
            start, events = index, 0
        events += length
    if start < len(lengths):
        yield start, len(lengths)
