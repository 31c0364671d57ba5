"""Counting: the measures of groups, added up batch by batch."""

from collections.abc import Iterable, Mapping, Sequence
from typing import get_args

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tailrace.model.errors import Invalid
from tailrace.reports.asked import Group, Measure, Numbers, Report
from tailrace.reports.distinct import Distinct
from tailrace.reports.names import Names
from tailrace.reports.units import Units, units_of
from tailrace.store.batches import EventBatch

Ints = npt.NDArray[np.int64]
MEASURES: tuple[Measure, ...] = get_args(Measure)
MOST_GROUPS = 200_000  # that are in memory
_PLACE = {measure: place for place, measure in enumerate(MEASURES)}
_ACTORS: frozenset[Measure] = frozenset(("actors", "new_actors"))


class Counting:
    """Counts what batches of whole sessions hold, of the actors of one share (k, n): number k modulo n."""

    def __init__(self, report: Report, names: Names, share: tuple[int, int] = (0, 1)) -> None:
        self._report = report
        self._names = names
        self._share = share
        self._bounds = np.array(report.bounds, dtype=np.int64)
        self._codes: dict[Group, int] = {}
        self._sums: Ints = np.zeros((64, len(MEASURES)), dtype=np.int64)
        self._distinct = Distinct()

    def add(self, batch: EventBatch) -> None:
        """Count the sessions of a batch.

        Raises:
            Invalid: there are more groups than a report may have.
            TooMany: there are more actors than are counted at a time.
        """
        fragments, (part, parts) = batch.fragments, self._share
        periods = self._periods(_ints(fragments["session_start"]))
        actors: Ints = _ints(fragments["user_number"]) if parts > 1 else np.zeros(fragments.num_rows, dtype=np.int64)
        units = units_of(self._report, self._names, batch, periods, actors % parts == part)
        if len(units.group):
            self._count(units, fragments, periods)

    def known(self, numbers: Mapping[Group, int], measure: Measure) -> None:
        """Add what was known without a look at rows."""
        if numbers:
            self._add(self._coded(list(numbers)), measure, np.array(list(numbers.values()), dtype=np.int64))

    def settle(self, upto: int) -> None:
        """No session that starts before an instant (ms) will come any more: what is distinct is counted until there.

        Raises:
            TooMany: as `add`.
        """
        if self._report.measures & _ACTORS and self._codes:
            ends = self._bounds[np.array([period for period, _ in self._codes]) + 1]
            counted = self._distinct.take(len(self._codes), ends <= upto)
            self._add(np.arange(len(self._codes)), "actors", counted[0])
            self._add(np.arange(len(self._codes)), "new_actors", counted[1])

    def numbers(self) -> Mapping[Group, Ints]:
        """The measures of each group, in the order of `MEASURES`.

        Raises:
            TooMany: as `add`.
        """
        self.settle(int(self._bounds[-1]))
        return {group: self._sums[code] for group, code in self._codes.items()}

    def _periods(self, instants: Ints) -> Ints:
        """In which period each instant is; none before the first is 0, and none after the last is one of them."""
        return np.searchsorted(self._bounds, instants, side="right") - 1

    def _count(self, units: Units, fragments: pa.Table, periods: Ints) -> None:
        codes = self._coded(units.groups)
        self._add(codes, "units", np.bincount(units.group, minlength=len(codes)))
        if self._report.measures == {"units"}:
            return
        group, fragment = np.divmod(np.unique(units.group * fragments.num_rows + units.parent), fragments.num_rows)
        self._add(codes, "sessions", np.bincount(group, minlength=len(codes)))
        if "time_ms" in self._report.measures:
            lengths = np.zeros(len(codes), dtype=np.int64)
            np.add.at(lengths, group, _ints(fragments["session_duration_ms"])[fragment])
            self._add(codes, "time_ms", lengths)
        if self._report.measures & _ACTORS:
            new = self._periods(_ints(fragments["first_seen"])) == periods
            self._distinct.add(codes[group], _ints(fragments["user_number"])[fragment], new[fragment])

    def _add(self, codes: Ints, measure: Measure, numbers: Ints) -> None:
        self._sums[codes, _PLACE[measure]] += numbers

    def _coded(self, groups: Sequence[Group]) -> Ints:
        """Numbers of groups in this count, new ones where they are new."""
        codes = np.array([self._codes.setdefault(group, len(self._codes)) for group in groups], dtype=np.int64)
        check_groups(len(self._codes))
        if len(self._codes) > len(self._sums):
            grown = np.zeros((2 * len(self._codes), len(MEASURES)), dtype=np.int64)
            grown[: len(self._sums)] = self._sums
            self._sums = grown
        return codes


def check_groups(count: int, most: int = MOST_GROUPS) -> None:
    """See that a report has no more groups than it may.

    Raises:
        Invalid: it has.
    """
    if count > most:
        raise Invalid("dimensions", f"the report would have more than {most} rows: ask for less time or fewer values")


def together(parts: Iterable[Mapping[Group, Ints]]) -> dict[Group, Ints]:
    """Sums of the measures of several counts.

    Raises:
        Invalid: there are more groups than a report may have.
    """
    found: dict[Group, Ints] = {}
    for part in parts:
        for group, numbers in part.items():
            found[group] = found[group] + numbers if group in found else numbers
        check_groups(len(found))
    return found


def named(numbers: Ints) -> Numbers:
    """Measures by name."""
    return {measure: int(numbers[place]) for measure, place in _PLACE.items()}


def _ints(column: pa.ChunkedArray) -> Ints:
    """A column as numbers; what is not known is 0."""
    found: Ints = pc.fill_null(column, 0).to_numpy()
    return found
