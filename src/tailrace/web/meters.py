"""Meters: every metric that there is, described once, and those that count in this process."""

import platform
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from msgspec import Struct
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics
from prometheus_client.process_collector import ProcessCollector

from tailrace import __version__
from tailrace.web.seen import Seen

# From a probe to a long poll or a large download.
BUCKETS_S = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)

disable_created_metrics()  # type: ignore[no-untyped-call] # a series more for each counter, which nobody reads


class Meter(Struct, frozen=True):
    """A metric. Its source is the process that is asked, since its start, or the store that all processes share."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    source: Literal["process", "store"]
    labels: Sequence[str]
    what: str


METERS: Mapping[str, Meter] = {
    meter.name: meter
    for meter in (
        Meter("tailrace_build_info", "gauge", "process", ("version", "python"), "1, and what runs."),
        Meter("tailrace_http_requests_total", "counter", "process", ("route", "method", "status"), "Requests."),
        Meter(
            "tailrace_http_request_duration_seconds",
            "histogram",
            "process",
            ("route", "method"),
            "From the first byte of a request to the last of its answer.",
        ),
        Meter("tailrace_http_requests_in_progress", "gauge", "process", (), "Requests that are being answered."),
        Meter("tailrace_http_errors_total", "counter", "process", ("code",), "Errors by the code of docs/api.md."),
        Meter("tailrace_download_bytes_total", "counter", "process", (), "Bytes of files that were sent."),
        Meter(
            "tailrace_ingest_records_total",
            "counter",
            "process",
            ("outcome",),
            "Records that came over HTTP and are durable: `accepted`, or `rejected` and kept as dead letters.",
        ),
        Meter(
            "tailrace_ingest_bytes_total", "counter", "process", (), "Their size as they wait to be written, unpacked."
        ),
        Meter("tailrace_ingest_commits_total", "counter", "process", (), "Transactions in which they were stored."),
        Meter("tailrace_ingest_waiting_bytes", "gauge", "process", (), "Size of records that wait to be written."),
        Meter("tailrace_inbox_full", "gauge", "process", (), "1 while nothing is taken in, for seals must catch up."),
        Meter("tailrace_export_rows_total", "counter", "process", (), "Rows of exports that succeeded here."),
        Meter("tailrace_export_bytes_total", "counter", "process", (), "Bytes of their files."),
        Meter("tailrace_database_up", "gauge", "store", (), "1 if the database answered; else what follows is absent."),
        Meter("tailrace_records_received_total", "counter", "store", ("space", "app"), "Records received."),
        Meter("tailrace_records_accepted_total", "counter", "store", ("space", "app"), "Records accepted."),
        Meter("tailrace_records_sealed_total", "counter", "store", ("space", "app"), "Records in segments."),
        Meter("tailrace_records_duplicate_total", "counter", "store", ("space", "app"), "Records dropped as known."),
        Meter("tailrace_records_dropped_total", "counter", "store", ("space", "app"), "Records dropped by policy."),
        Meter(
            "tailrace_records_open",
            "gauge",
            "store",
            ("space", "app"),
            "Accepted records in the inbox or in open sessions: what is left of the ledger.",
        ),
        Meter("tailrace_dead_letters", "gauge", "store", ("space", "app"), "Rejected records that are kept."),
        Meter(
            "tailrace_seal_lag_seconds",
            "gauge",
            "store",
            ("space", "app"),
            "Age of the oldest record that no seal has taken from the inbox yet; 0 if there is none.",
        ),
        Meter(
            "tailrace_jobs",
            "gauge",
            "store",
            ("lane", "state"),
            "Unfinished jobs: `waiting` may be claimed, `later` has its time still to come, `leased` is at work.",
        ),
        Meter("tailrace_job_wait_seconds", "gauge", "store", ("lane",), "How long the oldest waiting job has waited."),
        Meter("tailrace_exports", "gauge", "store", ("state",), "Exports; finished ones are counted once a minute."),
    )
}


class HttpMeters:
    """Counts requests. Only the event loop counts."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._requests = _counter(registry, "tailrace_http_requests_total")
        self._errors = _counter(registry, "tailrace_http_errors_total")
        self._downloads = _counter(registry, "tailrace_download_bytes_total")
        running = METERS["tailrace_http_requests_in_progress"]
        self._running = Gauge(running.name, running.what, registry=registry)
        took = METERS["tailrace_http_request_duration_seconds"]
        self._took = Histogram(took.name, took.what, took.labels, buckets=BUCKETS_S, registry=registry)
        self._children: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}

    def began(self) -> None:
        """A request has come."""
        self._running.inc()

    def ended(self, route: str, seen: Seen, seconds: float) -> None:
        """It was answered, or given up."""
        self._running.dec()
        requests, took = self._of(route, seen.method, seen.status)
        requests.inc()
        took.observe(seconds)
        if seen.code is not None:
            self._errors.labels(seen.code).inc()
        if seen.download:
            self._downloads.inc(seen.bytes)

    def _of(self, route: str, method: str, status: int) -> tuple[Counter, Histogram]:
        key = (route, method, status)
        found = self._children.get(key)
        if found is None:
            found = self._requests.labels(route, method, status), self._took.labels(route, method)
            self._children[key] = found
        return found


def new_registry() -> CollectorRegistry:
    """A registry of our own, with what is told of every process: its build, its memory, its processor time."""
    registry = CollectorRegistry(auto_describe=False)
    ProcessCollector(registry=registry)
    build = METERS["tailrace_build_info"]
    Gauge(build.name, build.what, build.labels, registry=registry).labels(__version__, platform.python_version()).set(1)
    return registry


def _counter(registry: CollectorRegistry, name: str) -> Any:
    meter = METERS[name]
    return Counter(meter.name, meter.what, meter.labels, registry=registry)
