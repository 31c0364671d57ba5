"""Segment files: Parquet, zstd, a row per fragment with its events nested."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tailrace.columns.sizes import text_bytes
from tailrace.files.base import Files
from tailrace.model.segment import Location, Segment
from tailrace.store.schema import EVENT_STRUCT, SEGMENT_SCHEMA

ROW_GROUP_EVENTS = 60_000
ROW_GROUP_BYTES = 64 << 20


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
    missing = [name for name in events if name not in inner]
    return _with_null_members(table, missing) if missing else table


def _with_null_members(table: pa.Table, missing: Sequence[str]) -> pa.Table:
    """The same events with null members beside those that there are."""
    nested = table["events"].combine_chunks()
    structs = nested.values
    there = [structs.type.field(index) for index in range(structs.type.num_fields)]
    new = [EVENT_STRUCT.field(name) for name in missing]
    members = [*structs.flatten(), *(pa.nulls(len(structs), field.type) for field in new)]
    grown = pa.ListArray.from_arrays(nested.offsets, pa.StructArray.from_arrays(members, fields=[*there, *new]))
    return table.set_column(table.schema.get_field_index("events"), "events", grown)


def fragments_of_sessions(file: pq.ParquetFile, segment: Segment, numbers: Sequence[int]) -> dict[int, dict[str, Any]]:
    """The first fragments of some sessions, without their events, by session number."""
    there = [name for name in file.schema_arrow.names if name != "events"]
    wanted = pa.array(numbers, pa.int64())
    first_fragment = segment.first_fragment
    found: dict[int, dict[str, Any]] = {}
    for index in range(file.num_row_groups):
        table = file.read_row_group(index, columns=there, use_threads=False)
        rows = pa.array(np.arange(first_fragment, first_fragment + table.num_rows))
        table = table.append_column("session_number", pc.coalesce(table["row_session_number"].combine_chunks(), rows))
        first = pc.and_(pc.is_in(table["session_number"], wanted), pc.equal(table["fragment"], 0))
        found |= {row["session_number"]: row for row in table.filter(first).to_pylist()}
        first_fragment += table.num_rows
    return found


def fragment_at(file: pq.ParquetFile, place: int, columns: Sequence[str]) -> dict[str, Any] | None:
    """Some columns of the fragment in a row of a segment (from 0); nothing but its row group is read."""
    for index in range(file.num_row_groups):
        rows = file.metadata.row_group(index).num_rows
        if 0 <= place < rows:
            table = read_row_group(file, index, columns, [])
            row: dict[str, Any] = table.slice(place, 1).to_pylist()[0]
            return row
        place -= rows
    return None


def _row_groups(fragments: pa.Table) -> Iterator[tuple[int, int]]:
    """Cut fragments to groups within `ROW_GROUP_EVENTS` and `ROW_GROUP_BYTES` of text, a fragment never in two."""
    nested = fragments["events"].combine_chunks()
    lengths = pc.list_value_length(nested).to_pylist()
    weights = _weights(fragments, nested)
    start = events = size = 0
    for index, (length, weight) in enumerate(zip(lengths, weights, strict=True)):
        if index > start and (events + length > ROW_GROUP_EVENTS or size + weight > ROW_GROUP_BYTES):
            yield start, index
            start, events, size = index, 0, 0
        events += length
        size += weight
    if start < len(lengths):
        yield start, len(lengths)


def _weights(fragments: pa.Table, nested: pa.ListArray) -> list[int]:
    """Bytes of text of each fragment with its events, which is what grows without bound."""
    sizes = text_bytes(pa.Table.from_struct_array(pc.list_flatten(nested)))
    ends = np.concatenate([[0], np.cumsum(sizes)])
    offsets = nested.offsets.to_numpy() - nested.offsets[0].as_py()
    weights: list[int] = (np.diff(ends[offsets]) + text_bytes(fragments.drop_columns(["events"]))).tolist()
    return weights
