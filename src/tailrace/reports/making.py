"""Making a report of one app: from statistics of segments where they tell enough, else by a scan in columns."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import groupby

from msgspec import Struct

from tailrace.db.engine import Database
from tailrace.files.base import Files
from tailrace.model.access import Scope
from tailrace.model.clock import DAY
from tailrace.model.export import Filters
from tailrace.model.segment import Segment
from tailrace.reports.asked import Group, Numbers, Report
from tailrace.reports.counting import Counting, Ints, named, together
from tailrace.reports.distinct import TooMany
from tailrace.reports.known import known, known_measure
from tailrace.reports.names import Names
from tailrace.reports.units import FRAGMENT_COLUMNS
from tailrace.store.batches import EventBatch
from tailrace.store.fragments import scan_fragments
from tailrace.store.merge import MERGE_COLUMNS, whole_sessions
from tailrace.store.scan import Selection, can_match, scan_groups
from tailrace.store.snapshots import head, visible


class Made(Struct, frozen=True):
    """The measures of each group that has any, and the names that its values had then."""

    names: Names
    numbers: Mapping[Group, Numbers]


def make_report(database: Database, files: Files, scope: Scope, report: Report) -> Made:
    """Count what the newest commit shows. Memory is bounded whatever the store holds: see `distinct`.

    Raises:
        Invalid: there are more groups than a report may have.
    """
    with database.read() as connection:
        names = Names.of(connection, scope)
        segments = visible(connection, scope, head(connection, scope).seq, window=report.window)
    wanted = _Wanted(files, report, names, _filters(report, names))
    if wanted.filters is None:
        return Made(names, {})
    counted = together(_bucket(wanted, list(of)) for of in _by_bucket(segments))
    return Made(names, {group: named(numbers) for group, numbers in counted.items()})


class _Wanted(Struct, frozen=True):
    """A report with all that making it needs. Filters are None where no event can match."""

    files: Files
    report: Report
    names: Names
    filters: Filters | None


def _filters(report: Report, names: Names) -> Filters | None:
    """Conditions on events as names, which the scan skips segments and row groups by."""
    if not any(condition.dimension == "event" for condition in report.conditions):
        return Filters()
    events = tuple(name for name in names.numbers["event"] if names.holds(report, "event", name))
    return Filters(events) if events else None


def _by_bucket(segments: Sequence[Segment]) -> Iterable[Sequence[Segment]]:
    """Segments whose actors are in no other set: those of a bucket, with those of the buckets that it was split to."""
    found: dict[str, list[Segment]] = {}
    buckets = {segment.bucket for segment in segments}
    for segment in segments:
        roots = (bucket for bucket in buckets if bucket == "all" or segment.bucket.startswith(bucket))
        found.setdefault("all" if "all" in buckets else min(roots, key=len), []).append(segment)
    return found.values()


def _bucket(wanted: _Wanted, segments: Sequence[Segment]) -> Mapping[Group, Ints]:
    """Count a bucket at once; where it has too many actors for that, some of them at a time."""
    parts = 1
    while True:
        try:
            return together(_share(wanted, segments, (part, parts)) for part in range(parts))
        except TooMany:
            parts *= 2


def _share(wanted: _Wanted, segments: Sequence[Segment], share: tuple[int, int]) -> Mapping[Group, Ints]:
    """Count the actors of a share, day by day and bucket by bucket: nothing of a session lies elsewhere."""
    counting = Counting(wanted.report, wanted.names, share)
    measure = known_measure(wanted.report)
    for (day, _), found in groupby(segments, lambda segment: (segment.day, segment.bucket)):
        piece = list(found)
        told = None if measure is None else known(wanted.report, wanted.names, piece)
        if told is not None and measure is not None:
            counting.known(told, measure)
            continue
        for batch in _batches(wanted, piece):
            counting.add(batch)
        counting.settle(day * DAY)
    return counting.numbers()


def _batches(wanted: _Wanted, segments: Sequence[Segment]) -> Iterator[EventBatch]:
    """Whole sessions, with no more of them than is looked at."""
    report, columns = wanted.report, _columns(wanted.report)
    if report.unit == "session":
        fragments = partial(scan_fragments, wanted.files, window=report.window, columns=columns)
        return whole_sessions(fragments, segments)
    also = ("params",) if report.unit == "param" else ()
    # What is skipped may be the fragment that knows how long its session was, so nothing is where some came late.
    late = any(segment.statistics.late_fragments for segment in segments)
    filters = Filters() if late or wanted.filters is None else wanted.filters
    selection = Selection(report.window, filters, (*columns, *MERGE_COLUMNS, "event", *also))

    def scan(segment: Segment) -> Iterator[EventBatch]:
        return scan_groups(wanted.files, segment, {}, selection)

    return whole_sessions(scan, [segment for segment in segments if can_match(segment, selection)])


def _columns(report: Report) -> Sequence[str]:
    """What is read of fragments."""
    dimensions = [column for dimension, column in FRAGMENT_COLUMNS.items() if dimension in report.looks_at]
    lengths = ["session_duration_ms"] if "time_ms" in report.measures else []
    actors = ["user_number", "first_seen"] if report.measures & {"actors", "new_actors"} else []
    return ("session_start", *dimensions, *lengths, *actors)
