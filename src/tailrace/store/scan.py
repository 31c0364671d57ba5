"""The scan: segments in, Arrow batches out. The one seam behind every shape and both engines."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tailrace.files.base import Files
from tailrace.model.export import Filters, Increment
from tailrace.model.fields import FIELDS
from tailrace.model.segment import Segment
from tailrace.model.window import Window
from tailrace.store.segments import open_segment, read_row_group
from tailrace.store.sizes import text_bytes

BATCH_EVENTS = 16_384
BATCH_BYTES = 32 << 20
_FRAGMENT_BASICS = ("session_start", "fragment", "app_version", "row_session_number", "row_seq", "row_first_event")


@dataclass(frozen=True, slots=True)
class Selection:
    """Which rows of the segments, and which columns of them. Without an increment every commit counts."""

    window: Window
    filters: Filters
    columns: Sequence[str]
    increment: Increment | None = None


@dataclass(frozen=True, slots=True)
class EventBatch:
    """Events with the fragments that hold them: event i belongs to row `parent[i]` of `fragments`."""

    fragments: pa.Table
    parent: pa.Array
    events: pa.Table


def can_match(segment: Segment, selection: Selection) -> bool:
    """Whether a segment's statistics leave room for a row of the selection."""
    known = segment.statistics
    low, high = (
        (known.min_start, known.max_start)
        if selection.window.axis == "session_start"
        else (known.min_time, known.max_time)
    )
    in_time = selection.window.axis == "available" or selection.window.touches(low, high)
    names, versions = selection.filters.events, selection.filters.versions
    return (
        in_time
        and (not names or not known.names.keys().isdisjoint(names))
        and (not versions or not set(known.versions).isdisjoint(versions))
    )


def scan(files: Files, segment: Segment, available_at: Mapping[int, int], selection: Selection) -> Iterator[EventBatch]:
    """Batches of one segment, in stored order, bounded in events and in the text that they become.

    `available_at` holds the instants (ms) of the commits of its rows, by seq. Raises FileNotFoundError.
    """
    first_fragment, first_event = segment.first_fragment, segment.first_event
    with open_segment(files, segment) as file:
        for index in range(file.num_row_groups):
            fragments, events = file.metadata.row_group(index).num_rows, _event_count(file, index)
            if _group_can_match(file, index, selection.window):
                group = _read(file, index, selection)
                batch = _number(group, segment, first_fragment, first_event)
                if "available_at" in selection.columns:
                    batch = _dated(batch, available_at)
                yield from _cut(_select(batch, selection), selection.columns)
            first_fragment += fragments
            first_event += events


def _read(file: pq.ParquetFile, index: int, selection: Selection) -> pa.Table:
    wanted = [FIELDS[name] for name in selection.columns if not FIELDS[name].derived]
    session = {f.name for f in wanted if f.grain == "session"} | set(_FRAGMENT_BASICS)
    inner = {f.name for f in wanted if f.grain == "event"} | {"time", "event"}
    return read_row_group(file, index, sorted(session), sorted(inner))


def _number(group: pa.Table, segment: Segment, first_fragment: int, first_event: int) -> EventBatch:
    """Flatten a row group and give each row its numbers: its own where a rewrite kept them, else its segment's."""
    nested = group["events"].combine_chunks()
    parent = pc.list_parent_indices(nested)
    flat = pa.Table.from_struct_array(pc.list_flatten(nested))
    begins = nested.offsets.to_numpy()[:-1] - nested.offsets[0].as_py()  # of each fragment's events in `flat`
    own_first = pc.coalesce(group["row_first_event"], pa.array(first_event + begins)).to_numpy()
    numbers = (own_first - begins)[parent.to_numpy(zero_copy_only=False)] + np.arange(flat.num_rows)
    rows = pa.array(np.arange(first_fragment, first_fragment + group.num_rows))
    fragments = (
        group.drop_columns(["events", "row_session_number", "row_seq", "row_first_event"])
        .append_column("session_number", pc.coalesce(group["row_session_number"], rows))
        .append_column("row_seq", pc.fill_null(group["row_seq"], segment.added_seq))
    )
    events = flat.append_column("number", pa.array(numbers)).append_column(
        "session_offset_ms", pc.subtract(flat["time"], fragments["session_start"].take(parent))
    )
    return EventBatch(fragments, parent, events)


def _dated(batch: EventBatch, available_at: Mapping[int, int]) -> EventBatch:
    """Events with the instant at which their commit became available."""
    seqs = batch.fragments["row_seq"].combine_chunks().dictionary_encode()
    instants = pa.array([available_at[seq] for seq in seqs.dictionary.to_pylist()], pa.int64())
    column = instants.take(seqs.indices).take(batch.parent)
    return EventBatch(batch.fragments, batch.parent, batch.events.append_column("available_at", column))


def _select(batch: EventBatch, selection: Selection) -> EventBatch:
    """Keep the events that the selection wants; fragments stay, whether or not an event is left."""
    keep = _fragment_mask(batch.fragments, selection)[batch.parent.to_numpy(zero_copy_only=False)]
    window = selection.window
    if window.axis == "event_time":
        keep &= _inside(batch.events["time"], window)
    if selection.filters.events:
        keep &= _is_in(batch.events["event"], selection.filters.events)
    if keep.all():
        return batch
    mask = pa.array(keep)
    return EventBatch(batch.fragments, batch.parent.filter(mask), batch.events.filter(mask))


def _fragment_mask(fragments: pa.Table, selection: Selection) -> npt.NDArray[np.bool_]:
    mask = np.ones(fragments.num_rows, dtype=np.bool_)
    if selection.window.axis == "session_start":
        mask &= _inside(fragments["session_start"], selection.window)
    if selection.filters.versions:
        mask &= _is_in(fragments["app_version"], selection.filters.versions)
    if selection.increment is not None:
        seqs = fragments["row_seq"].to_numpy()
        mask &= (seqs > selection.increment.after) & (seqs <= selection.increment.upto)
    return mask


def _inside(column: pa.ChunkedArray, window: Window) -> npt.NDArray[np.bool_]:
    times = column.to_numpy()
    mask = np.ones(len(times), dtype=np.bool_)
    if window.start is not None:
        mask &= times >= window.start
    if window.end is not None:
        mask &= times < window.end
    return mask


def _is_in(column: pa.ChunkedArray, values: Sequence[str]) -> npt.NDArray[np.bool_]:
    found: npt.NDArray[np.bool_] = pc.is_in(column, value_set=pa.array(values, pa.string())).to_numpy()
    return found


def _cut(batch: EventBatch, columns: Sequence[str]) -> Iterator[EventBatch]:
    """Cut to pieces that fit the cache, with just the fragments and columns that each needs."""
    session = [name for name in columns if FIELDS[name].grain == "session"]
    inner = [name for name in columns if FIELDS[name].grain == "event"]
    events = batch.events.select(inner).combine_chunks()
    fragments = batch.fragments.select(session)
    parent = batch.parent.to_numpy(zero_copy_only=False)
    for start, stop in _pieces(text_bytes(events) + text_bytes(fragments)[parent]):
        used, local = np.unique(parent[start:stop], return_inverse=True)
        yield EventBatch(
            fragments.take(pa.array(used)).combine_chunks(),
            pa.array(local.astype(np.int32)),
            events.slice(start, stop - start),
        )


def _pieces(sizes: npt.NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """Cut rows to pieces of at most `BATCH_EVENTS` rows and about `BATCH_BYTES`; one row at least."""
    ends = np.cumsum(sizes)
    start = 0
    while start < len(sizes):
        before = ends[start - 1] if start else 0
        full = int(np.searchsorted(ends, before + BATCH_BYTES, side="right"))
        stop = min(max(full, start + 1), start + BATCH_EVENTS, len(sizes))
        yield start, stop
        start = stop


def _event_count(file: pq.ParquetFile, index: int) -> int:
    """Events of a row group, from its footer: every event has a time, so values less nulls are events."""
    column = _column(file, index, "events.list.element.time")
    return int(column.num_values - column.statistics.null_count)


def _group_can_match(file: pq.ParquetFile, index: int, window: Window) -> bool:
    if window.axis == "available":
        return True
    path = "session_start" if window.axis == "session_start" else "events.list.element.time"
    statistics = _column(file, index, path).statistics
    return statistics is None or not statistics.has_min_max or window.touches(statistics.min, statistics.max)


def _column(file: pq.ParquetFile, index: int, path: str) -> pq.ColumnChunkMetaData:
    group = file.metadata.row_group(index)
    for place in range(group.num_columns):
        column = group.column(place)
        if column.path_in_schema == path:
            return column
    raise LookupError(f"a segment without {path}")
