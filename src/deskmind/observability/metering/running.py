"""The metrics of a service's process: recorded, observed once a second, shown to whoever asks, exported if wanted."""

from __future__ import annotations

import atexit
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from opentelemetry import metrics
from opentelemetry.metrics import MeterProvider

from deskmind.errors import MissingExtraError
from deskmind.observability.instruments import TELEMETRY_DROPPED, TELEMETRY_FAILING, counter, observe
from deskmind.observability.logs import logger
from deskmind.observability.metering.exposition import negotiated, rendered
from deskmind.observability.metering.families import Families, families_of
from deskmind.observability.metering.group import ProcessGroup
from deskmind.observability.metering.labels import labels
from deskmind.observability.metering.memory import STARTED, ProcessMemory
from deskmind.observability.metering.process import observe_process
from deskmind.observability.metering.provider import MemoryMeterProvider
from deskmind.settings import TelemetrySettings

if TYPE_CHECKING:
    from opentelemetry.sdk.metrics.export import MetricExporter

    from deskmind.observability.metering.otlp import MetricsExport

__all__ = ["GroupMeterProvider", "current_provider", "exposed", "start_metrics"]

_OBSERVE_SECONDS = 1.0
_METRICS = labels({"deskmind.signal": "metrics"})
_log = logger("deskmind.metrics")
_dropped = counter(TELEMETRY_DROPPED)


class GroupMeterProvider(MemoryMeterProvider):
    """Our meter provider of this process, a member of a group.

    Attributes:
        group: the processes that are shown together.
        shows: whether they are shown to Prometheus.
        export: to a collector, None for none.
    """

    def __init__(self, group: ProcessGroup, memory: ProcessMemory, *, shows: bool = True) -> None:
        super().__init__(memory)
        self.group = group
        self.shows = shows
        self.export: MetricsExport | None = None
        self._ended = threading.Event()
        self._observer = threading.Thread(target=self._keep_observing, name="metrics", daemon=True)
        self._observer.start()

    def exposed(self, accept: str = "") -> tuple[bytes, str]:
        """The group's metrics as text, this process's as of now, and the media type. Blocks: see ``collect``."""
        self.observe()
        return exposed(self.group, accept)

    def own(self) -> tuple[Families, float]:
        """This process's metrics as of now, and when it began, in seconds since the epoch."""
        self.observe()
        values = self.memory.values
        return families_of(self.memory.explanations(), values), values[STARTED]

    def observe(self) -> None:
        """See ``MemoryMeterProvider``; also tells how many label sets found no room."""
        super().observe()
        lost, self.memory.lost = self.memory.lost, 0
        _dropped.add(lost, _METRICS)

    def close(self) -> None:
        """Export once more, observe no more; what was recorded stays with the group."""
        self._ended.set()
        if self.export is not None:
            self.export.close()
        super().close()
        self.group.close()

    def _keep_observing(self) -> None:
        while not self._ended.wait(_OBSERVE_SECONDS):
            self.observe()


def exposed(group: ProcessGroup, accept: str = "") -> tuple[bytes, str]:
    """A group's metrics as text, and the media type."""
    media_type, openmetrics = negotiated(accept)
    return rendered(group.collect(), openmetrics=openmetrics).encode(), media_type


def current_provider() -> GroupMeterProvider | None:
    """Ours, when this process's metrics go there."""
    provider: MeterProvider = metrics.get_meter_provider()
    return provider if isinstance(provider, GroupMeterProvider) else None


def start_metrics(settings: TelemetrySettings, *, release: str) -> GroupMeterProvider | None:
    """Record this process's metrics from now on, until it ends; a second call finds what the first one made.

    A meter provider that the host has set stays, and gets our metrics.

    Args:
        settings: what is wanted; nothing is recorded for ``none``.
        release: of Deskmind.

    Raises:
        MissingExtraError: an export by OTLP is wanted, and its packages are missing.
    """
    known = current_provider()
    if known is not None or settings.metrics == "none":
        return known
    if not _nobody_set(metrics.get_meter_provider()):
        _log.info("metrics.of_the_host")
        return None
    exporter = _exporter(settings) if settings.metrics in {"otlp", "both"} else None
    provider = _joined(settings.metrics_folder, shows=settings.metrics != "otlp")
    if provider is None:
        return None
    metrics.set_meter_provider(provider)
    observe_process(release=release)
    if exporter is not None:
        _export(provider, exporter, settings, release)
    atexit.register(provider.close)
    return provider


def _nobody_set(provider: MeterProvider) -> bool:
    """Whether it is the API's own stand-in."""
    return type(provider).__module__.startswith("opentelemetry.metrics")


def _joined(folder: Path | None, *, shows: bool) -> GroupMeterProvider | None:
    try:
        group = ProcessGroup(folder) if folder is not None else ProcessGroup.new()
        return GroupMeterProvider(group, ProcessMemory(group.folder), shows=shows)
    except OSError as error:  # a service without metrics is better than none
        _log.warning("metrics.off", reason=error.strerror or type(error).__name__)
        return None


def _exporter(settings: TelemetrySettings) -> MetricExporter:
    try:
        from deskmind.observability.metering.otlp import exporter_of

        return exporter_of(settings)
    except ModuleNotFoundError:
        raise MissingExtraError("Metrics by OTLP", "telemetry") from None


def _export(
    provider: GroupMeterProvider, exporter: MetricExporter, settings: TelemetrySettings, release: str
) -> None:
    from deskmind.observability.metering.otlp import MetricsExport, resource_of

    export = provider.export = MetricsExport(
        exporter,
        provider.own,
        resource_of(settings, release),
        every=settings.metrics_export_seconds,
        timeout=settings.timeout,
    )
    observe(TELEMETRY_FAILING, lambda: [(float(export.failing), _METRICS)])
