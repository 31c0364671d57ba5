"""Traces: spans of requests and jobs where the environment asks for them, and nothing is loaded elsewhere."""

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode
from structlog.testing import capture_logs

from tailrace import traces
from tailrace.model.access import Scope
from tailrace.traces import span, start_traces, stop_traces
from tailrace.wiring import House
from tests.contract.live import READ, live
from tests.sending import T0, event, make, request, seal, send

CALLER = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@pytest.fixture
def memory() -> Iterator[InMemorySpanExporter]:
    """Where spans end."""
    exporter = InMemorySpanExporter()
    assert start_traces("tailrace", SimpleSpanProcessor(exporter))
    yield exporter
    stop_traces()


@pytest.fixture
def backend() -> str:
    """One is enough."""
    return "sqlite"


def named(memory: InMemorySpanExporter, name: str) -> ReadableSpan:
    (found,) = [one for one in memory.get_finished_spans() if one.name == name]
    return found


def test_requests_and_jobs_have_spans(house: House, scope: Scope, memory: InMemorySpanExporter) -> None:
    """A request's goes on from its caller's, by the route's template; a seal's and an export's name what they make."""
    send(house, scope, [event("e", T0)])
    seal(house, scope)
    export = make(house, scope, request(scope))
    with live(house) as http:
        headers = READ | {"traceparent": CALLER, "x-request-id": "r1"}
        assert http.get(f"/v1/exports/{export.id}?token=SECRET", headers=headers).status_code == 400
    asked = named(memory, "GET /v1/exports/{id}")
    assert asked.kind is SpanKind.SERVER
    assert asked.parent is not None
    assert f"{asked.parent.trace_id:032x}" == CALLER.split("-")[1]
    assert dict(asked.attributes or {}) == {
        "http.request.method": "GET",
        "http.route": "/v1/exports/{id}",
        "http.response.status_code": 400,
        "tailrace.request_id": "r1",
    }
    assert (named(memory, "export").attributes or {})["tailrace.export"] == export.id
    assert (named(memory, "seal").attributes or {})["tailrace.app"] == scope.app_id
    assert "SECRET" not in "".join(one.to_json() for one in memory.get_finished_spans())


def test_a_failure_is_told_in_a_word(memory: InMemorySpanExporter) -> None:
    """The kind of the error is kept, and not what it says."""
    with pytest.raises(ValueError, match="SECRET"), span("job", {}):
        raise ValueError("SECRET")
    (found,) = memory.get_finished_spans()
    assert (found.status.status_code, found.status.description) == (StatusCode.ERROR, "ValueError")
    assert "SECRET" not in found.to_json()


def test_without_an_endpoint_nothing_is_loaded() -> None:
    """Nor is anything traced."""
    code = (
        "import sys; from tailrace.traces import start_traces, span, traced\n"
        "assert not start_traces('x') and not traced()\n"
        "with span('a', {}) as one: one.name('b', {}); one.fail('c')\n"
        "assert not [name for name in sys.modules if name.startswith('opentelemetry')]\n"
    )
    environment = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)


def test_missing_packages_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """With an endpoint and without the packages the log says what to install, and work goes on."""
    monkeypatch.setenv(traces.ENDPOINTS[0], "http://127.0.0.1:1")
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.resources", None)
    with capture_logs() as logs:
        assert not start_traces("tailrace")
    assert [(line["event"], line["next"]) for line in logs] == [("traces.off", "pip install 'tailrace[otel]'")]
