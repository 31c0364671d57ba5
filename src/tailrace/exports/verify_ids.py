"""No row twice: exact, in at most 16 bytes per id.

Files give a 64-bit hash per id; equal ids have equal hashes, so a row that comes twice is always among those whose
hash comes twice. Few are, unless something is wrong; their files are read again, and there the ids themselves are
compared.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from tailrace.exports.verify_file import Hashes, Scanned, hashes_of
from tailrace.exports.verify_lines import Damaged, chunks, inflate, rows_of, whole_lines
from tailrace.exports.verify_report import Finding

_MOST_COMPARED = 100_000  # ids that are kept as text; what is above it counts as doubled, so never as proven
_MOST_NAMED = 5


@dataclass(frozen=True, slots=True)
class _Doubled:
    """Ids that come twice, some of them with their places; `more` that were too many to compare."""

    places: dict[str, list[str]]
    more: int


def id_findings(files: Sequence[Scanned], where: str, export: str | None = None) -> Iterator[Finding]:
    """A finding when an id comes more than once in all of these files together."""
    candidates = _more_than_once([file.ids for file in files])
    if not len(candidates):
        return
    doubled = _compare(files, candidates)
    if count := len(doubled.places) + doubled.more:
        named = "; ".join(f"{i!r} in {' and '.join(at)}" for i, at in list(doubled.places.items())[:_MOST_NAMED])
        yield Finding(
            "ids",
            where,
            "each id once",
            f"{count} ids more than once: {named}",
            "load each of these rows once, and tell the server's operator; the same file twice has one copy too many",
            export,
        )


def _more_than_once(hashes: Sequence[Hashes]) -> Hashes:
    together = np.concatenate([np.empty(0, np.uint64), *hashes])
    together.sort()
    return np.unique(together[1:][together[1:] == together[:-1]])


def _compare(files: Sequence[Scanned], candidates: Hashes) -> _Doubled:
    """Read again the files that hold candidates, and keep what really comes twice."""
    compared = candidates[:_MOST_COMPARED]
    places: dict[str, list[str]] = {}
    for file in files:
        if np.isin(file.ids, compared).any():
            for row_id, line in _lines_with(file, compared):
                at = places.setdefault(row_id, [])
                if len(at) < _MOST_NAMED:
                    at.append(f"{file.path} line {line}")
    real = {row_id: at for row_id, at in places.items() if len(at) > 1}
    return _Doubled(real, len(candidates) - len(compared))


def _lines_with(file: Scanned, hashes: Hashes) -> Iterator[tuple[str, int]]:
    """Ids with one of the hashes, and their line numbers from 1."""
    seen = 0
    try:
        for lines in whole_lines(inflate(chunks(file.path))):
            rows = rows_of(lines, [])
            with_id = [(number, row) for number, row in enumerate(rows, seen + 1) if row.id is not None]
            for index in np.flatnonzero(np.isin(hashes_of(rows), hashes)):
                number, row = with_id[index]
                yield row.id or "", number
            seen += len(rows)
    except Damaged:
        return  # a finding of its own; its rows up to here were counted, and are compared
