"""Sends spans to an endpoint of OpenTelemetry, by OTLP over HTTP.

Which one, with which headers and how long that may take, is for the standard variables to say
(OTEL_EXPORTER_OTLP_*, OTEL_SERVICE_NAME, OTEL_RESOURCE_ATTRIBUTES, OTEL_TRACES_SAMPLER); with
TRACEPARENT, as the W3C has it, what is sent is part of the trace of whoever started this process.
"""

from __future__ import annotations

import logging
import os
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from urllib.parse import urlsplit

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import (
    SERVICE_NAME,
    SERVICE_VERSION,
    OTELResourceDetector,
    Resource,
)
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import Status, StatusCode, Tracer, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from pipelines.tracing import ENDPOINTS, Span

_PARENTS = ("TRACEPARENT", "TRACESTATE")
_TIMEOUTS = ("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "OTEL_EXPORTER_OTLP_TIMEOUT")

# Seconds, unless the environment says more or less. OpenTelemetry's own 10 are long for who waits.
_PATIENCE = 3.0

_STATUS = re.compile(r"code: (\d{3})\b")


def export(span: Span, *, at_most: float | None = None) -> str | None:
    """Sends a span and its parts.

    Args:
        span: the whole.
        at_most: seconds; None for what the environment says, or a few.

    Returns:
        Why that did not succeed, as a sentence that repeats no header; no error is raised.
    """
    patience = min(_patience(), at_most) if at_most else _patience()
    failures: list[str] = []

    def work() -> None:
        try:
            failures.extend(_exported(span, patience))
        except Exception as error:  # noqa: BLE001 (whatever it is, the run is worth more)
            failures.append(type(error).__name__)

    # Looking up a name has no time limit of its own.
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(patience + 1)
    if thread.is_alive():
        failures.append("no answer")
    if not failures:
        return None
    return (
        f"The trace of this run was not taken by {_place()} within {patience:g} seconds "
        f"({failures[0]}); look there, or unset {ENDPOINTS[1]}."
    )


def _exported(span: Span, patience: float) -> list[str]:
    """Sends spans; returns what went wrong."""
    spans = _made(span)
    if not spans:  # The sampler wants none of them.
        return []
    with _messages() as messages:
        exporter = OTLPSpanExporter(timeout=patience)
        taken = exporter.export(spans) is SpanExportResult.SUCCESS
        exporter.shutdown()  # type: ignore[no-untyped-call]
    if taken:
        return []
    statuses = [found[1] for message in messages if (found := _STATUS.search(message))]
    return [f"HTTP {statuses[-1]}" if statuses else "no answer"]


def _made(span: Span) -> tuple[ReadableSpan, ...]:
    kept = InMemorySpanExporter()
    # By the environment, too; what is said here goes for what it does not say.
    said = OTELResourceDetector().detect().attributes
    own = {SERVICE_NAME: "warmstart", SERVICE_VERSION: version("warmstart")}
    provider = TracerProvider(resource=Resource.create({**own, **said}), shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(kept))
    tracer = provider.get_tracer("warmstart", own[SERVICE_VERSION])
    carrier = {name.lower(): os.environ.get(name, "") for name in _PARENTS}
    _make(tracer, span, TraceContextTextMapPropagator().extract(carrier))
    return kept.get_finished_spans()


def _make(tracer: Tracer, span: Span, within: Context) -> None:
    made = tracer.start_span(
        span.name, within, attributes=dict(span.attributes), start_time=span.began
    )
    for part in span.parts:
        _make(tracer, part, set_span_in_context(made, within))
    if span.error:
        made.set_status(Status(StatusCode.ERROR, span.error))
    made.end(span.ended)


def _patience() -> float:
    for name in _TIMEOUTS:
        try:
            return max(float(os.environ.get(name, "")), 0.1)
        except ValueError:  # Not set, or no number.
            continue
    return _PATIENCE


def _place() -> str:
    """Returns host and port only: the rest of an address may hold a secret."""
    address = next((text for name in ENDPOINTS if (text := os.environ.get(name, "").strip())), "")
    try:
        parts = urlsplit(address)
        return f"{parts.hostname}:{parts.port}" if parts.port else str(parts.hostname)
    except ValueError:
        return "the endpoint"


@contextmanager
def _messages() -> Iterator[list[str]]:
    """Keeps what OpenTelemetry logs from the terminal and the run's log."""
    logger, kept = logging.getLogger("opentelemetry"), _Kept()
    before, logger.propagate = logger.propagate, False
    logger.addHandler(kept)
    try:
        yield kept.messages
    finally:
        logger.removeHandler(kept)
        logger.propagate = before


class _Kept(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(record.getMessage())
