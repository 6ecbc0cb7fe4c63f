"""Export by OTLP to a collector on a real socket, and to one that is not well."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from deskmind.errors import MissingExtraError
from deskmind.observability.metering import MemoryMeterProvider, labels, start_metrics
from deskmind.observability.metering.families import families_of
from deskmind.observability.metering.memory import STARTED, ProcessMemory
from deskmind.observability.metering.otlp import MetricsExport, exporter_of, resource_of
from deskmind.settings import TelemetrySettings

_PROGRAM = """
import sys
from deskmind.observability.instruments import COST, counter
from deskmind.observability.metering import labels, start_metrics
from deskmind.settings import TelemetrySettings
provider = start_metrics(TelemetrySettings(metrics="otlp", endpoint=sys.argv[1]), release="1")
counter(COST).add(0.125, labels())
print("shows:", provider.shows)
"""


class Collector(ThreadingHTTPServer):
    """Keeps what it is sent, and answers as it is told."""

    daemon_threads = True

    def __init__(self) -> None:
        self.status = 200
        self.received: list[ExportMetricsServiceRequest] = []
        self.keys: list[str | None] = []
        self.arrived = threading.Condition()
        super().__init__(("127.0.0.1", 0), _Handler)

    def wait_for(self, count: int) -> None:
        """Until so many requests arrived."""
        with self.arrived:
            assert self.arrived.wait_for(lambda: len(self.received) >= count, 60)


class _Handler(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        assert self.path == "/v1/metrics"
        with self.server.arrived:
            self.server.received.append(ExportMetricsServiceRequest.FromString(body))
            self.server.keys.append(self.headers["Authorization"])
            self.server.arrived.notify_all()
        self.send_response(self.server.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Nothing."""


@pytest.fixture
def collector() -> Iterator[Collector]:
    """Running."""
    with Collector() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield server
        server.shutdown()


def exporting(provider: MemoryMeterProvider, endpoint: str, *, every: float = 0.05) -> MetricsExport:
    """Exports a provider's metrics, often."""
    settings = TelemetrySettings(
        endpoint=endpoint,
        headers="authorization=Bearer%20t0ken, broken",  # pyright: ignore[reportArgumentType]
        timeout=1.0,
        service_name="desk",
    )  # pyright: ignore[reportCallIssue]
    memory = provider.memory
    return MetricsExport(
        exporter_of(settings),
        lambda: (families_of(memory.explanations(), memory.values), memory.values[STARTED]),
        resource_of(settings, "1.0"),
        every=every,
        timeout=1.0,
    )


@pytest.fixture
def provider() -> MemoryMeterProvider:
    """With one value of each kind."""
    provider = MemoryMeterProvider(ProcessMemory())
    meter = provider.get_meter("t")
    meter.create_counter("deskmind.cost", "usd").add(0.25, labels({"model": "fast"}))
    meter.create_histogram("h", "s", explicit_bucket_boundaries_advisory=[1.0, 2.0]).record(1.5, labels())
    meter.create_up_down_counter("active").add(2, labels())
    meter.create_gauge("lag", "s").set(0.5, labels())
    return provider


def test_a_collector_gets_everything(provider: MemoryMeterProvider, collector: Collector) -> None:
    """Names, units, labels, values, and what process it is; with the headers that were set."""
    export = exporting(provider, f"http://127.0.0.1:{collector.server_port}")
    collector.wait_for(1)
    export.close()
    assert collector.keys[0] == "Bearer t0ken"
    (resource,) = collector.received[0].resource_metrics
    about = {item.key: item.value.string_value for item in resource.resource.attributes}
    assert about["service.name"] == "desk"
    found = {metric.name: metric for metric in resource.scope_metrics[0].metrics}
    (cost,) = found["deskmind.cost"].sum.data_points
    assert found["deskmind.cost"].unit == "usd"
    assert found["deskmind.cost"].sum.is_monotonic
    assert (cost.as_double, cost.attributes[0].value.string_value) == (0.25, "fast")
    assert cost.start_time_unix_nano < cost.time_unix_nano
    (point,) = found["h"].histogram.data_points
    assert (list(point.bucket_counts), point.sum, point.count) == ([0, 1, 0], 1.5, 1)
    assert not point.HasField("min")
    assert not found["active"].sum.is_monotonic
    assert found["lag"].gauge.data_points[0].as_double == 0.5


def test_a_collector_that_fails_and_recovers(
    provider: MemoryMeterProvider, collector: Collector, lines: Any
) -> None:
    """Recording goes on; one warning, one line when it is over, and the next export makes up for what was missed."""
    collector.status = 400
    export = exporting(provider, f"http://127.0.0.1:{collector.server_port}")
    counter = provider.get_meter("t").create_counter("deskmind.cost", "usd")
    collector.wait_for(3)
    assert export.failing
    counter.add(0.5, labels({"model": "fast"}))
    collector.status = 200
    collector.wait_for(len(collector.received) + 2)
    export.close()
    assert not export.failing
    said = [(line["level"], line["event"]) for line in lines.all()]
    assert said == [("warning", "metrics.export_failing"), ("info", "metrics.export_recovered")]
    metrics = collector.received[-1].resource_metrics[0].scope_metrics[0].metrics
    (cost,) = (metric for metric in metrics if metric.name == "deskmind.cost")
    assert cost.sum.data_points[0].as_double == 0.75


def test_a_process_that_exports_sends_its_last_figures_when_it_ends(collector: Collector) -> None:
    """By the settings; nothing of it is shown on a port."""
    endpoint = f"http://127.0.0.1:{collector.server_port}"
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, endpoint], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.stdout == "shows: False\n", done.stderr
    collector.wait_for(1)
    metrics = {
        metric.name: metric for metric in collector.received[-1].resource_metrics[0].scope_metrics[0].metrics
    }
    assert metrics["deskmind.cost"].sum.data_points[0].as_double == 0.125
    assert metrics["deskmind.telemetry.failing"].gauge.data_points[0].as_double == 0
    assert "process.cpu.time" in metrics


def test_an_export_without_its_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Says which extra is missing."""
    monkeypatch.setitem(sys.modules, "deskmind.observability.metering.otlp", None)
    monkeypatch.setattr("deskmind.observability.metering.running.current_provider", lambda: None)
    monkeypatch.setattr("deskmind.observability.metering.running._nobody_set", lambda provider: True)
    with pytest.raises(MissingExtraError, match="telemetry"):
        start_metrics(TelemetrySettings(metrics="both"), release="1")  # pyright: ignore[reportCallIssue]


def test_a_collector_that_hangs(provider: MemoryMeterProvider) -> None:
    """Connections are taken and nothing is answered: recording goes on, and ending waits for a timeout at most."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        export = exporting(provider, f"http://127.0.0.1:{silent.getsockname()[1]}")
        connection, _ = silent.accept()
        counter = provider.get_meter("t").create_counter("deskmind.cost", "usd")
        counter.add(1, labels({"model": "fast"}))
        export.close()
        connection.close()
    values = families_of(provider.memory.explanations(), provider.memory.values)["deskmind.cost"].series
    assert [series.values() for series in values.values()] == [[1.25]]


def test_no_collector_at_all(provider: MemoryMeterProvider) -> None:
    """Ending waits for one attempt's timeout at most, and nothing is raised."""
    export = exporting(provider, "http://127.0.0.1:9", every=60.0)
    export.close()
    export._thread.join(60)  # on a busy machine the attempt may outlast the patience of close
    assert export.failing
