"""Units: the sessions, events or parameters of a batch that a report counts, put into groups."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from msgspec import Struct

from tailrace.columns.jsontext import decode, members
from tailrace.reports.asked import Group, Report
from tailrace.reports.names import Names
from tailrace.store.batches import EventBatch

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
FRAGMENT_COLUMNS = {"version": "app_version", "country": "country"}


class Units(Struct, frozen=True):
    """Unit i is in group ``groups[group[i]]`` and of fragment ``parent[i]``."""

    groups: Sequence[Group]
    group: Ints
    parent: Ints


class _Coded(Struct, frozen=True):
    """A column as codes into its distinct values."""

    codes: Ints
    values: Sequence[str | None]

    def take(self, rows: Ints | Mask) -> "_Coded":
        return _Coded(self.codes[rows], self.values)

    def mask(self, report: Report, names: Names, dimension: str) -> Mask:
        """Where the conditions of a report on a dimension hold."""
        if all(condition.dimension != dimension for condition in report.conditions):
            return np.ones(len(self.codes), dtype=np.bool_)
        held = np.array([names.holds(report, dimension, value) for value in self.values], dtype=np.bool_)
        found: Mask = held[self.codes] if len(held) else np.zeros(0, dtype=np.bool_)
        return found


def units_of(report: Report, names: Names, batch: EventBatch, periods: Ints, wanted: Mask) -> Units:
    """The units of those fragments of a batch that are wanted; `periods` says in which one each fragment is."""
    columns = {d: _coded(batch.fragments[c]) for d, c in FRAGMENT_COLUMNS.items() if d in report.looks_at}
    for dimension, column in columns.items():
        wanted = wanted & column.mask(report, names, dimension)
    own: dict[str, _Coded] = {}
    if report.unit == "session":
        parent: Ints = np.flatnonzero(wanted)
    else:
        parent, own = _events(report, names, batch, wanted)
    columns = {dimension: column.take(parent) for dimension, column in columns.items()} | own
    return _grouped(periods[parent], [columns[dimension] for dimension in report.dimensions], parent)


def _events(report: Report, names: Names, batch: EventBatch, wanted: Mask) -> tuple[Ints, dict[str, _Coded]]:
    """Events, or their parameters, of wanted fragments: the fragment of each, and columns that are its own."""
    events = _coded(batch.events["event"])
    rows = np.flatnonzero(wanted[batch.parents] & events.mask(report, names, "event"))
    if report.unit == "event":
        return batch.parents[rows], {"event": events.take(rows)}
    place, found = _params(report, batch.events["params"].take(pa.array(rows)))
    keep = np.ones(len(place), dtype=np.bool_)
    for dimension, column in found.items():
        keep &= column.mask(report, names, dimension)
    rows = rows[place[keep]]
    return batch.parents[rows], {"event": events.take(rows)} | {d: c.take(keep) for d, c in found.items()}


def _params(report: Report, texts: pa.ChunkedArray) -> tuple[Ints, dict[str, _Coded]]:
    """Parameters: which of the texts holds each, and its key and value as far as they are looked at."""
    found = members(texts.combine_chunks())
    columns: dict[str, _Coded] = {}
    if "key" in report.looks_at:
        columns["key"] = _Coded(found.key.indices.to_numpy().astype(np.int64), found.key.dictionary.to_pylist())
    if "value" in report.looks_at:
        columns["value"] = _coded(_said(found.value))
    return found.row.to_numpy(), columns


def _said(values: pa.Array) -> pa.Array:
    """What JSON values say: texts without their quotes, all else as it was sent."""
    strings = pc.starts_with(values, '"')
    if not pc.any(strings).as_py():
        return values
    return pc.replace_with_mask(values, strings, decode(values.filter(strings)))


def _coded(column: pa.Array | pa.ChunkedArray) -> _Coded:
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    encoded = array.dictionary_encode(null_encoding="encode")
    return _Coded(encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64), encoded.dictionary.to_pylist())


def _grouped(periods: Ints, columns: Sequence[_Coded], parent: Ints) -> Units:
    """Groups of what has the same period and values."""
    group = periods
    for column in columns:
        # Made dense each time, so that a product never is too large.
        _, group = np.unique(group * max(1, len(column.values)) + column.codes, return_inverse=True)
    _, first, group = np.unique(group, return_index=True, return_inverse=True)
    return Units(list(_named(periods, columns, first)), group.astype(np.int64), parent)


def _named(periods: Ints, columns: Sequence[_Coded], rows: npt.NDArray[Any]) -> Iterator[Group]:
    values = [[column.values[code] for code in column.codes[rows].tolist()] for column in columns]
    for place, period in enumerate(periods[rows].tolist()):
        yield period, tuple(column[place] for column in values)
