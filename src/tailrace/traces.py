"""Traces for OpenTelemetry: spans of requests and jobs. Without an endpoint in the environment nothing is loaded."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Literal

from tailrace.logs import log

ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
Kind = Literal["internal", "server"]

_tracer: Any = None


class Span:
    """What is being traced; without a tracer, nothing."""

    def __init__(self, traced: Any = None) -> None:
        self._traced = traced

    def name(self, name: str, attributes: Mapping[str, str | int]) -> None:
        """Give the span the name that is only known at its end, and attributes."""
        if self._traced is not None:
            self._traced.update_name(name)
            self._traced.set_attributes(attributes)

    def fail(self, what: str) -> None:
        """Say that it went wrong, in a word; what errors say stays here, since it may name what is secret."""
        if self._traced is not None:
            from opentelemetry.trace import Status, StatusCode

            self._traced.set_status(Status(StatusCode.ERROR, what))


_NONE = Span()


def start_traces(service: str, processor: Any = None) -> bool:
    """Trace from now on if the environment names an endpoint, or to a `processor`; whether it is done."""
    global _tracer
    if processor is None and not any(os.environ.get(name) for name in ENDPOINTS):
        return False
    try:
        _tracer = _new_tracer(service, processor)
    except ImportError:
        log.warning("traces.off", why="packages are missing", next="pip install 'tailrace[otel]'")
        return False
    return True


def stop_traces() -> None:
    """Trace no more."""
    global _tracer
    _tracer = None


@contextmanager
def span(
    name: str, attributes: Mapping[str, str | int], *, kind: Kind = "internal", parent: Mapping[str, str] | None = None
) -> Iterator[Span]:
    """Trace a block. `parent` are headers that may name a span of the caller (W3C Trace Context)."""
    if _tracer is None:
        yield _NONE
        return
    with _tracer.start_as_current_span(
        name,
        context=_context(parent),
        kind=_kind(kind),
        attributes=attributes,
        record_exception=False,
        set_status_on_exception=False,
    ) as traced:
        found = Span(traced)
        try:
            yield found
        except BaseException as error:
            found.fail(type(error).__name__)
            raise


def traced() -> bool:
    """Whether spans are made."""
    return _tracer is not None


def _new_tracer(service: str, processor: Any) -> Any:
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider

    provider = TracerProvider(resource=Resource.create({"service.name": os.environ.get("OTEL_SERVICE_NAME", service)}))
    provider.add_span_processor(_batches() if processor is None else processor)
    return provider.get_tracer("tailrace")


def _batches() -> Any:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    return BatchSpanProcessor(OTLPSpanExporter())


def _context(parent: Mapping[str, str] | None) -> Any:
    if not parent:
        return None
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    return TraceContextTextMapPropagator().extract(parent)


def _kind(kind: Kind) -> Any:
    from opentelemetry.trace import SpanKind

    return SpanKind.SERVER if kind == "server" else SpanKind.INTERNAL
