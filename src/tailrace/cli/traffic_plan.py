"""The plan of the demo traffic: who comes when, for how long, and the time of every event; pure, in numpy."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import chain
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
from msgspec import Struct

from tailrace.cli.traffic_catalogue import Habits

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
# Someone is away at least as long as the server waits before it calls a session over.
REST_MS = HOUR_MS // 2
MOST_EVENTS = 90
# The pause between two events stays well below the inactivity that ends a session.
GAP_LIMITS_MS = (120, 6 * 60_000)

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


class Period(Struct, frozen=True):
    """The half-open time [from_ms, until_ms); it touches `days` UTC days, the last one cut at `until_ms`."""

    from_ms: int
    until_ms: int
    days: int

    @classmethod
    def ending(cls, until_ms: int, days: int) -> "Period":
        """The period of `days` UTC days that ends just before `until_ms`."""
        last_midnight = (until_ms - 1) // DAY_MS * DAY_MS
        return cls(last_midnight - (days - 1) * DAY_MS, until_ms, days)

    def days_passed(self, at_ms: int) -> float:
        """Days between the start and `at_ms`."""
        return (at_ms - self.from_ms) / DAY_MS


class Slot(Struct, frozen=True):
    """One planned session: its person (a number), its start and the times of its events (ISO-8601, UTC)."""

    session_id: str
    person: int
    start_ms: int
    times: list[str]


def lengths(habits: Habits, events: int, rng: np.random.Generator) -> Ints:
    """How many events each session has; together exactly `events`, so the last session may be cut."""
    drawn = np.clip(rng.lognormal(np.log(habits.events), 0.75, events), 1, MOST_EVENTS).astype(np.int64)
    before = np.cumsum(drawn) - drawn
    kept = drawn[before < events]
    sizes: Ints = np.minimum(kept, events - before[: len(kept)])
    return sizes


def slots(habits: Habits, zones: list[str], sizes: Ints, period: Period, rng: np.random.Generator) -> Iterator[Slot]:
    """All sessions in order of their start; `zones` holds the time zone of each person, `sizes` the event counts."""
    visitors = _visitors(len(zones), len(sizes), rng)
    offsets = _offsets(habits, sizes, period, rng)
    spans = np.array([steps[-1] for steps in offsets], dtype=np.int64)
    starts = np.minimum(_starts(habits, zones, visitors, period, rng), period.until_ms - 1 - spans)
    ids = rng.integers(0, 2**63, len(sizes)).tolist()
    busy = [0] * len(zones)
    for row in np.argsort(starts, kind="stable").tolist():
        start = int(starts[row])
        person = _free(int(visitors[row]), start, busy)
        busy[person] = start + int(spans[row]) + REST_MS
        yield Slot(f"s{ids[row]:016x}", person, start, iso_times(start + offsets[row]))


def iso_times(times_ms: Ints) -> list[str]:
    """ISO-8601 texts, UTC, with milliseconds and Z."""
    texts: list[str] = np.datetime_as_string(times_ms.astype("datetime64[ms]"), unit="ms", timezone="UTC").tolist()
    return texts


@lru_cache(maxsize=4096)
def zone_offset_ms(zone: str, utc_hour: int) -> int:
    """What to add to UTC in a time zone; `utc_hour` counts hours since 1970, fine enough for every change of clocks."""
    return (_local(zone, utc_hour).utcoffset() or timedelta()) // timedelta(milliseconds=1)


def _local(zone: str, utc_hour: int) -> datetime:
    return datetime.fromtimestamp(utc_hour * 3600, UTC).astimezone(ZoneInfo(zone))


def _visitors(people: int, sessions: int, rng: np.random.Generator) -> Ints:
    """A power law: a few people come daily, most come once or twice."""
    weights = 1.0 / (np.arange(people) + 4.0) ** 0.85
    return rng.choice(people, sessions, p=weights / weights.sum())


def _offsets(habits: Habits, sizes: Ints, period: Period, rng: np.random.Generator) -> list[Ints]:
    """Milliseconds from the session's start to each of its events."""
    total = int(sizes.sum())
    gaps = np.clip(rng.lognormal(np.log(habits.gap_ms), 1.1, total), *GAP_LIMITS_MS).astype(np.int64)
    offsets = []
    for piece in np.split(gaps, np.cumsum(sizes))[:-1]:
        steps = np.cumsum(piece) - piece[0]
        offsets.append(_squeezed(steps, period.until_ms - period.from_ms - 1))
    return offsets


def _squeezed(steps: Ints, room_ms: int) -> Ints:
    """A session longer than the whole period (asked for one day, just after midnight) is played faster."""
    return steps if steps[-1] <= room_ms else steps * room_ms // int(steps[-1])


def _starts(habits: Habits, zones: list[str], visitors: Ints, period: Period, rng: np.random.Generator) -> Ints:
    """Session starts, drawn zone by zone: the rhythm of the day belongs to the place where it is lived."""
    hours = np.arange(period.from_ms // HOUR_MS, -(-period.until_ms // HOUR_MS))
    zone_of = np.array(zones)[visitors]
    drawn = np.empty(len(visitors), dtype=np.int64)
    for zone in sorted(set(zones)):
        here = np.flatnonzero(zone_of == zone)
        drawn[here] = rng.choice(hours, len(here), p=_rhythm(habits, zone, hours))
    return drawn * HOUR_MS + rng.integers(0, HOUR_MS, len(visitors))


def _rhythm(habits: Habits, zone: str, utc_hours: Ints) -> Floats:
    """The share of sessions that start in each of these hours."""
    local = [_local(zone, hour) for hour in utc_hours.tolist()]
    weights: Floats = np.array([habits.hours[moment.hour] * habits.week[moment.weekday()] for moment in local])
    shares: Floats = weights / weights.sum()
    return shares


def _free(person: int, start_ms: int, busy: list[int]) -> int:
    """The person, or whoever is next and not in another session; nobody uses an app twice at once."""
    after = chain(range(person, len(busy)), range(person))
    return next((number for number in after if busy[number] <= start_ms), person)
