"""Nesting: kin as rows of files, each kind in a table of its own, or all nested in their sessions."""

from collections.abc import Iterator, Mapping

import numpy as np
import pyarrow as pa

from tailrace.exports.converting import convert
from tailrace.exports.kinship import Rank, kinship
from tailrace.exports.layout import Layout, kin_fields
from tailrace.exports.parts import PartWriter, Stretch
from tailrace.formats.encoders import Encoder
from tailrace.formats.json import Json
from tailrace.formats.text import event_rows, join, join_lists
from tailrace.model.kin import Kin
from tailrace.model.rows import Column, KinTable
from tailrace.store.batches import EventBatch, cut_fragments

# Which rows a row of a kind lists, and as which field.
_LISTS: Mapping[Kin, tuple[tuple[str, Kin], ...]] = {
    "session": (("states", "state"), ("experiment_list", "experiment")),
    "state": (("state_events", "event"),),
}
_NO_FRAGMENTS = pa.table({})


def write_kin(layout: Layout, encoder: Encoder, groups: Iterator[EventBatch], out: PartWriter) -> None:
    """A row per session with all that is in it, or tables of sessions, states, events and what is listed in them."""
    for group in groups:
        for batch in cut_fragments(group):
            times = batch.events["time"].to_numpy()
            for key, table in _tables(layout, kinship(batch)).items():
                if table.num_rows:
                    rows = encoder.events(_NO_FRAGMENTS, _parents(table), table, layout.sheet(key))
                    out.add(rows, [Stretch(key, 0, table.num_rows, int(times.min()), int(times.max()))])


def _tables(layout: Layout, kin: Mapping[Kin, Rank]) -> Mapping[str, pa.Table]:
    """The tables of a layout by their keys, under the names of their columns."""
    tables = {} if layout.nest is None else {table.kin: table for table in layout.nest.tables}
    if "" in layout.sheets:
        return {"": _nested("session", tables, kin)}
    return {table.name: _converted(kin[table.kin].table, table.columns) for table in tables.values()}


def _nested(of: Kin, tables: Mapping[Kin, KinTable], kin: Mapping[Kin, Rank]) -> pa.Table:
    """The rows of a kind with the lists of what they hold."""
    table = kin[of].table
    for name, below in _LISTS.get(of, ()):
        texts = _texts(_nested(below, tables, kin), tables[below])
        offsets = np.searchsorted(kin[below].parent, np.arange(table.num_rows + 1))
        table = table.append_column(name, join("[", join_lists(texts, pa.array(offsets, pa.int32()), ","), "]"))
    return _converted(table, tables[of].columns)


def _texts(table: pa.Table, of: KinTable) -> pa.Array:
    """Rows as JSON objects."""
    if not table.num_rows:
        return pa.array([], pa.string())
    return event_rows(Json("}", sure=True), _NO_FRAGMENTS, _parents(table), table, kin_fields(of.columns))


def _parents(table: pa.Table) -> pa.Array:
    """As encoders want them; they are not looked at, since no column is of a fragment."""
    return pa.array(np.zeros(table.num_rows, np.int64))


def _converted(table: pa.Table, columns: tuple[Column, ...]) -> pa.Table:
    arrays = [convert(column, [_array(table, name) for name in column.sources]) for column in columns]
    return pa.Table.from_arrays(arrays, names=[column.name for column in columns])


def _array(table: pa.Table, name: str) -> pa.Array:
    column = table[name]
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
