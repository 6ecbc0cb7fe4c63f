"""The process between users and postmaster: stops the server after its last user, restarts a dead one.

It runs on its own, started by the first user with an interpreter that loads nothing but the standard library,
and waits for users by waiting for their file locks, so it costs nothing while nothing happens.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from deskmind.database.embedded._failures import StartFailure
from deskmind.database.embedded._layout import Layout, ServerState
from deskmind.database.embedded._locks import FileLock, LockTimeoutError, live_users
from deskmind.database.embedded._postmaster import (
    RECOVERY_PATIENCE,
    LaunchOrder,
    Postmaster,
    free_port,
    recovers,
)
from deskmind.database.embedded._processes import ProcessIdentity, end_server, identify

__all__ = ["Plan", "Supervisor", "main"]

_PORT_TRIES = 8
_LOCK_PATIENCE = 5.0
_DEATHS_ALLOWED = 5
_DEATHS_WINDOW = 60.0
_LOOK_EVERY = 0.05
_UNWANTED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True, slots=True)
class Plan:
    """What a supervisor is told by the process that starts it.

    Attributes:
        home: the home.
        place: the folder of the data directory.
        order: how to start a postmaster.
        version: of PostgreSQL.
        port: to use if nobody has it: where the users of a server that died expect it; None for any.
        timeout: seconds that the first start may take until recovery begins.
        fresh: the cluster was just made and is not yet surely on disk.
    """

    home: str
    place: str
    order: LaunchOrder
    version: str
    port: int | None
    timeout: float
    fresh: bool

    def encode(self) -> bytes:
        """As JSON."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def decode(cls, raw: bytes) -> Plan:
        """From JSON."""
        fields: dict[str, Any] = json.loads(raw)
        order: dict[str, Any] = fields.pop("order")
        account = order.pop("account")
        return cls(order=LaunchOrder(**order, account=tuple(account) if account else None), **fields)


class Supervisor:
    """Runs one server from its first to its last user.

    Args:
        plan: what to run.
        report: told once how the first start went: ``{}`` or ``{"kind": …, "log": …}``.
    """

    def __init__(self, plan: Plan, report: Callable[[dict[str, str]], None]) -> None:
        self._plan = plan
        self._layout = Layout(Path(plan.home), Path(plan.place))
        self._report = report
        self._unused = threading.Event()
        self._postmaster: Postmaster | None = None
        self._home_lock: FileLock | None = None

    def run(self) -> None:
        """Start the server, keep it up while it has users, stop it and return."""
        try:
            lock = FileLock.acquire(self._layout.supervisor_lock, deadline=time.monotonic() + _LOCK_PATIENCE)
        except LockTimeoutError:
            self._report({"kind": "remnant", "log": "Another supervisor is still there."})
            return
        try:
            self._serve()
        finally:
            if self._postmaster is not None:
                self._postmaster.stop()
            self._layout.withdraw()
            lock.release()
            if self._home_lock is not None:
                self._home_lock.release()

    def _serve(self) -> None:
        threading.Thread(target=self._await_users, name="users", daemon=True).start()
        try:
            self._start(self._plan.port or free_port(), self._plan.timeout)
        except StartFailure as failure:
            self._report({"kind": failure.kind, "log": failure.log})
            return
        self._report({})
        if self._plan.fresh:
            threading.Thread(target=os.sync, name="sync", daemon=True).start()
        self._attend()

    def _attend(self) -> None:
        deaths: list[float] = []
        while self._postmaster is not None:
            port = self._postmaster.port
            if self._unused.is_set():
                self._postmaster.stop()
            code = self._postmaster.wait()
            self._layout.withdraw()
            self._postmaster = None
            if self._unused.is_set():
                return
            deaths = [*(at for at in deaths if at > time.monotonic() - _DEATHS_WINDOW), time.monotonic()]
            _log(f"The postmaster ended by itself (code {code}).")
            if len(deaths) > _DEATHS_ALLOWED:
                _log(f"That was {len(deaths)} times in {_DEATHS_WINDOW:.0f} s; it is not started again.")
                return
            self._unused.wait(0.1 * (4 ** (len(deaths) - 1)) if len(deaths) > 1 else 0.0)
            self._restart(port)

    def _restart(self, port: int) -> None:
        end_server(self._layout.data, self._layout.title)
        try:
            self._start(port, RECOVERY_PATIENCE)
        except StartFailure as failure:
            _log(f"It cannot be started again ({failure.kind}): {failure.log}")

    def _start(self, port: int, timeout: float) -> None:
        """Launch on this port or, if somebody has it, on another; publish the result."""
        for attempt in range(1, _PORT_TRIES + 1):
            try:
                self._postmaster = Postmaster.launch(
                    self._plan.order, port, timeout=timeout, cancelled=self._unused.is_set
                )
                break
            except StartFailure as failure:
                if attempt == _PORT_TRIES or failure.kind not in ("port", "remnant"):
                    raise
                if failure.kind == "remnant":
                    end_server(self._layout.data, self._layout.title)
                else:
                    port = free_port()
        self._publish()

    def _publish(self) -> None:
        if self._postmaster is None:
            return
        self._layout.publish(
            ServerState(
                supervisor=_identity(os.getpid()),
                postmaster=_identity(self._postmaster.pid),
                port=self._postmaster.port,
                version=self._plan.version,
            )
        )

    def _await_users(self) -> None:
        """Wait until nobody uses the server, then end it.

        The home stays locked from the moment nobody was found until the server is gone, so that who comes
        meanwhile waits and then starts a new one. As long as it recovers the home is open: who comes waits for this recovery.
        """
        while True:
            for file in live_users(self._layout.users):
                _await_release(file)
            if recovers(self._plan.order):
                time.sleep(_LOOK_EVERY)
                continue
            try:
                lock = FileLock.acquire(self._layout.lock)
            except OSError:
                break
            if not live_users(self._layout.users, sweep=True):
                self._home_lock = lock
                break
            lock.release()
        self._unused.set()
        if (postmaster := self._postmaster) is not None:
            postmaster.stop()


def _await_release(file: Path) -> None:
    try:
        FileLock.acquire(file, shared=True).release()
    except OSError:
        return


def _identity(pid: int) -> ProcessIdentity:
    return identify(pid) or ProcessIdentity(pid, "")


def _log(message: str) -> None:
    sys.stderr.write(f"{time.strftime('%Y-%m-%d %H:%M:%S', time.gmtime())} UTC {message}\n")
    sys.stderr.flush()


def main() -> None:
    """Entry of the process: a plan on standard input, one line of JSON on standard output, then on its own.

    It leaves the caller's session and ignores what is meant for the caller (Ctrl-C, a hang-up, SIGTERM to a
    whole service): while users live they need the server, and their end is the one reason to stop.
    """
    plan = Plan.decode(sys.stdin.buffer.read())
    if os.fork():
        os._exit(0)
    os.chdir("/")
    for number in _UNWANTED:
        signal.signal(number, _ignore)
    _give_up_stream(0)
    Supervisor(plan, _report).run()


def _ignore(_number: int, _frame: FrameType | None) -> None:
    """As a handler, unlike SIG_IGN, it is not passed on to the postmaster."""


def _report(outcome: dict[str, str]) -> None:
    with suppress(BrokenPipeError):  # who asked may be gone
        os.write(1, json.dumps(outcome).encode() + b"\n")
    _give_up_stream(1)


def _give_up_stream(descriptor: int) -> None:
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, descriptor)
    os.close(nothing)
