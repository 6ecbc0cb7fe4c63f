"""Metrics to a collector by OTLP (extra ``telemetry``): each process sends its own, cumulative since its start.

A thread sends them; a collector that hangs, refuses or fails costs an export, never a request, and since every export says
everything, the next one that arrives makes up for it. One warning says when it begins, one line when it is over.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import unquote

from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    Gauge,
    Histogram,
    HistogramDataPoint,
    Metric,
    MetricExporter,
    MetricExportResult,
    MetricsData,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from deskmind.observability.instruments import TELEMETRY_DROPPED, counter
from deskmind.observability.logs import logger
from deskmind.observability.metering.families import Families, Family
from deskmind.observability.metering.labels import labels
from deskmind.settings import TelemetrySettings

__all__ = ["MetricsExport", "exporter_of", "metrics_data"]

_PATH = "/v1/metrics"
_DEFAULTS = {"http/protobuf": "http://127.0.0.1:4318", "grpc": "http://127.0.0.1:4317"}
_CHATTY = ("opentelemetry.exporter", "opentelemetry.sdk", "urllib3", "grpc")
_CUMULATIVE = AggregationTemporality.CUMULATIVE
_UNKNOWN: Any = None
_LOST = labels({"deskmind.signal": "metrics"})
_log = logger("deskmind.telemetry")
_dropped = counter(TELEMETRY_DROPPED)


class MetricsExport:
    """Sends what ``read`` gives, every so often, and once more when it is closed.

    Args:
        exporter: sends; may block up to its timeout and fail in any way.
        read: the process's families and when it started, in seconds since the epoch.
        resource: what the process is.
        every: seconds.
        timeout: seconds one export may take.
    """

    def __init__(
        self,
        exporter: MetricExporter,
        read: Callable[[], tuple[Families, float]],
        resource: Resource,
        *,
        every: float,
        timeout: float,
    ) -> None:
        self._exporter = exporter
        self._read = read
        self._resource = resource
        self._every = every
        self._timeout = timeout
        self._failing = False
        self._given_up = False
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._work, name="metrics-export", daemon=True)
        self._thread.start()

    @property
    def failing(self) -> bool:
        """Whether the last export failed."""
        return self._failing

    def close(self) -> None:
        """Send once more, for at most the timeout, and end; of an export that takes longer nothing is said."""
        self._closing.set()
        self._thread.join(self._timeout)
        self._given_up = True
        self._exporter.shutdown()

    def _work(self) -> None:
        while not self._closing.wait(self._every):
            self._send()
        if not self._given_up:
            self._send()

    def _send(self) -> None:
        families, started = self._read()
        data = metrics_data(families, self._resource, started)
        try:
            sent = self._exporter.export(data, self._timeout * 1000) is MetricExportResult.SUCCESS
        except Exception:  # whatever an exporter may do, the process is not to suffer from it
            sent = False
        if not sent:
            _dropped.add(sum(len(family.series) for family in families.values()), _LOST)
        if sent is self._failing and not self._given_up:
            (_log.info if sent else _log.warning)(
                "metrics.export_recovered" if sent else "metrics.export_failing"
            )
        self._failing = not sent


def exporter_of(settings: TelemetrySettings) -> MetricExporter:
    """The exporter that the settings want.

    Raises:
        ImportError: a package of the extra is missing.
    """
    for name in _CHATTY:  # they report each failed attempt; we report the outage
        logging.getLogger(name).setLevel(logging.CRITICAL)
    headers = dict(_headers(settings))
    base = (settings.endpoint or _DEFAULTS[settings.protocol]).rstrip("/")
    if settings.protocol == "grpc":
        from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter as GrpcExporter

        return GrpcExporter(
            endpoint=settings.metrics_endpoint or base,
            insecure=(settings.metrics_endpoint or base).startswith("http://"),
            headers={name.lower(): value for name, value in headers.items()},
            timeout=settings.timeout,
        )
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter as HttpExporter

    endpoint = settings.metrics_endpoint or (base if base.endswith(_PATH) else base + _PATH)
    return HttpExporter(endpoint=endpoint, headers=headers, timeout=settings.timeout)


def resource_of(settings: TelemetrySettings, release: str) -> Resource:
    """What this process is, for a collector."""
    return Resource(
        {
            "service.name": settings.service_name,
            "service.version": release,
            "service.instance.id": f"{socket.gethostname()}:{os.getpid()}",
        }
    )


def metrics_data(families: Families, resource: Resource, started: float) -> MetricsData:
    """Families as the SDK's exporters take them.

    Args:
        families: of this process.
        resource: what it is.
        started: seconds since the epoch.
    """
    times = (int(started * 1e9), time.time_ns())
    found = [
        Metric(family.name, family.description, family.unit, _points(family, times))
        for family in families.values()
        if family.series
    ]
    scope = ScopeMetrics(InstrumentationScope("deskmind"), found, "")
    return MetricsData([ResourceMetrics(resource, [scope], "")])


def _points(family: Family, times: tuple[int, int]) -> Any:
    if family.kind == "histogram":
        return Histogram(list(_histograms(family, times)), _CUMULATIVE)
    points = [
        NumberDataPoint(dict(labels), *times, series.values()[0]) for labels, series in family.series.items()
    ]
    if family.kind == "gauge":
        return Gauge(points)
    return Sum(points, _CUMULATIVE, is_monotonic=family.kind == "counter")


def _histograms(family: Family, times: tuple[int, int]) -> Iterator[HistogramDataPoint]:
    """The least and the greatest are not kept: they stand as not known."""
    for values, series in family.series.items():
        *counts, total = series.values()
        whole = [int(count) for count in counts]
        yield HistogramDataPoint(
            dict(values), *times, sum(whole), total, whole, family.bounds, _UNKNOWN, _UNKNOWN
        )


def _headers(settings: TelemetrySettings) -> Iterator[tuple[str, str]]:
    """Of ``name=value,name=value`` with percent-encoded values, as OpenTelemetry's variable has it."""
    given = settings.headers.get_secret_value() if settings.headers is not None else ""
    for part in given.split(","):
        name, equals, value = part.partition("=")
        if equals and name.strip():
            yield name.strip(), unquote(value.strip())
