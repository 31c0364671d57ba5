"""Shaping: batches become encoded rows, cut to stretches by the key that files are split by."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime

import numpy as np

from tailrace.columns.jsontext import members
from tailrace.exports.layout import USERS, Layout
from tailrace.exports.parts import PartWriter, Stretch
from tailrace.exports.users import UserCounts
from tailrace.formats.encoders import Encoder
from tailrace.formats.wide import Members, order_members
from tailrace.model.clock import DAY, HOUR
from tailrace.model.export import Shape, Split
from tailrace.model.sheet import PARAM_PREFIX
from tailrace.store.batches import EventBatch, Ints, cut_events, cut_fragments

Shaper = Callable[[Layout, Encoder, Iterator[EventBatch], PartWriter], None]


def write_events(layout: Layout, encoder: Encoder, groups: Iterator[EventBatch], out: PartWriter) -> None:
    """A row per event."""
    sheet = layout.sheet("")
    for batch in _small(groups):
        arranged, stretches = _by_event(batch, layout.split)
        out.add(encoder.events(arranged.fragments, arranged.parent, arranged.events, sheet), stretches)


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
    users = UserCounts()
    for batch in _small(groups):
        users.add(batch)
        arranged, stretches = _by_event(batch, "event")
        sheets = [(layout.sheet(s.key), s.start, s.stop) for s in stretches]
        found = _members(arranged, stretches, places)
        out.add(encoder.wide(arranged.fragments, arranged.parent, arranged.events, sheets, found), stretches)
    for group, data, rows in users.packed():
        out.write(f"{USERS}/{group:08d}", data, rows)


SHAPERS: dict[Shape, Shaper] = {"events": write_events, "sessions": write_sessions, "tables": write_tables}


def _small(groups: Iterator[EventBatch]) -> Iterator[EventBatch]:
    for group in groups:
        yield from cut_events(group)


def _by_event(batch: EventBatch, split: Split) -> tuple[EventBatch, list[Stretch]]:
    if split in ("single", "size"):
        times = batch.events["time"].to_numpy()
        return batch, [Stretch("", 0, len(times), int(times.min()), int(times.max()))]
    if split == "event":
        names = batch.events["event"].combine_chunks().dictionary_encode()
        keys, name_of = names.indices.to_numpy().astype(np.int64), names.dictionary.to_pylist()
    else:
        keys, name_of = batch.events["time"].to_numpy() // _WIDTHS[split], None
    arranged = batch.arranged(keys)
    times = arranged.events["time"].to_numpy()
    return arranged, [
        Stretch(
            name_of[key] if name_of is not None else _time_key(key, split),
            start,
            stop,
            int(times[start:stop].min()),
            int(times[start:stop].max()),
        )
        for key, start, stop in _runs(np.sort(keys, kind="stable"))
    ]


def _by_session(batch: EventBatch, split: Split) -> tuple[EventBatch, list[Stretch]]:
    keys = np.zeros(batch.fragments.num_rows, dtype=np.int64)
    if split not in ("single", "size"):
        keys = batch.fragments["session_start"].to_numpy() // _WIDTHS[split]
    arranged = batch.by_fragment(keys)
    times = arranged.events["time"].to_numpy()
    begins = np.searchsorted(arranged.parents, np.arange(len(keys) + 1))
    return arranged, [
        Stretch(
            "" if split in ("single", "size") else _time_key(key, split),
            start,
            stop,
            int(times[begins[start] : begins[stop]].min()),
            int(times[begins[start] : begins[stop]].max()),
        )
        for key, start, stop in _runs(np.sort(keys, kind="stable"))
    ]


_WIDTHS: Mapping[Split, int] = {"hour": HOUR, "day": DAY}


def _runs(keys: Ints) -> Iterator[tuple[int, int, int]]:
    """Runs of equal keys: key, start and stop."""
    starts = np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]]))
    for start, stop in zip(starts, [*starts[1:], len(keys)], strict=True):
        yield int(keys[start]), int(start), int(stop)


def _time_key(number: int, split: Split) -> str:
    """A day or hour, counted from 1970, as part of a file name."""
    instant = datetime.fromtimestamp(number * _WIDTHS[split] / 1000, UTC)
    return instant.strftime("%Y-%m-%d" if split == "day" else "%Y-%m-%dT%H")


def _members(batch: EventBatch, stretches: Sequence[Stretch], places: Mapping[str, Mapping[str, int]]) -> Members:
    """Parameters as members of their table's columns."""
    found = members(batch.events["params"].combine_chunks())
    table = np.repeat(np.arange(len(stretches)), [s.stop - s.start for s in stretches])
    key, keys = found.key.indices.to_numpy().astype(np.int64), found.key.dictionary.to_pylist()
    pairs, which = np.unique(table[found.row.to_numpy()] * len(keys) + key, return_inverse=True)
    names = [keys[pair % len(keys)] for pair in pairs]
    column = np.array(
        [places[stretches[pair // len(keys)].key][name] for pair, name in zip(pairs, names, strict=True)], np.int64
    )
    row, column, which, value = order_members(found.row, column[which] if len(pairs) else which, which, found.value)
    widths = np.array([len(places[s.key]) for s in stretches], np.int64)[table]
    return Members(row, column, which, [PARAM_PREFIX + name for name in names], value, widths)
