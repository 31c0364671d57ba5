"""The scan: segments in, Arrow batches out. The one seam behind every shape."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from msgspec import Struct
from msgspec.structs import replace

from tailrace.files.base import Files
from tailrace.model.bundles import Arrivals
from tailrace.model.export import Filters, Increment
from tailrace.model.fields import FIELDS
from tailrace.model.segment import Segment
from tailrace.model.window import Window
from tailrace.store.batches import EventBatch, cut_events
from tailrace.store.predicates import keep, needed_columns
from tailrace.store.segments import open_segment, read_row_group

_FRAGMENT_BASICS = ("session_start", "fragment", "app_version", "row_session_number", "row_seq", "row_first_event")


class Selection(Struct, frozen=True):
    """Which rows of the segments, and which columns of them. Without an increment every commit counts; `arrivals` go
    with a window on event time.
    """

    window: Window
    filters: Filters
    columns: Sequence[str]
    increment: Increment | None = None
    arrivals: Arrivals | None = None

    def of_whole_sessions(self) -> "Selection":
        """The same before fragments are put together, whose names and versions are looked at only then."""
        return replace(self, filters=Filters(where=self.filters.where))

    def window_of(self, segment: Segment) -> Window:
        """The part of the window that rows of a segment can be in: no row came later than its segment."""
        if self.arrivals is None or segment.added_seq > self.arrivals.after:
            return self.window
        return replace(self.window, start=self.arrivals.since)


def can_match(segment: Segment, selection: Selection) -> bool:
    """Whether a segment's statistics leave room for a row of the selection."""
    known = segment.statistics
    low, high = (
        (known.min_start, known.max_start)
        if selection.window.axis == "session_start"
        else (known.min_time, known.max_time)
    )
    in_time = selection.window.axis == "available" or selection.window_of(segment).touches(low, high)
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
    for group in scan_groups(files, segment, available_at, selection):
        yield from cut_events(group)


def scan_groups(
    files: Files,
    segment: Segment,
    available_at: Mapping[int, int],
    selection: Selection,
    share: tuple[int, int] = (0, 1),
) -> Iterator[EventBatch]:
    """The same, a batch per row group: its fragments are whole, whether or not an event of them is left.

    A share (k, n) is the k-th of n stretches of row groups.
    """
    first_fragment, first_event = segment.first_fragment, segment.first_event
    window = selection.window_of(segment)
    with open_segment(files, segment) as file:
        for index in range(file.num_row_groups):
            fragments, events = file.metadata.row_group(index).num_rows, _event_count(file, index)
            mine = index * share[1] // file.num_row_groups == share[0]
            if mine and group_can_match(file, index, window) and _probe(file, index, selection):
                group = _read(file, index, selection)
                batch = _number(group, segment, first_fragment, first_event)
                if "available_at" in {*selection.columns, *needed_columns(selection.filters.where)}:
                    batch = _dated(batch, available_at)
                batch = _select(batch, selection)
                if batch.events.num_rows:
                    yield _project(batch, selection.columns)
            first_fragment += fragments
            first_event += events


def _probe(file: pq.ParquetFile, index: int, selection: Selection) -> bool:
    """Whether a row group holds a wanted name and a wanted version: read them alone before all the rest."""
    names, versions = selection.filters.events, selection.filters.versions
    if versions:
        table = read_row_group(file, index, ["app_version"], [])
        if not _is_in(table["app_version"], versions).any():
            return False
    if names:
        table = read_row_group(file, index, [], ["event"])
        found = pc.list_flatten(table["events"].combine_chunks()).field("event")
        return bool(_is_in(pa.chunked_array([found]), names).any())
    return True


def _read(file: pq.ParquetFile, index: int, selection: Selection) -> pa.Table:
    asked = {*selection.columns, *needed_columns(selection.filters.where)}
    wanted = [FIELDS[name] for name in asked if not FIELDS[name].derived]
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
    begun = pc.subtract(rows, group["fragment"].combine_chunks())  # the row of its session's first fragment
    fragments = (
        group.drop_columns(["events", "row_session_number", "row_seq", "row_first_event"])
        .append_column("session_number", pc.coalesce(group["row_session_number"], begun))
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
    wanted = _fragment_mask(batch.fragments, selection)[batch.parents]
    window = selection.window
    if window.axis == "event_time":
        wanted &= _inside(batch.events["time"], window)
    if selection.arrivals is not None:
        seqs = batch.fragments["row_seq"].to_numpy()[batch.parents]
        wanted &= selection.arrivals.hold(batch.events["time"].to_numpy(), seqs)
    if selection.filters.events:
        wanted &= _is_in(batch.events["event"], selection.filters.events)
    batch = batch.keep(wanted)
    if not selection.filters.where:
        return batch
    return batch.keep(keep(selection.filters.where, batch.fragments, batch.parent, batch.events))


def narrowed(batch: EventBatch, filters: Filters) -> EventBatch:
    """The events of wanted names, in sessions of wanted versions."""
    wanted = np.ones(batch.events.num_rows, dtype=np.bool_)
    if filters.versions:
        wanted &= _is_in(batch.fragments["app_version"], filters.versions)[batch.parents]
    if filters.events:
        wanted &= _is_in(batch.events["event"], filters.events)
    return batch.keep(wanted)


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


def _project(batch: EventBatch, columns: Sequence[str]) -> EventBatch:
    """Just the columns that are wanted."""
    session = [name for name in columns if FIELDS[name].grain == "session"]
    inner = [name for name in columns if FIELDS[name].grain == "event"]
    return EventBatch(batch.fragments.select(session), batch.parent, batch.events.select(inner))


def _event_count(file: pq.ParquetFile, index: int) -> int:
    """Events of a row group, from its footer: every event has a time, so values less nulls are events."""
    column = _column(file, index, "events.list.element.time")
    return int(column.num_values - column.statistics.null_count)


def group_can_match(file: pq.ParquetFile, index: int, window: Window) -> bool:
    """Whether a row group's footer leaves room for a row inside a window."""
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
