"""An app at a glance, from the statistics of its segments alone: days, names, versions, countries."""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from threading import Lock

from msgspec import Struct, field

from tailrace.db.engine import Database
from tailrace.model.access import Scope
from tailrace.model.segment import Outline
from tailrace.store.snapshots import Mark, head, marks_by_day, outlines

Counts = Sequence[tuple[str, int]]
_MOST_KEPT = 300_000  # names, versions, countries and segments of days, of all apps together; about 100 bytes each


class DayCounts(Struct, frozen=True):
    """Sessions that began on a day (number, in UTC), and the events in them."""

    day: int
    sessions: int
    events: int


class Overview(Struct, frozen=True):
    """Counts of sealed sessions by the day on which they began; names with most events first.

    `late` counts parts of sessions that came after their session was sealed.
    """

    days: Sequence[DayCounts]
    events: Counts
    versions: Counts
    countries: Counts
    late: int

    @property
    def total_events(self) -> int:
        """Events of all days."""
        return sum(day.events for day in self.days)

    @property
    def total_sessions(self) -> int:
        """Sessions of all days."""
        return sum(day.sessions for day in self.days)


class _Day(Struct, frozen=True):
    """What the outlines of a day's segments add up to."""

    marks: frozenset[Mark] = frozenset()
    sessions: int = 0
    events: int = 0
    late: int = 0
    names: Mapping[str, int] = field(default_factory=dict)
    versions: Mapping[str, int] = field(default_factory=dict)
    countries: Mapping[str, int] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """How many things are kept of it."""
        return 1 + len(self.marks) + len(self.names) + len(self.versions) + len(self.countries)

    def grown(self, more: Mapping[Mark, Outline]) -> "_Day":
        """The same with more segments. Versions that older releases did not count have no events."""
        found = more.values()
        versions = _added(self.versions, *(one.by_version for one in found))
        return _Day(
            marks=self.marks | more.keys(),
            sessions=self.sessions + sum(one.fragments - one.late_fragments for one in found),
            events=self.events + sum(one.events for one in found),
            late=self.late + sum(one.late_fragments for one in found),
            names=_added(self.names, *({name: told.count for name, told in one.names.items()} for one in found)),
            versions=dict.fromkeys((name for one in found for name in one.versions), 0) | versions,
            countries=_added(self.countries, *(one.by_country for one in found)),
        )


class Overviews:
    """Overviews of apps. Segments never change: what those of a day add up to is kept, and only new ones are read."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._kept: OrderedDict[tuple[int, int], _Day] = OrderedDict()  # by number of app and day
        self._size = 0
        self._lock = Lock()

    def of(self, scope: Scope, first: int, last: int) -> Overview:
        """What an app holds of sessions that began on some days (numbers in UTC, both included)."""
        found = self._read(scope, (first, last))
        days = found.values()
        nothing = _Day()
        return Overview(
            days=[
                DayCounts(day, found.get(day, nothing).sessions, found.get(day, nothing).events)
                for day in range(first, last + 1)
            ],
            events=_sorted(_added(*(day.names for day in days))),
            versions=_sorted({name: count for name, count in _added(*(day.versions for day in days)).items() if count}),
            countries=_sorted(_added(*(day.countries for day in days))),
            late=sum(day.late for day in days),
        )

    def choices(self, scope: Scope) -> tuple[Counts, Counts]:
        """All event names and all app versions of an app, each with the events that it has."""
        days = self._read(scope, None).values()
        return _sorted(_added(*(day.names for day in days))), _sorted(_added(*(day.versions for day in days)))

    def _read(self, scope: Scope, between: tuple[int, int] | None) -> Mapping[int, _Day]:
        """The days of an app that have segments: all, or those `between` two."""
        with self._database.read() as connection:
            there = marks_by_day(connection, scope, head(connection, scope).seq, between)
            known = {day: self._known(scope, day, marks) for day, marks in there.items()}
            new = outlines(connection, scope, [mark for day in there for mark in there[day] - known[day].marks])
        found = {day: _grown(known[day], there[day], new) for day in there}
        self._keep(scope, found)
        return found

    def _known(self, scope: Scope, day: int, marks: set[Mark]) -> _Day:
        """What is kept of a day; nothing, if one of its segments is there no more."""
        with self._lock:
            kept = self._kept.get((scope.app, day), _Day())
        return kept if kept.marks <= marks else _Day()

    def _keep(self, scope: Scope, found: Mapping[int, _Day]) -> None:
        with self._lock:
            for day, one in found.items():
                before = self._kept.pop((scope.app, day), None)
                self._kept[scope.app, day] = one
                self._size += one.size - (before.size if before else 0)
            while self._size > _MOST_KEPT:
                self._size -= self._kept.popitem(last=False)[1].size


def _grown(known: _Day, marks: set[Mark], new: Mapping[Mark, Outline]) -> _Day:
    more = {mark: new[mark] for mark in marks - known.marks}
    return known.grown(more) if more else known


def _added(*counts: Mapping[str, int]) -> dict[str, int]:
    found: dict[str, int] = {}
    for count in counts:
        for name, number in count.items():
            found[name] = found.get(name, 0) + number
    return found


def _sorted(counts: Mapping[str, int]) -> Counts:
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))
