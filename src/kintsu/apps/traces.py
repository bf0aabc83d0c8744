"""Spans of OpenTelemetry, where it is installed: of jobs, in the trace of the request that handed them in."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import kintsu
from kintsu.core.errors import MissingExtra
from kintsu.io.service.jobs import FAILED, Job

__all__ = ["JobSpans", "export_spans", "traceparent"]

ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")


def traceparent() -> str | None:
    """The span that is under way here as W3C writes it; None without any."""
    try:
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
    except ModuleNotFoundError:
        return None
    carrier: dict[str, str] = {}
    TraceContextTextMapPropagator().inject(carrier)
    return carrier.get("traceparent")


class JobSpans:
    """A span for each try of a job. It tells kind, tenant, ids, try and how it ended: no values, no words of errors."""

    def __init__(self, provider: Any = None) -> None:
        try:
            from opentelemetry import trace
        except ModuleNotFoundError:
            self.tracer = None
            return
        self.tracer = trace.get_tracer("kintsu", kintsu.__version__, tracer_provider=provider)

    @contextmanager
    def of(self, job: Job) -> Iterator[Callable[[str], None]]:
        """Around a try; to be called with the state that it leaves."""
        if self.tracer is None:
            yield lambda state: None
            return
        from opentelemetry.trace import SpanKind, StatusCode
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        handed_in = TraceContextTextMapPropagator().extract({} if job.trace is None else {"traceparent": job.trace})
        facts: dict[str, str | int] = {
            "kintsu.job": job.id,
            "kintsu.kind": job.kind,
            "kintsu.tenant": job.tenant,
            "kintsu.try": job.tries,
        }
        with self.tracer.start_as_current_span(
            f"job {job.kind}", context=handed_in, kind=SpanKind.CONSUMER, attributes=facts, record_exception=False
        ) as span:

            def ended(state: str) -> None:
                span.set_attribute("kintsu.state", state)
                if state == FAILED:
                    span.set_status(StatusCode.ERROR)

            yield ended


def export_spans() -> None:
    """Send spans to the collector that OTEL_EXPORTER_OTLP_ENDPOINT names; nothing where it names none.

    Raises
    ------
    MissingExtra
        It names one, and OpenTelemetry is not installed.
    """
    if not any(os.environ.get(name) for name in ENDPOINTS):
        return
    try:
        from opentelemetry import trace
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ModuleNotFoundError as error:
        raise MissingExtra(str(error.name), "otel") from error
    name = os.environ.get("OTEL_SERVICE_NAME", "kintsu")
    provider = TracerProvider(resource=Resource.create({"service.name": name}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
