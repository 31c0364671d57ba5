"""Identity of rows without an id: their content, and which of its equals in the file each is.

So the same file gives the same keys again, and equal rows of one file are events of their own. What was seen is kept
in sorted runs on disk: 16 bytes per row, and little memory however long the file is.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import numpy.typing as npt

from tailrace.files.local import LocalFiles
from tailrace.model.hashing import WIDTH, keys_of_rows, occurrence_key
from tailrace.store.runs import Keys, Run, known, to_merge, with_runs, write_run

_Counts = npt.NDArray[np.int64]


class Occurrences:
    """The rows of one file so far."""

    def __init__(self, scratch: Path) -> None:
        self._files = LocalFiles(scratch)
        self._runs: list[Run] = []
        self._written = 0

    def keys(self, rows: Sequence[bytes]) -> list[bytes]:
        """Dedupe keys of the next rows."""
        if not rows:
            return []
        content = keys_of_rows(rows)
        first, which = _distinct(_as_keys(content))
        earlier = self._earlier([content[place] for place in first.tolist()])
        occurrence = earlier[which] + _rank(which, len(first))
        keys = [occurrence_key(key, n) if n else key for key, n in zip(content, occurrence.tolist(), strict=True)]
        self._remember(keys)
        return keys

    def _earlier(self, content: Sequence[bytes]) -> _Counts:
        """How many equals each content has in earlier blocks: gallop, then bisect, as occurrences leave no gap."""
        least = np.zeros(len(content), dtype=np.int64)  # so many there are, at least
        most = np.full(len(content), -1, dtype=np.int64)  # no more than this; -1 while it is not known
        probe = least.copy()
        waiting = np.arange(len(content))
        while len(waiting):
            seen = self._known([occurrence_key(content[row], int(probe[row])) for row in waiting.tolist()])
            least[waiting[seen]] = probe[waiting[seen]] + 1
            most[waiting[~seen]] = probe[waiting[~seen]]
            waiting = waiting[least[waiting] != most[waiting]]
            probe = np.where(most < 0, 2 * least, (least + most) // 2)
        return least

    def _known(self, keys: Sequence[bytes]) -> npt.NDArray[np.bool_]:
        return known(self._files, self._runs, _as_keys(keys))

    def _remember(self, keys: Sequence[bytes]) -> None:
        swallowed = to_merge(self._runs, len(keys))
        merged = with_runs(self._files, _as_keys(keys), swallowed)
        left = [run for run in self._runs if run not in swallowed]
        self._written += 1
        run = Run(self._written, f"rows-{self._written}", len(merged))
        write_run(self._files, run.object, merged)
        self._runs = [*left, run]
        for old in swallowed:
            self._files.delete(old.object)


@contextmanager
def occurrences(scratch: Path | None = None) -> Iterator[Occurrences]:
    """Occurrences that take their room below `scratch` (default: the system's temporary directory)."""
    with TemporaryDirectory(prefix="tailrace-import-", dir=scratch) as directory:
        yield Occurrences(Path(directory))


def _distinct(keys: Keys) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Where each distinct key stands first, and which of them each key is."""
    order = np.lexsort((keys.low, keys.high))  # stable: the first of equals comes first
    ordered = keys.take(order)
    new = np.ones(len(keys), dtype=np.bool_)
    new[1:] = (ordered.high[1:] != ordered.high[:-1]) | (ordered.low[1:] != ordered.low[:-1])
    which = np.empty(len(keys), dtype=np.intp)
    which[order] = np.cumsum(new) - 1
    return order[new], which


def _rank(which: npt.NDArray[np.intp], distinct: int) -> _Counts:
    """For each row how many equal rows stand before it."""
    order = np.argsort(which, kind="stable")
    starts = np.searchsorted(which[order], np.arange(distinct))
    rank = np.empty(len(which), dtype=np.int64)
    rank[order] = np.arange(len(which)) - starts[which[order]]
    return rank


def _halves(keys: Sequence[bytes]) -> npt.NDArray[np.uint64]:
    return np.frombuffer(b"".join(keys), dtype="<u8").reshape(-1, WIDTH // 8)


def _as_keys(keys: Sequence[bytes]) -> Keys:
    halves = _halves(keys)
    return Keys(np.ascontiguousarray(halves[:, 0]), np.ascontiguousarray(halves[:, 1]))
