"""Telling processes apart: a pid alone may have been given to another process since."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

__all__ = ["command_of", "exists", "is_same", "start_time"]


def exists(pid: int) -> bool:
    """Whether a live process has this pid; a zombie is not live."""
    return start_time(pid) is not None


def start_time(pid: int) -> str | None:
    """When the process began, in the system's own words; None when there is none or it is a zombie."""
    if pid <= 0:
        return None
    if sys.platform == "linux":
        return _linux_start_time(pid)
    state, _, started = _ps(pid, "stat=,lstart=").partition(" ")
    return None if not started or state.startswith("Z") else started.strip()


def is_same(pid: int, started: str) -> bool:
    """Whether ``pid`` is still the process that began at ``started``."""
    return start_time(pid) == started


def command_of(pid: int) -> str:
    """The process's command line; empty when it cannot be told."""
    if sys.platform == "linux":
        try:
            return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
        except OSError:
            return ""
    return _ps(pid, "command=")


def _linux_start_time(pid: int) -> str | None:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace")
    except OSError:
        return None
    # the command, in parentheses, may hold spaces; the state and 19 fields later the start time follow it
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] in {"Z", "X"} else fields[19]


def _ps(pid: int, columns: str) -> str:
    done = subprocess.run(
        ["ps", "-o", columns, "-p", str(pid)], capture_output=True, text=True, check=False, env={**os.environ, "LC_ALL": "C"}
    )
    return done.stdout.strip()
