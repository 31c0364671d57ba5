"""No event twice: exact, in at most 16 bytes per id.

Files give a 64-bit hash per id; equal ids have equal hashes, so an event that comes twice is always among those whose
hash comes twice. Few are, unless something is wrong; their files are read again, and there the ids themselves are
compared.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from msgspec import Struct

from tailrace.exports.verify.content import Hashes, hashes_of
from tailrace.exports.verify.report import Finding
from tailrace.exports.verify.scan import Stretch
from tailrace.exports.verify.streams import Damaged

_MOST_COMPARED = 100_000  # ids that are kept as text; what is above it counts as doubled, so never as proven
_MOST_NAMED = 5


class _Doubled(Struct, frozen=True):
    """Ids that come twice, some of them with their places; `more` that were too many to compare."""

    places: dict[str, list[str]]
    more: int


def id_findings(stretches: Sequence[Stretch], where: str, export: str | None = None) -> Iterator[Finding]:
    """A finding when an id comes more than once in all of these files and members together."""
    candidates = _more_than_once([stretch.ids for stretch in stretches])
    if not len(candidates):
        return
    doubled = _compare(stretches, candidates)
    if count := len(doubled.places) + doubled.more:
        named = "; ".join(f"{i!r} in {' and '.join(at)}" for i, at in list(doubled.places.items())[:_MOST_NAMED])
        yield Finding(
            "ids",
            where,
            "each id once",
            f"{count} ids more than once: {named}",
            "load each of these events once, and tell the server's operator; the same file twice has one copy too many",
            export,
        )


def _more_than_once(hashes: Sequence[Hashes]) -> Hashes:
    together = np.concatenate([np.empty(0, np.uint64), *hashes])
    together.sort()
    return np.unique(together[1:][together[1:] == together[:-1]])


def _compare(stretches: Sequence[Stretch], candidates: Hashes) -> _Doubled:
    """Read again what holds candidates, and keep what really comes twice."""
    compared = candidates[:_MOST_COMPARED]
    places: dict[str, list[str]] = {}
    for stretch in stretches:
        if np.isin(stretch.ids, compared).any():
            for row_id, row in _rows_with(stretch, compared):
                at = places.setdefault(row_id, [])
                if len(at) < _MOST_NAMED:
                    at.append(f"{stretch.where} row {row}")
    real = {row_id: at for row_id, at in places.items() if len(at) > 1}
    return _Doubled(real, len(candidates) - len(compared))


def _rows_with(stretch: Stretch, hashes: Hashes) -> Iterator[tuple[str, int]]:
    """Ids with one of the hashes, and the numbers of their rows from 1."""
    seen = 0
    try:
        for batch in stretch.again():
            ids = list(batch.ids())
            for index in np.flatnonzero(np.isin(hashes_of(row_id for _, row_id in ids), hashes)):
                number, row_id = ids[index]
                yield row_id, seen + number + 1
            seen += len(batch.rows)
    except Damaged:
        return  # a finding of its own; its rows up to here were counted, and are compared
