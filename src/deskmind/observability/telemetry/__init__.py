"""Where spans go: a provider made from the settings, which samples, gathers and exports (extra ``telemetry``).

``start`` and ``Telemetry.close`` stand around the life of a process. An exporter that hangs, refuses or fails costs
spans, never a request. The OpenTelemetry SDK is imported when spans are wanted, not before.
"""

from deskmind.observability.telemetry.lifetime import Telemetry, start

__all__ = ["Telemetry", "start"]
