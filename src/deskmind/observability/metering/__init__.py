"""Metrics in a service: a meter provider whose numbers other processes can read, and ``/metrics``.

``start_metrics`` in a process that serves; ``ProcessGroup(folder).collect()`` wherever they are shown. Nothing of it is
needed to record: modules get their instruments from ``deskmind.observability.instruments``.
"""

from deskmind.observability.metering.group import ProcessGroup
from deskmind.observability.metering.labels import Bounded, Labels, TenantLabel, labels
from deskmind.observability.metering.loop import LoopWatch
from deskmind.observability.metering.polled import Polled
from deskmind.observability.metering.provider import MemoryMeterProvider
from deskmind.observability.metering.running import current_provider, exposed, start_metrics
from deskmind.observability.metering.sources import Sources

__all__ = [
    "Bounded",
    "Labels",
    "LoopWatch",
    "MemoryMeterProvider",
    "Polled",
    "ProcessGroup",
    "Sources",
    "TenantLabel",
    "current_provider",
    "exposed",
    "labels",
    "start_metrics",
]
