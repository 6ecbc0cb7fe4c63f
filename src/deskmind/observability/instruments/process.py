"""The process itself, and its telemetry."""

from __future__ import annotations

from deskmind.observability._instrument import Instrument, Label
from deskmind.observability.instruments._labels import CODE

__all__ = [
    "BUILD_INFO",
    "CPU_TIME",
    "LOOP_LAG",
    "MEMORY",
    "OPEN_FILES",
    "PROCESSES",
    "TELEMETRY_DROPPED",
    "TELEMETRY_FAILING",
]

TELEMETRY_DROPPED = Instrument(
    "deskmind.telemetry.dropped",
    "counter",
    "{item}",
    "spans, data points, log lines or stories of requests that were given up",
    (Label("deskmind.signal", CODE, ("traces", "metrics", "logs", "stories")),),
)
TELEMETRY_FAILING = Instrument(
    "deskmind.telemetry.failing",
    "gauge",
    "",
    "1 while a collector does not take what a process exports",
    (Label("deskmind.signal", CODE, ("traces", "metrics")),),
    across="max",
    observed=True,
)
BUILD_INFO = Instrument(
    "deskmind.build.info",
    "gauge",
    "",
    "1; its labels say what runs",
    (
        Label("deskmind.version", "the release", most=2),
        Label("deskmind.python", "the interpreter", most=2),
    ),
    across="max",
    observed=True,
)
PROCESSES = Instrument(
    "deskmind.processes", "gauge", "{process}", "processes whose metrics these are", observed=True
)
CPU_TIME = Instrument(
    "process.cpu.time",
    "counter",
    "s",
    "processor time",
    (Label("cpu.mode", CODE, ("user", "system")),),
    observed=True,
)
MEMORY = Instrument("process.memory.usage", "gauge", "By", "memory in use", observed=True)
OPEN_FILES = Instrument(
    "process.unix.file_descriptor.count", "gauge", "{file_descriptor}", "open files", observed=True
)
LOOP_LAG = Instrument(
    "deskmind.event_loop.lag",
    "gauge",
    "s",
    "how late the event loop ran what was due, at worst in the last seconds",
    across="max",
    observed=True,
)
