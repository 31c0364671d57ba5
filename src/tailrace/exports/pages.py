"""Page views: what is known of one only as it ends is said of all its events."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tailrace.model.rows import PAGE
from tailrace.store.batches import EventBatch, Ints


def spread_over_pages(batch: EventBatch, names: Sequence[str]) -> EventBatch:
    """Events on which columns of whole numbers have the highest value of their page view in their fragment.

    A fragment must be whole. Events of no page view keep what they have.
    """
    there, view = _views(batch)
    events = batch.events
    for name in names:
        place = events.column_names.index(name)
        events = events.set_column(place, name, _highest(events[name].combine_chunks(), there, view))
    return EventBatch(batch.fragments, batch.parent, events)


def _views(batch: EventBatch) -> tuple[Ints, Ints]:
    """The events that belong to a page view, and a number for the view of each of them."""
    coded = pc.coalesce(*(batch.events[name] for name in PAGE)).combine_chunks().dictionary_encode()
    there = np.flatnonzero(coded.is_valid().to_numpy(zero_copy_only=False))
    codes = coded.indices.take(pa.array(there)).to_numpy().astype(np.int64)
    _, view = np.unique(batch.parents[there] * (len(coded.dictionary) + 1) + codes, return_inverse=True)
    return there, view


def _highest(column: pa.Array, there: Ints, view: Ints) -> pa.Array:
    """The column with the highest value of each view; one that has none anywhere has none."""
    least = np.iinfo(np.int64).min
    values = pc.fill_null(column, least).to_numpy(zero_copy_only=False).copy()
    highest = np.full(view.max(initial=-1) + 1, least)
    np.maximum.at(highest, view, values[there])
    values[there] = highest[view]
    return pa.array(values, pa.int64(), mask=values == least)
