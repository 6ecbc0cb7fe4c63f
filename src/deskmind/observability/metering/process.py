"""What a process says of itself: processor time, memory, open files, build."""

from __future__ import annotations

import os
import platform
import resource
import sys
from collections.abc import Iterator
from pathlib import Path

from deskmind.observability.instruments import (
    BUILD_INFO,
    CPU_TIME,
    MEMORY,
    OPEN_FILES,
    PROCESSES,
    observe,
)
from deskmind.observability.metering.labels import Labels, labels

__all__ = ["observe_process"]

_USER, _SYSTEM, _NONE = labels({"cpu.mode": "user"}), labels({"cpu.mode": "system"}), labels()
_Reading = Iterator[tuple[float, Labels]]


def observe_process(*, release: str) -> None:
    """Observe this process, once; ``release`` is Deskmind's."""
    build = labels({"deskmind.version": release, "deskmind.python": platform.python_version()})
    observe(CPU_TIME, _processor)
    observe(MEMORY, _memory)
    observe(OPEN_FILES, _open_files)
    observe(PROCESSES, lambda: [(1.0, _NONE)])
    observe(BUILD_INFO, lambda: [(1.0, build)])


def _processor() -> _Reading:
    times = os.times()
    yield times.user, _USER
    yield times.system, _SYSTEM


def _memory() -> _Reading:
    """The resident set; where the kernel does not tell, the largest it ever was."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
        yield pages * resource.getpagesize(), _NONE
    except (OSError, ValueError, IndexError):
        unit = 1 if sys.platform == "darwin" else 1024
        yield resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit, _NONE


def _open_files() -> _Reading:
    for folder in ("/proc/self/fd", "/dev/fd"):
        try:
            yield len(os.listdir(folder)), _NONE  # noqa: PTH208
        except OSError:
            continue
        return
