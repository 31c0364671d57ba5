"""Counting what is distinct: members of groups, in bounded memory."""

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
MOST = 1 << 22  # pairs that are kept, 8 bytes each; sorting them takes a few times as much
_SLACK = 1 << 18  # pairs that may wait to be sorted in
_MEMBER_BITS = 40


class TooMany(Exception):
    """More pairs than fit; half of the members may."""


class Distinct:
    """Distinct pairs of a group and a member, with a mark for each pair that is the same whenever the pair comes.

    Groups are below 2^22, members below 2^40.
    """

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._kept = np.empty(0, dtype=np.int64)
        self._waiting: list[Ints] = []

    def add(self, groups: Ints, members: Ints, marked: npt.NDArray[np.bool_]) -> None:
        """Some pairs.

        Raises:
            TooMany: they do not fit.
        """
        self._waiting.append(np.unique((groups << (_MEMBER_BITS + 1)) | (members << 1) | marked))
        if sum(map(len, self._waiting)) > len(self._kept) + _SLACK:
            self._settle()

    def take(self, groups: int, done: npt.NDArray[np.bool_] | None = None) -> tuple[Ints, Ints]:
        """Members and marked members of each of so many groups, which are forgotten; of those that are `done` only.

        Raises:
            TooMany: they do not fit.
        """
        self._settle()
        group = self._kept >> (_MEMBER_BITS + 1)
        ripe = np.ones(len(group), dtype=np.bool_) if done is None else done[group]
        taken, self._kept = self._kept[ripe], self._kept[~ripe]
        marked = (taken & 1).astype(np.bool_)
        every, some = group[ripe], group[ripe][marked]
        return np.bincount(every, minlength=groups), np.bincount(some, minlength=groups)

    def _settle(self) -> None:
        if self._waiting:
            self._kept = np.unique(np.concatenate([self._kept, *self._waiting]))
            self._waiting = []
        if len(self._kept) > self._most:
            raise TooMany
