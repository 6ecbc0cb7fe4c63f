"""Which process is which: start times against re-used ids, and what is left of a server."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

__all__ = ["ProcessIdentity", "end_server", "identify", "is_running", "server_processes"]

_PROC = Path("/proc")
_ZOMBIE = ("Z", "X", "x")
_POLITE, _ORPHANS, _FORCED = 10.0, 0.3, 3.0


@dataclass(frozen=True, slots=True)
class ProcessIdentity:
    """A process id together with when the process started, which no later process can share.

    Attributes:
        pid: the process id.
        started: opaque; on Linux the boot id and clock ticks since boot, elsewhere what ``ps`` prints.
    """

    pid: int
    started: str


def identify(pid: int) -> ProcessIdentity | None:
    """The process that has this id now; None if there is none or it is a zombie."""
    started = _started_linux(pid) if sys.platform == "linux" else _started_ps(pid)
    return ProcessIdentity(pid, started) if started else None


def is_running(identity: ProcessIdentity) -> bool:
    """Whether this very process, not another with its id, is alive."""
    return identify(identity.pid) == identity


def _started_linux(pid: int) -> str | None:
    try:
        text = (_PROC / str(pid) / "stat").read_text("utf-8", "replace")
        boot = (_PROC / "sys/kernel/random/boot_id").read_text("ascii").strip()
    except OSError:
        return None
    state, *fields = text.rpartition(")")[2].split()
    return None if state in _ZOMBIE else f"{boot}:{fields[18]}"


def _started_ps(pid: int) -> str | None:
    line = _ps("-o", "state=,lstart=", "-p", str(pid)).strip()
    state, _, started = line.partition(" ")
    return None if not started or state.startswith(_ZOMBIE) else started.strip()


def _ps(*arguments: str) -> str:
    environment = {"PATH": os.defpath, "LC_ALL": "C"}
    return subprocess.run(
        ["ps", *arguments], capture_output=True, text=True, check=False, env=environment, errors="replace"
    ).stdout


def server_processes(data: Path, title: str) -> list[int]:
    """Ids of the living server processes of a data directory: the postmaster and what it started.

    Args:
        data: the data directory, their working directory.
        title: the ``cluster_name``, which their command lines carry where there is no ``/proc``.
    """
    return _servers_linux(data) if sys.platform == "linux" else _servers_ps(title)


def _servers_linux(data: Path) -> list[int]:
    try:
        wanted = data.stat()
    except OSError:
        return []
    return [int(entry.name) for entry in _PROC.iterdir() if entry.name.isdigit() and _works_in(entry, wanted)]


def _works_in(entry: Path, wanted: os.stat_result) -> bool:
    try:
        program = (entry / "exe").readlink().name.removesuffix(" (deleted)")
        return program == "postgres" and os.path.samestat((entry / "cwd").stat(), wanted)
    except OSError:
        return False


def _servers_ps(title: str) -> list[int]:
    marks = (f"cluster_name={title} ", f"postgres: {title}: ")
    found: list[int] = []
    for line in _ps("-axo", "pid=,state=,command=").splitlines():
        pid, _, rest = line.strip().partition(" ")
        state, _, command = rest.strip().partition(" ")
        if not state.startswith(_ZOMBIE) and any(mark in f"{command} " for mark in marks):
            found.append(int(pid))
    return found


def end_server(data: Path, title: str) -> bool:
    """End whatever still runs in a data directory: politely if it has its postmaster, then by force.

    Only for a holder of the home's lock, once no supervisor holds its own. A process that merely has the id
    that ``postmaster.pid`` names is left alone.

    Returns:
        True if nothing runs there any more.
    """
    running = server_processes(data, title)
    if not running:
        return True
    postmaster = _postmaster_of(data)
    if postmaster in running:
        _signal([postmaster], signal.SIGINT)
    patience = _POLITE if postmaster in running else _ORPHANS
    for escalation in (signal.SIGQUIT, signal.SIGKILL):
        if _gone(data, title, patience):
            return True
        _signal(server_processes(data, title), escalation)
        patience = _FORCED
    return _gone(data, title, patience)


def _postmaster_of(data: Path) -> int:
    try:
        return int((data / "postmaster.pid").read_text("utf-8", "replace").split("\n", 1)[0])
    except (OSError, ValueError):
        return 0


def _gone(data: Path, title: str, patience: float) -> bool:
    deadline = time.monotonic() + patience
    while server_processes(data, title):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def _signal(pids: list[int], number: signal.Signals) -> None:
    for pid in pids:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)
