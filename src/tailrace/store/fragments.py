"""Fragments alone: a scan of segments that leaves out all columns of events."""

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tailrace.files.base import Files
from tailrace.model.segment import Segment
from tailrace.model.window import Window
from tailrace.store.batches import EventBatch
from tailrace.store.scan import group_can_match
from tailrace.store.segments import open_segment, read_row_group

_BASICS = ("session_start", "fragment", "row_session_number")


def scan_fragments(files: Files, segment: Segment, window: Window, columns: Sequence[str]) -> Iterator[EventBatch]:
    """A batch per row group of the fragments whose session starts in a window, each with one event without columns.

    So what puts fragments together needs no events of them. `columns` are stored ones; `fragment` and
    `session_number` are always there. Raises FileNotFoundError.
    """
    first = segment.first_fragment
    with open_segment(files, segment) as file:
        for index in range(file.num_row_groups):
            count = file.metadata.row_group(index).num_rows
            if group_can_match(file, index, window):
                group = read_row_group(file, index, sorted({*_BASICS, *columns}), [])
                batch = _batch(group, first, window)
                if batch.events.num_rows:
                    yield batch
            first += count


def _batch(group: pa.Table, first: int, window: Window) -> EventBatch:
    begun = pa.array(np.arange(first, first + group.num_rows) - group["fragment"].to_numpy())
    numbered = group.append_column("session_number", pc.coalesce(group["row_session_number"].combine_chunks(), begun))
    fragments = numbered.drop_columns(["row_session_number"]).filter(_inside(group["session_start"], window))
    stubs = pa.table({"stub": pa.nulls(fragments.num_rows)})
    return EventBatch(fragments.combine_chunks(), pa.array(np.arange(fragments.num_rows)), stubs)


def _inside(starts: pa.ChunkedArray, window: Window) -> pa.ChunkedArray:
    low, high = window.start, window.end
    mask = pa.chunked_array([pa.array(np.ones(len(starts), dtype=np.bool_))])
    mask = mask if low is None else pc.and_(mask, pc.greater_equal(starts, low))
    return mask if high is None else pc.and_(mask, pc.less(starts, high))
