"""Observing: each request has an id, one line, its counts; what is secret is in none of them."""

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from prometheus_client import CollectorRegistry
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route
from structlog.testing import capture_logs

from tailrace.logs import configure_logs, log
from tailrace.surfaces.native.errors import unknown
from tailrace.web.meters import HttpMeters, new_registry
from tailrace.web.observing import Failed, Observing, current_request_id
from tailrace.web.readiness import Readiness
from tests.contract.live import served


async def hello(_request: Request) -> Response:
    log.info("inside")
    return PlainTextResponse("hello", headers={"x-inside": current_request_id() or ""})


async def fail(_request: Request) -> Response:
    raise ValueError("broken")


async def break_off(_request: Request) -> Response:
    async def body() -> AsyncIterator[bytes]:
        yield b"begun"
        raise ValueError("broken off")

    return StreamingResponse(body(), headers={"content-disposition": 'attachment; filename="x"'})


@pytest.fixture
def registry() -> CollectorRegistry:
    """Where requests are counted."""
    return new_registry()


@pytest.fixture
def app(registry: CollectorRegistry) -> Starlette:
    """A small application."""
    routes = [Route("/hello/{key}", hello), Route("/fail", fail), Route("/cut", break_off), Route("/livez", hello)]
    failed: Failed = lambda _request, _error: unknown(500, "failed")  # noqa: E731
    observing = Middleware(Observing, meters=HttpMeters(registry), failed=failed, lines=True)
    found = Starlette(routes=routes, middleware=[observing])
    found.state.readiness, found.state.closing = Readiness({}), lambda: None
    return found


@contextmanager
def watched(app: Starlette) -> Iterator[tuple[httpx.Client, list[Any]]]:
    """A client, and what was logged, which is whole when the block has ended."""
    with capture_logs() as logs, served(app) as http:
        yield http, logs


def lines(logs: list[Any]) -> list[dict[str, Any]]:
    return [line for line in logs if line["event"] == "http.request"]


def test_a_line_names_the_template_alone(app: Starlette, registry: CollectorRegistry) -> None:
    """Neither what stands in the path nor the query string is told; what no route takes has no path at all."""
    with watched(app) as (http, logs):
        http.get("/hello/SECRET?token=SECRET")
        http.get("/SECRET/x")
        http.request("PROPFIND", "/hello/x")
    first, second, third = lines(logs)
    assert (first["method"], first["route"], first["status"], first["bytes"]) == ("GET", "/hello/{key}", 200, 5)
    assert (second["route"], second["status"], third["method"], third["status"]) == ("none", 404, "OTHER", 405)
    assert "SECRET" not in repr(logs)
    where = {"route": "/hello/{key}", "method": "GET"}
    assert registry.get_sample_value("tailrace_http_requests_total", where | {"status": "200"}) == 1
    assert registry.get_sample_value("tailrace_http_request_duration_seconds_count", where) == 1


@pytest.mark.parametrize(
    ("sent", "kept"),
    [("abc-1.2_X", True), ("a" * 64, True), ("a" * 65, False), ("a b", False), ("a\tb", False), ("", False)],
)
def test_a_harmless_id_is_kept(app: Starlette, sent: str, kept: bool) -> None:
    """Else there is a new one; the same id is in the answer, in the line, and known to who answers."""
    with watched(app) as (http, logs):
        answer = http.get("/hello/x", headers={"x-request-id": sent})
    (line,) = lines(logs)
    assert answer.headers["x-request-id"] == answer.headers["x-inside"] == line["request_id"]
    assert (line["request_id"] == sent) is kept


def test_a_failure_is_answered_and_told_once(app: Starlette) -> None:
    """The problem names the request, and so does the one line with the traceback."""
    with watched(app) as (http, logs):
        answer = http.get("/fail")
    assert (answer.status_code, answer.json()["request_id"]) == (500, answer.headers["x-request-id"])
    assert [line["event"] for line in logs] == ["request.failed", "http.request"]
    assert (logs[0]["route"], type(logs[0]["exc_info"])) == ("/fail", ValueError)


def test_an_answer_that_breaks_off_is_told(app: Starlette, registry: CollectorRegistry) -> None:
    """Its line says that it was cut, and what was sent of a download counts."""
    with watched(app) as (http, logs), pytest.raises(httpx.RemoteProtocolError):
        http.get("/cut")
    assert [line["event"] for line in logs] == ["request.failed", "http.request"]
    assert (logs[1]["cut"], logs[1]["bytes"]) == (True, 5)
    assert registry.get_sample_value("tailrace_download_bytes_total") == 5
    assert registry.get_sample_value("tailrace_http_requests_in_progress") == 0


def test_probes_that_are_well_are_quiet(app: Starlette) -> None:
    """They are asked all the time: their lines are of the level debug."""
    configure_logs(level="debug")
    _ = log.info
    with watched(app) as (http, logs):
        http.get("/livez")
        http.post("/livez")
    configure_logs(level="info")
    _ = log.info
    assert [(line["log_level"], line["status"]) for line in lines(logs)] == [("debug", 200), ("info", 405)]
