"""Probes and metrics over HTTP: what they say when all is well, when something is away, and to whom."""

import os
import re
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import get_args

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tailrace.app import create_app
from tailrace.config import SETTINGS_FILE
from tailrace.db.engine import Database
from tailrace.exports.attempts import Output
from tailrace.jobs.bell import Bell
from tailrace.model.errors import Unavailable
from tailrace.model.export import ExportState
from tailrace.reports.counts import StoreCounts, count_store
from tailrace.store.ledger import ledger
from tailrace.web import metrics
from tailrace.web.meters import METERS
from tailrace.web.readiness import Readiness
from tailrace.wiring import House
from tests.contract.live import READ, served
from tests.contract.native.conftest import Api, api
from tests.sending import T0, event
from tests.servers import Server, free_port

__all__ = ["api"]  # a fixture
Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def scraped(text: str) -> Samples:
    """Every sample, read by Prometheus' own reader."""
    families = text_string_to_metric_families(text)
    return {(s.name, frozenset(s.labels.items())): s.value for family in families for s in family.samples}


def sample(samples: Samples, name: str, **labels: str) -> float | None:
    return samples.get((name, frozenset(labels.items())))


def test_all_is_well(api: Api) -> None:
    """A server with a worker is alive and ready, and says nothing else."""
    for path in ("/livez", "/healthz"):
        answer = api.http.get(path)
        assert (answer.status_code, answer.text) == (200, "ok\n")
    answer = api.http.get("/readyz")
    assert (answer.status_code, answer.json(), answer.headers["cache-control"]) == (200, {"ready": True}, "no-store")


class Beside:
    """A worker that is dead."""

    alive = False

    def __enter__(self) -> None:
        self.output = Output()

    def __exit__(self, *_: object) -> None:
        pass


def test_what_is_missing_is_named(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """503 with the names of all that does not answer; as soon as it does, 200."""
    monkeypatch.setattr("tailrace.web.readiness.FRESH_S", 0)
    app = create_app(house, Bell(), [Beside()])

    def away(*_: object) -> None:
        raise Unavailable("the database did not answer", 5)

    with served(app) as http:
        assert missing(http) == ["worker"]
        monkeypatch.setattr(Beside, "alive", True)
        assert missing(http) is None
        with monkeypatch.context() as patch:
            patch.setattr(type(house.files), "size", away)
            patch.setattr(type(house.database), "write", away)
            assert missing(http) == ["database", "files"]
        assert missing(http) is None
        with monkeypatch.context() as patch:
            patch.setattr("tailrace.ingest.writer.InboxWriter.alive", False)
            assert missing(http) == ["inbox"]


def missing(http: httpx.Client) -> list[str] | None:
    """What /readyz says."""
    answer = http.get("/readyz")
    assert answer.status_code == (200 if answer.json()["ready"] else 503)
    found: list[str] | None = answer.json().get("missing")
    return found


def test_a_locked_database_is_not_ready(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody can write while another holds the lock, and the probe does not wait for it."""
    if not house.database.sqlite:
        pytest.skip("on PostgreSQL nobody locks a whole database")
    monkeypatch.setattr("tailrace.app.Readiness", lambda checks: Readiness(checks, patience_s=0.2))
    with closing(sqlite3.connect(house.data / "meta.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with served(create_app(house, Bell())) as http:
            assert missing(http) == ["database"]
            other.execute("ROLLBACK")


def test_every_metric_is_there_and_no_other(api: Api) -> None:
    """After events, an export, a download and an error each meter has its series; numbers are those of the ledger."""
    api.send(event("a", T0), event("a", T0), {"event": "no identity"})
    api.seal()
    manifest = api.manifest()
    api.lines(manifest)
    api.http.get("/nowhere")
    api.wait(api.ask().headers["location"])
    api.send(event("b", T0))
    text, found = quiet(api.http)
    names = {re.sub(r"_(bucket|count|sum)$", "", name) for name, _ in found if name.startswith("tailrace_")}
    assert names == set(METERS)
    for name, meter in METERS.items():
        assert f"# TYPE {name} {meter.kind}\n" in text, name
        labels = {
            frozenset(key for key, _ in labels) - {"le"} for found_name, labels in found if found_name.startswith(name)
        }
        assert labels == {frozenset(meter.labels)}, name
    truth = ledger(api.house.database, api.scope())
    mine = {"space": "acme", "app": "app_waves"}
    assert sample(found, "tailrace_records_received_total", **mine) == truth.received == 4
    assert sample(found, "tailrace_records_open", **mine) == truth.open
    assert sample(found, "tailrace_dead_letters", **mine) == truth.dead_letters == 1
    assert sample(found, "tailrace_ingest_records_total", outcome="rejected") == 1
    states = {dict(labels)["state"]: n for (name, labels), n in found.items() if name == "tailrace_exports"}
    assert states.keys() == set(get_args(ExportState))
    assert (sum(states.values()), states["failed"]) == (2, 0)
    assert sample(found, "tailrace_jobs", lane="upkeep", state="later") == 3
    assert sample(found, "tailrace_export_rows_total") == 2 * manifest["rows"]
    assert sample(found, "tailrace_export_bytes_total") == 2 * manifest["bytes"]
    assert sample(found, "tailrace_download_bytes_total") == sum(file["bytes"] for file in manifest["files"])
    assert sample(found, "tailrace_http_errors_total", code="no_such_path") == 1


def quiet(http: httpx.Client) -> tuple[str, Samples]:
    """The metrics when no other request is on its way any more: an answer may arrive before it is counted."""
    while True:
        text = http.get("/metrics", headers=READ).text
        if sample(found := scraped(text), "tailrace_http_requests_in_progress") == 1:
            return text, found


def test_who_may_read_metrics(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """The setting lets everybody; and while the database is away, what this process counts is told all the same."""
    house.settings.metrics.open = True
    with served(create_app(house, Bell())) as http:
        answer = http.get("/metrics")
        assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
        apps = {dict(labels).get("app") for name, labels in scraped(answer.text) if name.startswith("tailrace_records")}
        assert apps == {"app_waves", "app_tides", "app_other"}

    def away(_: object) -> None:
        raise Unavailable("the database did not answer", 5)

    monkeypatch.setattr(metrics, "count_store", away)
    with served(create_app(house, Bell())) as http:
        found = scraped(http.get("/metrics").text)
    assert sample(found, "tailrace_database_up") == 0
    assert not [name for name, _ in found if name.startswith("tailrace_records")]
    assert sample(found, "tailrace_ingest_commits_total") == 0


def test_scrapes_share_one_count(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Many in a short time ask the database once."""
    house.settings.metrics.open = True
    calls: list[Database] = []

    def count(database: Database) -> StoreCounts:
        calls.append(database)
        return count_store(database)

    monkeypatch.setattr(metrics, "count_store", count)
    with served(create_app(house, Bell())) as http:
        for _ in range(5):
            http.get("/metrics")
    assert len(calls) == 1


@pytest.fixture
def store(data: Path, backend: str) -> Path:
    """A store for real processes, on the embedded database."""
    if backend != "sqlite":
        pytest.skip("one is enough for processes")
    (data / SETTINGS_FILE).write_text("[stop]\ndrain_ms = 30000\n[metrics]\nopen = true\n")
    return data


def test_a_server_that_is_to_end_says_so_first(store: Path) -> None:
    """After SIGTERM /readyz answers 503 while all else goes on; a second signal ends the wait, with exit code 0."""
    with Server(store) as server:
        assert httpx.get(f"{server.url}/readyz").status_code == 200
        server.process.send_signal(signal.SIGTERM)
        while (answer := httpx.get(f"{server.url}/readyz")).status_code == 200:
            pass
        assert (answer.status_code, answer.json()) == (503, {"ready": False, "missing": ["stopping"]})
        assert httpx.get(f"{server.url}/livez").status_code == 200
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(30) == 0
    assert "event=server.stopped" in server.log.read_text()


def test_a_worker_alone_answers_probes(store: Path) -> None:
    """With --metrics-port it tells what it makes and that it is ready; it has no other route."""
    port = free_port()
    command = [sys.executable, "-m", "tailrace", "worker", "--data", str(store), "--metrics-port", str(port)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=dict(os.environ)) as worker:
        url = f"http://127.0.0.1:{port}"
        while True:
            try:
                ready = httpx.get(f"{url}/readyz")
                break
            except httpx.TransportError:
                assert worker.poll() is None
        found = scraped(httpx.get(f"{url}/metrics").text)
        assert (ready.json(), httpx.get(f"{url}/v1/exports").status_code) == ({"ready": True}, 404)
        assert sample(found, "tailrace_export_rows_total") == 0
        assert not [name for name, _ in found if name.startswith("tailrace_ingest")]
        worker.send_signal(signal.SIGTERM)
        _, told = worker.communicate(timeout=30)
    assert (worker.returncode, "event=worker.stopped" in told) == (0, True)
