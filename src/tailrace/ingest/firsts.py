"""The first event of each name that a user has. First is the earliest of those that one seal writes; a later seal
restates nothing.
"""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from msgspec import Struct

from tailrace.columns.groups import Groups
from tailrace.model.hashing import name_hash
from tailrace.store.profiles import MOST_NAMES

Ints = npt.NDArray[np.int64]
Hashes = npt.NDArray[np.uint64]


class First(Struct, frozen=True):
    """First events: the record row of each, the fragment that holds it, and the hash of its name."""

    rows: Ints
    fragments: Ints
    names: Hashes


class Firsts:
    """The first events of a seal, from which those are struck off whose names their users had before."""

    def __init__(self, records: pa.Table, rows: Ints, fragments: Ints, users: Ints) -> None:
        """`rows` of records in the order of the seal, the fragment of each, and the user of each fragment."""
        names = records["event"].combine_chunks().dictionary_encode()
        codes = names.indices.to_numpy().astype(np.int64)
        self._hashes: Hashes = np.array([name_hash(name) for name in names.dictionary.to_pylist()], np.uint64)
        self._by_hash = np.argsort(self._hashes)
        self._times: Ints = records["time"].to_numpy()
        pairs = users[fragments] * len(self._hashes) + codes[rows]
        order = np.lexsort((self._times[rows], pairs))
        first = order[Groups.of(pairs[order]).begins]
        self._pairs = pairs[first]
        self._found = First(rows[first], fragments[first], self._hashes[codes[rows[first]]])
        self._new = np.ones(len(first), dtype=np.bool_)

    def had(self, users: Ints, names: Hashes) -> None:
        """Strike off: each of these users had an event of this name before."""
        place = np.minimum(np.searchsorted(self._hashes, names, sorter=self._by_hash), len(self._hashes) - 1)
        code = self._by_hash[place]
        here = self._hashes[code] == names
        pairs = users[here] * len(self._hashes) + code[here]
        at = np.minimum(np.searchsorted(self._pairs, pairs), len(self._pairs) - 1)
        self._new[at[self._pairs[at] == pairs]] = False

    def within(self, actors: Ints, remembered: Ints) -> First:
        """What is left, by actor and time; `actors` of the fragments, and how many names each has already.

        An actor that has reached `MOST_NAMES` has no further firsts.
        """
        left = _only(self._found, np.flatnonzero(self._new))
        left = _only(left, np.lexsort((left.rows, self._times[left.rows], actors[left.fragments])))
        actor = actors[left.fragments]
        runs = Groups.of(actor)
        rank = np.arange(len(actor)) - runs.begins[runs.of_row]
        return _only(left, np.flatnonzero(remembered[actor] + rank < MOST_NAMES))


def names_by_actor(first: First, actors: Ints) -> Mapping[int, bytes]:
    """The hashes of the names that each actor has had now, 8 bytes each; `first` is in order of actors."""
    actor = actors[first.fragments]
    runs = Groups.of(actor)
    names = first.names.astype("<u8")
    return {int(actor[b]): names[b:e].tobytes() for b, e in zip(runs.begins, runs.ends, strict=True)}


def with_first(records: pa.Table, first: First, first_seen: Ints) -> pa.Table:
    """The records with `until_first_ms` on the first events; `first_seen` of the fragments, ms."""
    until = np.zeros(records.num_rows, dtype=np.int64)
    until[first.rows] = records["time"].to_numpy()[first.rows] - first_seen[first.fragments]
    none = np.ones(records.num_rows, dtype=np.bool_)
    none[first.rows] = False
    place = records.schema.get_field_index("until_first_ms")
    return records.set_column(place, records.schema.field(place), pa.array(until, pa.int64(), mask=none))


def _only(first: First, which: npt.NDArray[np.intp]) -> First:
    return First(first.rows[which], first.fragments[which], first.names[which])
