"""The metrics of a service's process: recorded, observed once a second, shown to whoever asks."""

from __future__ import annotations

import shutil
import tempfile
import threading
from contextlib import suppress
from pathlib import Path

from opentelemetry import metrics
from opentelemetry.metrics import MeterProvider

from deskmind.observability.instruments import TELEMETRY_DROPPED, counter
from deskmind.observability.logs import logger
from deskmind.observability.metering.exposition import negotiated, rendered
from deskmind.observability.metering.group import ProcessGroup
from deskmind.observability.metering.labels import labels
from deskmind.observability.metering.memory import ProcessMemory
from deskmind.observability.metering.process import observe_process
from deskmind.observability.metering.provider import MemoryMeterProvider

__all__ = ["GroupMeterProvider", "current_provider", "exposed", "new_folder", "start_metrics"]

_OBSERVE_SECONDS = 1.0
_PREFIX = "deskmind-metrics-"
_LOST = labels({"deskmind.signal": "metrics"})
_log = logger("deskmind.metrics")
_dropped = counter(TELEMETRY_DROPPED)


class GroupMeterProvider(MemoryMeterProvider):
    """Our meter provider of this process, a member of a group.

    Attributes:
        group: the processes that are shown together.
    """

    def __init__(self, group: ProcessGroup, memory: ProcessMemory) -> None:
        super().__init__(memory)
        self.group = group
        self._ended = threading.Event()
        self._observer = threading.Thread(target=self._keep_observing, name="metrics", daemon=True)
        self._observer.start()

    def exposed(self, accept: str = "") -> tuple[bytes, str]:
        """The group's metrics as text, this process's as of now, and the media type. Blocks: see ``collect``."""
        self.observe()
        return exposed(self.group, accept)

    def observe(self) -> None:
        """See ``MemoryMeterProvider``; also tells how many label sets found no room."""
        super().observe()
        lost, self.memory.lost = self.memory.lost, 0
        _dropped.add(lost, _LOST)

    def close(self) -> None:
        """Observe no more; what was recorded stays."""
        self._ended.set()
        super().close()

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


def start_metrics(*, release: str, folder: Path | None = None) -> GroupMeterProvider | None:
    """Record this process's metrics from now on; a second call finds the first's.

    A meter provider that the host has set stays, and gets our metrics.

    Args:
        release: of Deskmind.
        folder: of the group; without one this process is alone.
    """
    known = current_provider()
    if known is not None:
        return known
    try:
        group = ProcessGroup(folder if folder is not None else new_folder())
        group.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        memory = ProcessMemory(group.folder)
    except OSError as error:
        _log.warning("metrics.off", reason=error.strerror or type(error).__name__)
        return None
    provider = GroupMeterProvider(group, memory)
    metrics.set_meter_provider(provider)
    observe_process(release=release)
    return provider


def new_folder() -> Path:
    """A folder for a new group, in memory where the system has a place for that."""
    shared = Path("/dev/shm")  # noqa: S108
    return Path(tempfile.mkdtemp(prefix=_PREFIX, dir=shared if shared.is_dir() else None))


def remove_folder(folder: Path) -> None:
    """Remove a group whose service ended."""
    with suppress(OSError):
        shutil.rmtree(folder)
