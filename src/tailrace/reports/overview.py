"""An app at a glance, from the statistics of its segments alone: days, names, versions, countries."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from tailrace.db.engine import Database
from tailrace.model.access import Scope
from tailrace.model.clock import DAY
from tailrace.model.segment import Outline
from tailrace.model.window import Window
from tailrace.store.snapshots import head, outlines

Counts = Sequence[tuple[str, int]]


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


def overview(database: Database, scope: Scope, first: int, last: int) -> Overview:
    """What an app holds of sessions that began on some days (numbers in UTC, both included)."""
    window = Window("session_start", first * DAY, (last + 1) * DAY)
    with database.read() as connection:
        found = outlines(connection, scope, head(connection, scope).seq, window)
    dated = [(day, outline) for day, outline in found if first <= day <= last]
    mine = [outline for _, outline in dated]
    return Overview(
        days=_days(dated, first, last),
        events=_sorted(_names(mine)),
        versions=_sorted(_added(outline.by_version for outline in mine)),
        countries=_sorted(_added(outline.by_country for outline in mine)),
        late=sum(outline.late_fragments for outline in mine),
    )


def choices(database: Database, scope: Scope) -> tuple[Counts, Counts]:
    """All event names and all app versions of an app, each with the events that it has."""
    with database.read() as connection:
        found = [outline for _, outline in outlines(connection, scope, head(connection, scope).seq)]
    versions = _added(outline.by_version for outline in found)
    for outline in found:  # of those that older releases wrote no counts are known
        versions.update(dict.fromkeys(outline.versions, 0))
    return _sorted(_names(found)), _sorted(versions)


def _days(dated: Sequence[tuple[int, Outline]], first: int, last: int) -> Sequence[DayCounts]:
    """A row for every day, also where nothing happened."""
    sessions: Counter[int] = Counter()
    events: Counter[int] = Counter()
    for day, outline in dated:
        sessions[day] += outline.fragments - outline.late_fragments
        events[day] += outline.events
    return [DayCounts(day, sessions[day], events[day]) for day in range(first, last + 1)]


def _names(found: Sequence[Outline]) -> Counter[str]:
    return _added({name: told.count for name, told in outline.names.items()} for outline in found)


def _added(counts: Iterable[Mapping[str, int]]) -> Counter[str]:
    found: Counter[str] = Counter()
    for count in counts:
        found.update(count)
    return found


def _sorted(counts: Mapping[str, int]) -> Counts:
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))
