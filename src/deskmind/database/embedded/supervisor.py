"""The process between the users of a home and its postmaster.

It starts or adopts the postmaster, starts it again when it dies, and stops it when the last user is gone: users
hold ``users.lock`` shared, and the kernel lets go of it for them however they end.
"""

from __future__ import annotations

import fcntl
import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

from deskmind.database.embedded import cluster, processes
from deskmind.database.embedded.places import Places
from deskmind.errors import DeskmindError, EmbeddedServerError

__all__ = ["main", "write_state"]

_START_SECONDS = 60.0
_STOP_SECONDS = 30.0
_PORT_ATTEMPTS = 5
_RESTARTS = 5


def main() -> None:
    """``python -m deskmind.database.embedded.supervisor HOME READY_FD``: report on the pipe, then stand by."""
    home, ready = Path(sys.argv[1]), int(sys.argv[2])
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    lock = os.open(Places.of(home).supervisor_lock, os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    try:
        supervisor = _Supervisor(Places.of(home))
        supervisor.begin()
    except DeskmindError as error:
        os.write(ready, json.dumps({"class": type(error).__name__, "problem": [error.what, error.why, error.remedy]}).encode())
        os.close(ready)
        return
    os.write(ready, b'"ready"')
    os.close(ready)
    supervisor.stand_by()


class _Supervisor:
    def __init__(self, places: Places) -> None:
        self._places = places
        self._child: subprocess.Popen[bytes] | None = None
        self._pid = 0
        self._port = 0
        self._all_gone = threading.Event()
        self._restarts = 0

    def begin(self) -> None:
        """Adopt a live postmaster, else start one."""
        cluster.initialise(self._places)
        found = cluster.postmaster(self._places.data)
        if found is not None and cluster.is_ours(found[0], self._places.data):
            self._pid, self._port = found[0], found[1]
            self._await_ready()
            self._publish()
            return
        self._start(None)

    def stand_by(self) -> None:
        """Watch users and postmaster until the users are gone."""
        threading.Thread(target=self._await_users, daemon=True).start()
        while not self._all_gone.wait(0.2):
            if not self._alive():
                self._restart()
        self._stop()

    def _start(self, port: int | None) -> None:
        for _ in range(_PORT_ATTEMPTS):
            self._port = port or cluster.free_port()
            self._child = cluster.launch(self._places, self._port)
            self._pid = self._child.pid
            if self._await_ready():
                self._publish()
                return
            if "could not create any TCP/IP sockets" not in cluster.tail(self._places.log, 8):
                break
            port = None
        raise cluster.failure(
            "The embedded database did not start.", cluster.tail(self._places.log), self._places
        )

    def _await_ready(self) -> bool:
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            found = cluster.postmaster(self._places.data)
            if found is not None and found[0] == self._pid and found[2] == "ready":
                return True
            if not self._alive():
                return False
            select.select([], [], [], 0.01)
        return False

    def _alive(self) -> bool:
        if self._child is not None:
            return self._child.poll() is None
        return cluster.is_ours(self._pid, self._places.data)

    def _restart(self) -> None:
        """After a crash: clear away what the dead postmaster left, start on the same port."""
        if self._restarts >= _RESTARTS:
            os._exit(1)
        self._restarts += 1
        _kill_session(self._pid)
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            try:
                self._start(self._port)
            except EmbeddedServerError:
                # children of the old postmaster may still hold its shared memory for a moment
                select.select([], [], [], 0.2)
            else:
                return

    def _publish(self) -> None:
        write_state(self._places, self._pid, self._port)

    def _await_users(self) -> None:
        descriptor = os.open(self._places.users_lock, os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        self._all_gone.set()
        threading.Event().wait()

    def _stop(self) -> None:
        """Fast shutdown; immediate when that takes too long."""
        for sent, seconds in ((signal.SIGINT, _STOP_SECONDS), (signal.SIGQUIT, 5.0), (signal.SIGKILL, 5.0)):
            if not self._alive():
                break
            os.kill(self._pid, sent)
            deadline = time.monotonic() + seconds
            while self._alive() and time.monotonic() < deadline:
                select.select([], [], [], 0.01)
        self._places.state.unlink(missing_ok=True)


def write_state(places: Places, pid: int, port: int) -> None:
    """Publish what runs, atomically."""
    state = {
        "pid": pid,
        "started": processes.start_time(pid) or "",
        "port": port,
        "supervisor": os.getpid(),
        "version": cluster.MAJOR,
    }
    temporary = places.state.with_suffix(f".{os.getpid()}")
    temporary.write_text(json.dumps(state), "utf-8")
    temporary.replace(places.state)


def _kill_session(pid: int) -> None:
    try:
        os.killpg(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return


if __name__ == "__main__":
    main()
