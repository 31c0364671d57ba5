"""Rows of the tables that a request names. All tables of one shape are rendered together."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pyarrow as pa

from tailrace.columns.jsontext import members
from tailrace.columns.objects import objects_in
from tailrace.exports.converting import converted
from tailrace.exports.layout import Layout
from tailrace.exports.parts import PartWriter, Stretch
from tailrace.exports.sorting import Sorted, Sorter
from tailrace.formats.encoders import Encoder, Rows
from tailrace.formats.wide import Members, order_members
from tailrace.model.rows import RowShape
from tailrace.model.sheet import PARAM_PREFIX
from tailrace.store.batches import EventBatch, Ints

Places = Mapping[str, Mapping[str, int]]


class Tabling:
    """Writes the rows of batches."""

    def __init__(self, layout: Layout, encoder: Encoder, out: PartWriter) -> None:
        self._layout = layout
        self._encoder = encoder
        self._out = out
        self._sorter = Sorter(layout.tables)
        self._places = {key: {name: n for n, name in enumerate(layout.sheet(key).params)} for key in layout.tables}
        # Equal shapes once: to compare them for each batch and table would cost more than the rows.
        self._shapes = list(dict.fromkeys(table.row_shape for table in layout.tables.values()))
        numbers = {shape: n for n, shape in enumerate(self._shapes)}
        self._shape_of = {key: numbers[table.row_shape] for key, table in layout.tables.items()}

    def write(self, batch: EventBatch) -> EventBatch:
        """Write what of a batch stands in tables; the events that stand in any."""
        found = self._sorter.sort(batch)
        for number, some in self._by_shape(found).items():
            picked = batch.take(np.concatenate(list(some.values())))
            stretches = list(_stretches(picked, some))
            self._out.add(self._rows(picked, self._shapes[number], stretches), stretches)
        kept = np.zeros(batch.events.num_rows, dtype=np.bool_)
        for rows in found.values():
            kept[rows] = True
        return batch.keep(kept)

    def _by_shape(self, found: Sorted) -> dict[int, dict[str, Ints]]:
        shapes: dict[int, dict[str, Ints]] = {}
        for key, rows in found.items():
            shapes.setdefault(self._shape_of[key], {})[key] = rows
        return shapes

    def _rows(self, picked: EventBatch, shape: RowShape, stretches: Sequence[Stretch]) -> Rows:
        shown = converted(picked, shape)
        sheets = [(self._layout.sheet(s.key), s.start, s.stop) for s in stretches]
        if not shape.spread:
            return self._encoder.events(shown.fragments, shown.parent, shown.events, sheets[0][0])
        found = members_in(spread_objects(picked.events, shape.spread), stretches, self._places)
        return self._encoder.wide(shown.fragments, shown.parent, shown.events, sheets, found)


def spread_objects(events: pa.Table, path: str) -> pa.Array:
    """The objects whose members become columns; null where there is none."""
    parent, _, name = path.partition(".")
    texts = events[parent].combine_chunks()
    return objects_in(texts, name) if name else texts


def _stretches(picked: EventBatch, some: Mapping[str, Ints]) -> Iterator[Stretch]:
    times = picked.events["time"].to_numpy()
    start = 0
    for key, rows in some.items():
        stop = start + len(rows)
        yield Stretch(key, start, stop, int(times[start:stop].min()), int(times[start:stop].max()))
        start = stop


def members_in(objects: pa.Array, stretches: Sequence[Stretch], places: Places) -> Members:
    """Members of objects as cells of their table's columns."""
    found = members(objects)
    table = np.repeat(np.arange(len(stretches)), [s.stop - s.start for s in stretches])
    key, keys = found.key.indices.to_numpy().astype(np.int64), found.key.dictionary.to_pylist()
    pairs, which = np.unique(table[found.row.to_numpy()] * len(keys) + key, return_inverse=True)
    names = [keys[pair % len(keys)] for pair in pairs]
    tables = [places[stretches[pair // len(keys)].key] for pair in pairs]
    # A name that no column is for is of a segment older than the statistics that know it.
    column = np.array([of.get(name, -1) for of, name in zip(tables, names, strict=True)], np.int64)
    there = column[which] >= 0 if len(pairs) else np.zeros(0, dtype=np.bool_)
    kept = pa.array(there)
    row, value, which = found.row.filter(kept), found.value.filter(kept), which[there]
    ordered = order_members(row, column[which] if len(pairs) else which, which, value)
    widths = np.array([len(places[s.key]) for s in stretches], np.int64)[table]
    rows, columns, names_of, values = ordered
    return Members(rows, columns, names_of, [PARAM_PREFIX + name for name in names], values, widths)
