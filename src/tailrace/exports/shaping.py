"""Shaping: batches become encoded rows, cut to stretches by the key that files are split by."""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from functools import partial

import numpy as np
import pyarrow as pa

from tailrace.columns.groups import Groups
from tailrace.exports.converting import converted
from tailrace.exports.layout import USERS, Layout
from tailrace.exports.parts import PartWriter, Stretch
from tailrace.exports.tabling import Tabling, members_in
from tailrace.exports.users import UserCounts, user_columns
from tailrace.formats.encoders import Encoder
from tailrace.model.clock import DAY, HOUR
from tailrace.model.export import Shape, Split
from tailrace.store.batches import EventBatch, Ints, cut_events, cut_fragments

Name = Callable[[int], str]
Shaper = Callable[[Layout, Encoder, Iterator[EventBatch], PartWriter], None]


def write_events(layout: Layout, encoder: Encoder, groups: Iterator[EventBatch], out: PartWriter) -> None:
    """A row per event."""
    sheet = layout.sheet("")
    for batch in _small(groups):
        arranged, stretches = _by_event(batch, layout.split)
        shown = arranged if layout.row_shape is None else converted(arranged, layout.row_shape)
        out.add(encoder.events(shown.fragments, shown.parent, shown.events, sheet), stretches)


def write_sessions(layout: Layout, encoder: Encoder, groups: Iterator[EventBatch], out: PartWriter) -> None:
    """A row per session."""
    sheet = layout.sheet("")
    for group in groups:
        for batch in cut_fragments(group):
            arranged, stretches = _by_session(batch, layout.split)
            out.add(encoder.sessions(arranged.fragments, arranged.parent, arranged.events, sheet), stretches)


def write_tables(layout: Layout, encoder: Encoder, groups: Iterator[EventBatch], out: PartWriter) -> None:
    """A row per event in the table of its name, and what is known of the users of these events."""
    places = {name: {key: n for n, key in enumerate(sheet.params)} for name, sheet in layout.sheets.items()}
    users = UserCounts(user_columns(layout))
    for batch in _small(groups):
        users.add(batch)
        arranged, stretches = _by_event(batch, "event")
        sheets = [(layout.sheet(s.key), s.start, s.stop) for s in stretches]
        found = members_in(arranged.events["params"].combine_chunks(), stretches, places)
        out.add(encoder.wide(arranged.fragments, arranged.parent, arranged.events, sheets, found), stretches)
    _write_users(users, out)


def write_named(layout: Layout, encoder: Encoder, groups: Iterator[EventBatch], out: PartWriter) -> None:
    """The same with the tables that a request names."""
    users, tabling = UserCounts(user_columns(layout)), Tabling(layout, encoder, out)
    for batch in _small(groups):
        users.add(tabling.write(batch))
    _write_users(users, out)


def _write_users(users: UserCounts, out: PartWriter) -> None:
    for group, data, rows in users.packed():
        out.write(f"{USERS}/{group:08d}", data, rows)


_SHAPERS: dict[Shape, Shaper] = {"events": write_events, "sessions": write_sessions, "tables": write_tables}


def shaper_of(layout: Layout) -> Shaper:
    """What writes the rows of a layout."""
    return write_named if layout.tables else _SHAPERS[layout.shape]


def _small(groups: Iterator[EventBatch]) -> Iterator[EventBatch]:
    for group in groups:
        yield from cut_events(group)


def _by_event(batch: EventBatch, split: Split) -> tuple[EventBatch, list[Stretch]]:
    keys, name = _event_keys(batch, split)
    arranged = batch.arranged(keys)
    return arranged, _stretches(np.sort(keys), np.arange(len(keys) + 1), arranged, name)


def _by_session(batch: EventBatch, split: Split) -> tuple[EventBatch, list[Stretch]]:
    keys, name = _time_keys(batch.fragments["session_start"], split)
    arranged = batch.by_fragment(keys)
    events = np.searchsorted(arranged.parents, np.arange(len(keys) + 1))
    return arranged, _stretches(np.sort(keys), events, arranged, name)


def _stretches(keys: Ints, events: Ints, batch: EventBatch, name: Name) -> list[Stretch]:
    """Stretches of rows with the same key; the events of row i are ``events[i]:events[i + 1]``."""
    times = batch.events["time"].to_numpy()
    runs = Groups.of(keys)
    found = []
    for start, stop in zip(runs.begins.tolist(), runs.ends.tolist(), strict=True):
        of_key = times[events[start] : events[stop]]
        found.append(Stretch(name(int(keys[start])), start, stop, int(of_key.min()), int(of_key.max())))
    return found


def _event_keys(batch: EventBatch, split: Split) -> tuple[Ints, Name]:
    """A number per event for its key, and the key of such a number."""
    if split != "event":
        return _time_keys(batch.events["time"], split)
    names = batch.events["event"].combine_chunks().dictionary_encode()
    return names.indices.to_numpy().astype(np.int64), names.dictionary.to_pylist().__getitem__


def _time_keys(times: pa.ChunkedArray, split: Split) -> tuple[Ints, Name]:
    """The same by time; one key for all where time does not matter."""
    if split in _WIDTHS:
        return times.to_numpy() // _WIDTHS[split], partial(_time_key, split=split)
    return np.zeros(len(times), dtype=np.int64), lambda _: ""


_WIDTHS: Mapping[Split, int] = {"hour": HOUR, "day": DAY}


def _time_key(number: int, split: Split) -> str:
    """A day or hour, counted from 1970, as part of a file name."""
    instant = datetime.fromtimestamp(number * _WIDTHS[split] / 1000, UTC)
    return instant.strftime("%Y-%m-%d" if split == "day" else "%Y-%m-%dT%H")
