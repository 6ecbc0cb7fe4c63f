"""One postmaster as its supervisor sees it: launched, watched until it accepts connections, stopped."""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from deskmind.database.embedded._failures import StartFailure, classify
from deskmind.database.embedded._processes import end_server

__all__ = ["HOST", "RECOVERY_PATIENCE", "LaunchOrder", "Postmaster", "free_port", "recovers"]

HOST = "127.0.0.1"
RECOVERY_PATIENCE = 3600.0
"""Seconds that recovery may take. One that is ended begins anew the next time, so that a shorter one might never come to its end."""
_RECOVERING = ("starting", "standby")
_PR_SET_PDEATHSIG = 1
_FAST, _IMMEDIATE = signal.SIGINT, signal.SIGQUIT


@dataclass(frozen=True, slots=True)
class LaunchOrder:
    """How to start a postmaster.

    Attributes:
        program: path of ``postgres``.
        data: the data directory.
        data_argument: what the server is told it is.
        title: the ``cluster_name``.
        account: user and group id to drop to; None to stay.
        environment: all that it sees.
        log: file that takes what it says before its own log is open.
    """

    program: str
    data: str
    data_argument: str
    title: str
    account: tuple[int, int] | None
    environment: Mapping[str, str]
    log: str

    def command(self, port: int) -> list[str]:
        """The command line; what it holds cannot be changed by ``ALTER SYSTEM``."""
        return [
            self.program,
            *("-D", self.data_argument),
            *("-p", str(port)),
            *("-c", f"listen_addresses={HOST}"),
            *("-c", "unix_socket_directories="),
            *("-c", f"cluster_name={self.title}"),
        ]


class Postmaster:
    """A running postmaster, child of this process."""

    def __init__(self, process: subprocess.Popen[bytes], port: int) -> None:
        self._process = process
        self.port = port

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @classmethod
    def launch(
        cls, order: LaunchOrder, port: int, *, timeout: float, cancelled: Callable[[], bool]
    ) -> Postmaster:
        """Start it and wait until it accepts connections, which after a crash includes recovery: that is not ended because
        nobody waits for it any more.

        On Linux it is bound to the calling thread: if that ends, it shuts down.

        Raises:
            StartFailure: it ended, took longer than ``timeout`` seconds to begin (``RECOVERY_PATIENCE`` to recover), or was ``cancelled``
                before it began to recover.
        """
        marks = _log_sizes(order)
        with suppress(FileNotFoundError):
            (Path(order.data) / "postmaster.pid").unlink()
        server = cls(_spawn(order, port), port)
        began = time.monotonic()
        while (state := _state(order, server.pid)) != "ready":
            if server._process.poll() is not None:
                end_server(Path(order.data), order.title)  # its log is whole once its logger is gone
                log = _log_since(order, marks)
                raise StartFailure(classify(log), log)
            unwanted = state not in _RECOVERING and cancelled()
            patience = RECOVERY_PATIENCE if state in _RECOVERING else timeout
            if unwanted or time.monotonic() > began + patience:
                server.stop()
                raise StartFailure("cancelled" if unwanted else "timeout", _log_since(order, marks))
            time.sleep(0.005)
        return server

    def wait(self) -> int:
        """Wait for its end; returns the exit code."""
        return self._process.wait()

    def stop(self) -> None:
        """Shut it down: connections are closed, data is written; by force if it hangs. Again does nothing."""
        for number, patience in ((_FAST, 20.0), (_IMMEDIATE, 5.0), (signal.SIGKILL, None)):
            self._process.send_signal(number)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(patience)
                return


def recovers(order: LaunchOrder) -> bool:
    """Whether a postmaster has begun to start, by its own word, and does not accept connections yet."""
    return _state(order) in _RECOVERING


def _state(order: LaunchOrder, pid: int | None = None) -> str:
    """What the postmaster, or the one with this process id, says of itself: ``starting``, ``ready``, …; empty before it does."""
    try:
        lines = (Path(order.data) / "postmaster.pid").read_text("utf-8", "replace").split("\n")
    except OSError:
        return ""
    said = len(lines) > 7 and pid in (None, _number(lines[0]))
    return lines[7].strip() if said else ""


def _number(line: str) -> int:
    return int(line) if line.isdecimal() else 0


def free_port() -> int:
    """A TCP port on the loopback interface that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return probe.getsockname()[1]


def _spawn(order: LaunchOrder, port: int) -> subprocess.Popen[bytes]:
    user, group = order.account or (None, None)
    with Path(order.log).open("ab") as log:
        try:
            return subprocess.Popen(
                order.command(port),
                cwd=order.data,
                env=dict(order.environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                umask=0o077,
                user=user,
                group=group,
                extra_groups=None if user is None else [],
                start_new_session=True,
                preexec_fn=_ends_with_us(),  # noqa: PLW1509
            )
        except (OSError, subprocess.SubprocessError) as error:
            raise StartFailure(classify(str(error)), f"{order.program}: {error}") from error


def _ends_with_us() -> Callable[[], None] | None:
    """Before the program starts: have the kernel shut it down when this process dies, however it dies."""
    if sys.platform != "linux":
        return None
    libc, parent = ctypes.CDLL(None), os.getpid()

    def bind() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, int(_FAST), 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)

    return bind


def _logs(order: LaunchOrder) -> list[Path]:
    return [Path(order.log), *sorted((Path(order.data) / "log").glob("*.log"))]


def _log_sizes(order: LaunchOrder) -> dict[Path, int]:
    return {path: path.stat().st_size for path in _logs(order) if path.exists()}


def _log_since(order: LaunchOrder, marks: Mapping[Path, int]) -> str:
    parts: list[str] = []
    for path in _logs(order):
        with suppress(OSError), path.open("rb") as file:
            start = marks.get(path, 0)
            file.seek(start if start <= path.stat().st_size else 0)
            parts.append(file.read(65536).decode("utf-8", "replace"))
    return "".join(parts)
