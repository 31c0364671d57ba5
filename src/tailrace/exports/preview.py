"""Preview: the first rows that an export would hold, read from a few segments at most; and the newest of an app."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from tailrace.db.engine import Database
from tailrace.exports.layout import columns_of
from tailrace.exports.submit import check_request
from tailrace.files.base import Files
from tailrace.model.access import Scope
from tailrace.model.export import ExportRequest, Filters
from tailrace.model.fields import FIELDS
from tailrace.model.segment import Segment
from tailrace.model.window import Window
from tailrace.store.batches import EventBatch
from tailrace.store.scan import Selection, can_match, scan_groups
from tailrace.store.snapshots import head, newest_segments, visible

MOST_GROUPS = 20  # row groups that are looked at
_SEGMENTS = 2  # in which the newest events are looked for
_UNKNOWN = "available_at"  # the one column that segments do not tell
NEWEST_COLUMNS = ("time", "event", "user_id", "device_id", "session_id", "app_version", "country", "params")


class Rows(Struct, frozen=True):
    """Some rows: names of columns, and a value for each; times in ms, None where nothing is known."""

    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]


def preview(database: Database, files: Files, scope: Scope, request: ExportRequest, most: int) -> Rows:
    """The first events that a request asks for, in the order of its files; none may be found where few match.

    Raises:
        Invalid: the window makes no sense, or no format can carry what is asked.
    """
    check_request(request)
    columns = tuple(name for name in columns_of(request) if name != _UNKNOWN)
    selection = Selection(request.window, request.filters, columns)
    with database.read() as connection:
        segments = visible(connection, scope, head(connection, scope).seq, window=request.window)
    matching = (segment for segment in segments if can_match(segment, selection))
    return Rows(columns, _taken(_groups(files, matching, selection), columns, most))


def newest_events(database: Database, files: Files, scope: Scope, most: int) -> Rows:
    """The latest events of what was sealed last, newest first."""
    selection = Selection(Window("available", None, None), Filters(), NEWEST_COLUMNS)
    with database.read() as connection:
        segments = newest_segments(connection, scope, head(connection, scope).seq, _SEGMENTS)
    found: list[list[Any]] = []
    for segment in segments:
        batches = scan_groups(files, segment, {}, replace(selection, window=_end_of(segment)))
        found += (row for batch in batches for row in _latest(batch, most))
        if len(found) >= most:
            break
    found.sort(key=lambda row: row[0], reverse=True)
    return Rows(NEWEST_COLUMNS, found[:most])


def _end_of(segment: Segment) -> Window:
    """The last quarter of an hour that a segment holds events of: row groups without any are passed over."""
    return Window("event_time", segment.statistics.max_time - 900_000, segment.statistics.max_time + 1)


def _groups(files: Files, segments: Iterable[Segment], selection: Selection) -> Iterator[EventBatch]:
    looked = 0
    for segment in segments:
        for batch in scan_groups(files, segment, {}, selection):
            yield batch
            looked += 1
            if looked >= MOST_GROUPS:
                return


def _taken(batches: Iterator[EventBatch], columns: Sequence[str], most: int) -> list[list[Any]]:
    rows: list[list[Any]] = []
    for batch in batches:
        rows += _rows(batch, columns, np.arange(min(batch.events.num_rows, most - len(rows))))
        if len(rows) >= most:
            break
    return rows


def _latest(batch: EventBatch, most: int) -> list[list[Any]]:
    order = np.argsort(batch.events["time"].to_numpy(), kind="stable")[::-1]
    return _rows(batch, NEWEST_COLUMNS, order[:most])


def _rows(batch: EventBatch, columns: Sequence[str], places: "np.ndarray[Any, Any]") -> list[list[Any]]:
    """Events of a batch as rows of values."""
    events, fragments = batch.events.take(places), batch.fragments.take(batch.parents[places])
    of = {"event": events, "session": fragments}
    values = [of[FIELDS[name].grain][name].to_pylist() for name in columns]
    return [list(row) for row in zip(*values, strict=True)]
