"""A tiny OTLP collector on real sockets, over HTTP and gRPC, with faults that can be switched on."""

from __future__ import annotations

import gzip
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal, Self

import grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as service
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2_grpc as stubs

Fault = Literal["none", "hang", "500"]


@dataclass(frozen=True)
class Received:
    """One span as the collector got it."""

    name: str
    kind: int
    trace_id: str
    span_id: str
    parent: str
    attributes: dict[str, Any]
    events: list[tuple[str, dict[str, Any]]]
    failed: bool
    resource: dict[str, Any]
    seconds: float


@dataclass
class Collector:
    """What came in, and what it shall do next."""

    protocol: str = "http/protobuf"
    port: int = 0
    fault: Fault = "none"
    spans: list[Received] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    requests: int = 0

    def __post_init__(self) -> None:
        self._arrived = threading.Condition()
        self._released = threading.Event()
        self._server: Any = None
        self._holding: socket.socket | None = None

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._released.clear()
        if self.protocol == "grpc":
            self._serve_grpc()
        else:
            self._serve_http()
        self._let_go()
        return self

    def refuse(self) -> None:
        """Refuse connections until it is entered again, on a port that nobody else gets meanwhile."""
        self._holding = socket.socket()
        self._holding.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._stop()
        self._holding.bind(("127.0.0.1", self.port))

    def __exit__(self, *_: object) -> None:
        if self._holding is None:
            self._stop()
        self._let_go()

    def _let_go(self) -> None:
        if self._holding is not None:
            self._holding.close()
            self._holding = None

    def _stop(self) -> None:
        self.heal()
        if self.protocol == "grpc":
            self._server.stop(None).wait()
        else:
            self._server.shutdown()
            self._server.server_close()

    def heal(self) -> None:
        """No fault any more; who hangs is let go."""
        self.fault = "none"
        self._released.set()

    def wait_for(self, condition: Any, timeout: float = 60.0) -> list[Received]:
        """The spans, as soon as they satisfy the condition."""
        with self._arrived:
            fine = self._arrived.wait_for(lambda: condition(self.spans), timeout)
            assert fine, f"not satisfied by {[item.name for item in self.spans]}"
            return list(self.spans)

    def wait_for_request(self, number: int, timeout: float = 60.0) -> None:
        """Until so many requests came in, answered or not."""
        with self._arrived:
            assert self._arrived.wait_for(lambda: self.requests >= number, timeout)

    def named(self, name: str) -> Received:
        return self.wait_for(lambda spans: any(item.name == name for item in spans)) and next(
            item for item in self.spans if item.name == name
        )

    def take(self, data: bytes, headers: dict[str, str]) -> int:
        """One request; the HTTP status of the answer."""
        with self._arrived:
            self.requests += 1
            self._arrived.notify_all()
        if self.fault == "hang":
            self._released.wait()
        if self.fault == "500":
            return 500
        request = service.ExportTraceServiceRequest.FromString(data)
        with self._arrived:
            self.headers.append(headers)
            self.spans += _decoded(request)
            self._arrived.notify_all()
        return 200

    def _serve_http(self) -> None:
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                if self.headers.get("content-encoding") == "gzip":
                    body = gzip.decompress(body)
                known = self.path == "/v1/traces"
                status = (
                    collector.take(body, {k.lower(): v for k, v in self.headers.items()}) if known else 404
                )
                try:
                    self.send_response(status)
                    self.send_header("content-type", "application/x-protobuf")
                    self.send_header("content-length", "0")
                    self.end_headers()
                except OSError:
                    pass  # who asked has given up

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def _serve_grpc(self) -> None:
        collector = self

        class Servicer(stubs.TraceServiceServicer):
            def Export(self, request: Any, context: Any) -> Any:
                status = collector.take(
                    request.SerializeToString(), {k: str(v) for k, v in context.invocation_metadata()}
                )
                if status != 200:
                    context.abort(grpc.StatusCode.INTERNAL, "failing as told")
                return service.ExportTraceServiceResponse()

        self._server = grpc.server(ThreadPoolExecutor(4), options=[("grpc.so_reuseport", 0)])
        stubs.add_TraceServiceServicer_to_server(Servicer(), self._server)
        self.port = self._server.add_insecure_port(f"127.0.0.1:{self.port}")
        self._server.start()


def _decoded(request: Any) -> list[Received]:
    return [
        Received(
            span.name,
            span.kind,
            span.trace_id.hex(),
            span.span_id.hex(),
            span.parent_span_id.hex(),
            _values(span.attributes),
            [(event.name, _values(event.attributes)) for event in span.events],
            span.status.code == 2,
            _values(resource.resource.attributes),
            (span.end_time_unix_nano - span.start_time_unix_nano) / 1e9,
        )
        for resource in request.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]


def _values(attributes: Any) -> dict[str, Any]:
    return {item.key: _value(item.value) for item in attributes}


def _value(value: Any) -> Any:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [_value(item) for item in value.array_value.values]
    return getattr(value, kind) if kind else None
