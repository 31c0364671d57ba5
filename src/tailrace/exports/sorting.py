"""Sorting: which events of a batch stand in which of the tables that a request names."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from tailrace.model.predicates import Predicate
from tailrace.model.tables import Table
from tailrace.store.batches import EventBatch, Ints
from tailrace.store.predicates import keep, matching

Mask = npt.NDArray[np.bool_]
Asked = tuple[Predicate, ...]
Sorted = Mapping[str, Ints]  # rows of a batch, in order, by the key of their table


class Sorter:
    """Sorts batches. Names lead to tables, so many tables cost no more than the names that a batch holds."""

    def __init__(self, tables: Mapping[str, Table]) -> None:
        self._tables = tables
        self._of_name: dict[str, list[str]] = {}
        for key, table in tables.items():
            for name in table.events:
                self._of_name.setdefault(name, []).append(key)
        times = Counter(_of_params(self._tables[key].where) for keys in self._of_name.values() for key in keys)
        self._shared = frozenset(asked for asked, count in times.items() if count > 1)

    def sort(self, batch: EventBatch) -> Sorted:
        """The rows of each table that has some, tables in order."""
        judge = _Judge(batch, self._shared)
        found: dict[str, list[Ints]] = {}
        for name, rows in _by_name(batch):
            for key in self._of_name.get(name, ()):
                kept = judge.keep(self._tables[key].where, rows)
                if len(kept):
                    found.setdefault(key, []).append(kept)
        return {key: _in_order(found[key]) for key in sorted(found)}


class _Judge:
    """Judges rows of a batch. What is asked of a field, and what several names ask of parameters, is found for all rows
    at once: many tables ask the same.
    """

    def __init__(self, batch: EventBatch, shared: Collection[Asked]) -> None:
        self._batch = batch
        self._shared = shared
        self._masks: dict[Asked, Mask] = {}

    def keep(self, where: Sequence[Predicate], rows: Ints) -> Ints:
        """Those of some rows for which all predicates hold."""
        for predicate in where:
            if predicate.field is not None:
                rows = rows[self._mask((predicate,))[rows]]
        asked = _of_params(where)
        if not asked or not len(rows):
            return rows
        if asked in self._shared:
            return rows[self._mask(asked)[rows]]
        return rows[matching(asked, self._batch.events.select(["params"]).take(rows))]

    def _mask(self, asked: Asked) -> Mask:
        if asked not in self._masks:
            batch = self._batch
            self._masks[asked] = keep(asked, batch.fragments, batch.parent, batch.events)
        return self._masks[asked]


def _of_params(where: Sequence[Predicate]) -> Asked:
    return tuple(predicate for predicate in where if predicate.field is None)


def _by_name(batch: EventBatch) -> Iterator[tuple[str, Ints]]:
    """The rows of each event name, in order."""
    coded = batch.events["event"].combine_chunks().dictionary_encode()
    codes = coded.indices.to_numpy()
    order = np.argsort(codes, kind="stable").astype(np.int64)
    ends = np.searchsorted(codes[order], np.arange(len(coded.dictionary)), side="right")
    for name, start, stop in zip(coded.dictionary.to_pylist(), np.append(0, ends), ends, strict=False):
        yield name, order[start:stop]


def _in_order(parts: Sequence[Ints]) -> Ints:
    return parts[0] if len(parts) == 1 else np.sort(np.concatenate(parts))
