"""A collector of OpenTelemetry: an HTTP server that takes traces as OTLP has them."""

from __future__ import annotations

import gzip
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span as Sent
from opentelemetry.proto.trace.v1.trace_pb2 import Status

OK, ERROR = Status.STATUS_CODE_UNSET, Status.STATUS_CODE_ERROR


@dataclass
class Collector:
    """What was sent.

    Attributes:
        url: of the server, for OTEL_EXPORTER_OTLP_ENDPOINT.
        requests: bodies, decoded.
        paths: that they were sent to.
        headers: of each.
        status: it answers with.
        pause: seconds until it answers.
    """

    url: str = ""
    requests: list[ExportTraceServiceRequest] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    status: int = 200
    pause: float = 0.0

    def spans(self) -> list[Sent]:
        """Returns all spans of the only request, in the order of their beginning."""
        (request,) = self.requests
        found = [
            span
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]
        return sorted(found, key=lambda span: span.start_time_unix_nano)

    def root(self) -> Sent:
        """Returns the span that none of the others is the parent of."""
        (root,) = (span for span in self.spans() if not span.parent_span_id)
        return root

    def parts(self) -> dict[str, Sent]:
        """Returns the spans below the root by their names, in the order of their beginning."""
        root = self.root()
        return {s.name: s for s in self.spans() if s.parent_span_id == root.span_id}

    def resource(self) -> dict[str, Any]:
        """Returns what is said of the process."""
        (resource,) = self.requests[0].resource_spans
        return values(resource.resource.attributes)


def values(attributes: Any) -> dict[str, Any]:
    """Returns attributes as plain values."""
    return {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in attributes}


class _Handler(BaseHTTPRequestHandler):
    server: _Http

    def do_POST(self) -> None:
        collector = self.server.collector
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers["Content-Encoding"] == "gzip":
            body = gzip.decompress(body)
        collector.headers.append({name.lower(): text for name, text in self.headers.items()})
        collector.paths.append(self.path)
        collector.requests.append(ExportTraceServiceRequest.FromString(body))
        time.sleep(collector.pause)
        answer = ExportTraceServiceResponse().SerializeToString()
        with suppress(ConnectionError):
            self.send_response(collector.status)
            self.send_header("Content-Type", "application/x-protobuf")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        pass


class _Http(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, collector: Collector) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.collector = collector
        collector.url = f"http://127.0.0.1:{self.server_port}"


@contextmanager
def trace_collector() -> Iterator[Collector]:
    """Serves one."""
    collector = Collector()
    with _Http(collector) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        try:
            yield collector
        finally:
            server.shutdown()
            server.block_on_close = False
