"""Starting and stopping the export of spans in a process."""

from __future__ import annotations

from uuid import uuid4

from opentelemetry import trace

from deskmind.errors import MissingExtraError
from deskmind.observability.content import capture_content
from deskmind.observability.telemetry._outbox import Outbox, OutboxCounts
from deskmind.observability.telemetry._sampling import TailSampler
from deskmind.observability.telemetry._spans import LightTracerProvider
from deskmind.observability.tracing import use_provider
from deskmind.settings import TelemetrySettings

__all__ = ["Telemetry", "start"]

_FLUSH_SECONDS = 3.0
_running: list[Telemetry] = []


class Telemetry:
    """The export of one process; several applications in it share what the first one started."""

    def __init__(self, outbox: Outbox | None) -> None:
        self._outbox = outbox
        self._users = 1

    @property
    def exporting(self) -> bool:
        """Whether spans are exported by us."""
        return self._outbox is not None

    def counts(self) -> OutboxCounts | None:
        """Spans exported, dropped and waiting; None where nothing is exported by us."""
        return self._outbox.counts() if self._outbox is not None else None

    def flush(self, timeout: float = _FLUSH_SECONDS) -> bool:
        """Export what has ended; whether that was possible within ``timeout`` seconds. Blocks: call it in a thread."""
        return self._outbox is None or self._outbox.flush(timeout)

    def close(self, timeout: float = _FLUSH_SECONDS) -> None:
        """Export what has ended, for at most ``timeout`` seconds, and stop. Blocks: call it in a thread."""
        self._users -= 1
        if self._outbox is None or self._users > 0:
            return
        _running.clear()
        use_provider(None)
        capture_content(False)
        self._outbox.close(timeout)

    def shared(self) -> Telemetry:
        """The same, with one more user."""
        self._users += 1
        return self


def start(settings: TelemetrySettings, version: str) -> Telemetry:
    """Begin to export spans as the settings say.

    Nothing is done where they say ``none``, and where the host application installed a provider of its own: our spans
    go there. The global provider is never set, so that a host may still install one.

    Args:
        settings: the ``[telemetry]`` section.
        version: of Deskmind, for ``service.version``.

    Raises:
        MissingExtraError: spans are wanted and the extra ``telemetry`` is not installed.
        ConfigurationError: the headers cannot be read.
    """
    if _running:
        return _running[0].shared()
    if settings.traces == "none" or _host_has_provider():
        return Telemetry(None)
    try:
        outbox = _provide(settings, version)
    except ImportError as error:
        raise MissingExtraError("The export of traces", "telemetry") from error
    capture_content(settings.capture_content)
    _running.append(Telemetry(outbox))
    return _running[0]


def _host_has_provider() -> bool:
    return not isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider)


def _provide(settings: TelemetrySettings, version: str) -> Outbox:
    from deskmind.observability.telemetry._exporters import destination_of, exporter_of

    resource = {
        "service.name": settings.service_name,
        "service.version": version,
        "service.instance.id": str(uuid4()),
    }
    export = exporter_of(settings, resource, version)
    outbox = Outbox(export, destination_of(settings), interval=settings.interval)
    sampler = TailSampler(outbox, slow_seconds=settings.slow_seconds)
    use_provider(LightTracerProvider(sampler, settings.sample_ratio), version)
    return outbox
