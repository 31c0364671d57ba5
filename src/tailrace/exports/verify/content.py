"""What rows add up to, whatever their format: counts, digest, bounds in time, and a hash per id."""

from collections.abc import Iterable, Iterator
from datetime import datetime

import numpy as np
import numpy.typing as npt
from msgspec import Struct, field
from xxhash import xxh3_64_intdigest

from tailrace.exports.verify.digest import MODULUS, content_sha256, sum_of
from tailrace.exports.verify.rows import Batch, Session, id_bytes

Hashes = npt.NDArray[np.uint64]
_NAMES = 2


class Content(Struct):
    """What was read. `digest` is None where the format does not have the bytes that it is of.

    `events` are rows, or those nested in rows; `names` are some of theirs, a second one if there is any; `bad` is the
    first row (from 1) that is none, and why.
    """

    rows: int = 0
    digest: int | None = 0
    events: int = 0
    with_id: int = 0
    timed: int = 0
    nested: int = 0
    names: set[str | None] = field(default_factory=set)
    min_time: datetime | None = None
    max_time: datetime | None = None
    bad: tuple[int, str] | None = None
    many_bad: int = 0
    _hashes: list[Hashes] = field(default_factory=list)

    def add(self, batch: Batch) -> None:
        """Count rows in."""
        events = [event for _, event in batch.events()]
        self._add_faults(batch)
        self._add_digest(batch)
        self._add_times(list(batch.times()))
        self.rows += len(batch.rows)
        self.events += len(events)
        self.with_id += sum(event.id is not None for event in events)
        self.nested += sum(isinstance(row, Session) and row.events is not None for row in batch.rows)
        if len(self.names) < _NAMES:
            self.names.update(event.event for event in events)
        self._hashes.append(hashes_of(row_id for _, row_id in batch.ids()))

    def take_ids(self) -> Hashes:
        """The hashes of all ids, which are no longer kept here."""
        ids = np.concatenate([np.empty(0, np.uint64), *self._hashes])
        self._hashes.clear()
        return ids

    @property
    def content_sha256(self) -> str | None:
        """The digest of the rows, if it is known."""
        return None if self.digest is None else content_sha256(self.rows, self.digest)

    def _add_faults(self, batch: Batch) -> None:
        self.many_bad += len(batch.faults)
        if batch.faults and self.bad is None:
            self.bad = (self.rows + batch.faults[0].row + 1, batch.faults[0].why)

    def _add_digest(self, batch: Batch) -> None:
        if batch.texts is None or self.digest is None:
            self.digest = None
        else:
            self.digest = (self.digest + sum_of(batch.texts)) % MODULUS

    def _add_times(self, times: list[datetime]) -> None:
        self.timed += len(times)
        self.min_time = min(filter(None, (self.min_time, *times)), default=None)
        self.max_time = max(filter(None, (self.max_time, *times)), default=None)


def hashes_of(ids: Iterable[str]) -> Hashes:
    """One hash for each id. Equal hashes are candidates only: `verify_ids` compares the ids."""
    return np.fromiter(map(xxh3_64_intdigest, map(id_bytes, ids)), np.uint64)


def read_all(batches: Iterator[Batch], into: Content) -> None:
    """Read batches to their end."""
    for batch in batches:
        into.add(batch)
