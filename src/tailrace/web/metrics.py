"""Metrics in Prometheus' text format: what this process has counted, and what the store holds."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from threading import Lock
from typing import get_args

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric

from tailrace.db.engine import Database
from tailrace.exports.attempts import Output
from tailrace.ingest.writer import InboxWriter
from tailrace.jobs.queue import Lane
from tailrace.logs import log
from tailrace.model.access import Principal
from tailrace.model.errors import Unavailable
from tailrace.model.export import ExportState
from tailrace.reports.counts import AppCounts, StoreCounts, count_finished, count_store
from tailrace.web.meters import METERS

MEDIA_TYPE = CONTENT_TYPE_PLAIN_0_0_4
LANES = [lane for lane in get_args(Lane) if lane != "seal"]  # seals are leased by shard, and are no jobs
JOB_STATES = ("waiting", "later", "leased")
FRESH_S = 5.0  # for so long the store is not counted anew
FINISHED_FRESH_S = 60.0  # nor are exports that are finished, which may be many

Sample = tuple[Sequence[str], float]


class Metrics:
    """What `/metrics` shows. `registry` counts in this process, as do its writer and the workers beside it."""

    def __init__(
        self,
        database: Database,
        registry: CollectorRegistry,
        writer: InboxWriter | None,
        outputs: Callable[[], Iterable[Output]],
    ) -> None:
        self._database = database
        self._registry = registry
        self._writer = writer
        self._outputs = outputs
        self._lock = Lock()
        self._counts: StoreCounts | None = None
        self._until = 0.0
        self._finished: Mapping[str, int] = {}
        self._finished_until = 0.0

    def text(self, reader: Principal | None) -> bytes:
        """All metrics; of apps those of the reader alone, or of all apps for the operator, who is None."""
        counts = self._fresh()
        families = [*self._registry.collect(), *self._tallies(), *_store(counts, self._finished, reader)]
        return generate_latest(_Collected(families))

    def _fresh(self) -> StoreCounts | None:
        """What the store holds, counted by one thread at a time; None while the database is away."""
        with self._lock:
            if time.monotonic() >= self._until:
                try:
                    self._counts = self._count()
                except Unavailable as error:
                    log.warning("metrics.without_store", why=error.why)
                    self._counts = None
                self._until = time.monotonic() + FRESH_S
            return self._counts

    def _count(self) -> StoreCounts:
        if time.monotonic() >= self._finished_until:
            self._finished = count_finished(self._database)
            self._finished_until = time.monotonic() + FINISHED_FRESH_S
        return count_store(self._database)

    def _tallies(self) -> Iterator[Metric]:
        if self._writer is not None:
            written = self._writer.written
            outcomes = [(("accepted",), written.accepted), (("rejected",), written.rejected)]
            yield _family("tailrace_ingest_records_total", outcomes)
            yield _one("tailrace_ingest_bytes_total", written.bytes)
            yield _one("tailrace_ingest_commits_total", written.commits)
            yield _one("tailrace_ingest_waiting_bytes", self._writer.waiting_bytes)
            yield _one("tailrace_inbox_full", self._writer.backlog.full)
        outputs = list(self._outputs())
        if outputs:
            yield _one("tailrace_export_rows_total", sum(output.rows for output in outputs))
            yield _one("tailrace_export_bytes_total", sum(output.bytes for output in outputs))


class _Collected:
    """Families that were collected, for a writer that wants to collect them itself."""

    def __init__(self, families: Sequence[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        return self._families


def _store(counts: StoreCounts | None, finished: Mapping[str, int], reader: Principal | None) -> Iterator[Metric]:
    yield _one("tailrace_database_up", counts is not None)
    if counts is None:
        return
    yield from _apps([app for app in counts.apps if _may_see(reader, app)])
    places = [(lane, state) for lane in LANES for state in JOB_STATES]
    yield _family("tailrace_jobs", [(place, counts.jobs.get(place, 0)) for place in places])
    waits = [((lane,), counts.waits_ms.get(lane, 0) / 1000) for lane in LANES]
    yield _family("tailrace_job_wait_seconds", waits)
    known = {**counts.exports, **finished}
    states = [((state,), known.get(state, 0)) for state in get_args(ExportState)]
    yield _family("tailrace_exports", states)


def _apps(apps: Sequence[AppCounts]) -> Iterator[Metric]:
    for name, value in _OF_APPS.items():
        yield _family(name, [((app.space_id, app.app_id), value(app)) for app in apps])


_OF_APPS: dict[str, Callable[[AppCounts], float]] = {
    "tailrace_records_received_total": lambda app: app.received,
    "tailrace_records_accepted_total": lambda app: app.accepted,
    "tailrace_records_sealed_total": lambda app: app.sealed,
    "tailrace_records_duplicate_total": lambda app: app.duplicates,
    "tailrace_records_dropped_total": lambda app: app.dropped,
    "tailrace_records_open": lambda app: app.open,
    "tailrace_dead_letters": lambda app: app.dead_letters,
    "tailrace_seal_lag_seconds": lambda app: app.lag_ms / 1000,
}


def _may_see(reader: Principal | None, app: AppCounts) -> bool:
    return reader is None or (reader.space == app.space and reader.may_see(app.app_id))


def _one(name: str, value: float) -> Metric:
    return _family(name, [((), value)])


def _family(name: str, samples: Sequence[Sample]) -> Metric:
    meter = METERS[name]
    kind = CounterMetricFamily if meter.kind == "counter" else GaugeMetricFamily
    family = kind(meter.name, meter.what, labels=meter.labels)
    for labels, value in samples:
        family.add_metric(labels, float(value))
    return family
