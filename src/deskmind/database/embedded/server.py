"""A user's handle on the home's server."""

from __future__ import annotations

import fcntl
import json
import os
import select
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

from deskmind import errors
from deskmind.database.embedded import cluster, processes
from deskmind.database.embedded.places import Places, storage_error
from deskmind.errors import EmbeddedServerError

__all__ = ["EmbeddedServer", "EmbeddedStatus", "status"]


@dataclass(frozen=True, slots=True)
class EmbeddedStatus:
    """What is known of a home's server without starting it.

    Attributes:
        initialised: whether a cluster was made.
        running: whether its postmaster lives.
        pid: of the postmaster.
        port: on the loopback interface.
        supervisor: pid of the supervisor.
        version: major version of the cluster.
        data_directory: where the cluster lies.
    """

    initialised: bool
    running: bool
    pid: int | None
    port: int | None
    supervisor: int | None
    version: str | None
    data_directory: Path


class EmbeddedServer:
    """The running server of a home, for as long as this handle is held.

    Attributes:
        home: the data folder given.
        data_directory: the cluster's folder.
        host: always the loopback address.
    """

    host = "127.0.0.1"

    def __init__(self, home: Path, places: Places, users_lock: int) -> None:
        self.home = home
        self.data_directory = places.data
        self.version = cluster.MAJOR
        self._places = places
        self._users_lock: int | None = users_lock
        self._stopping = threading.Event()

    @classmethod
    def start(cls, home: Path, *, startup_timeout: float = 60.0) -> EmbeddedServer:
        """Join the home's server, starting it when it does not run. Blocking: first start about 2 s.

        Raises:
            EmbeddedServerError: it cannot be started; the message quotes its log.
            StorageFullError: no space is left.
            MissingExtraError: the extra ``embedded`` is not installed.
        """
        places = Places.of(home.absolute())
        try:
            users_lock = os.open(places.users_lock, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise storage_error(error, places.control) from error
        try:
            fcntl.flock(users_lock, fcntl.LOCK_SH)
            server = cls(home.absolute(), places, users_lock)
            server._ensure_running(startup_timeout)
        except BaseException:
            os.close(users_lock)
            raise
        threading.Thread(target=server._guard, name="deskmind-embedded", daemon=True).start()
        return server

    @property
    def port(self) -> int:
        """Where it listens now."""
        return int(_read_state(self._places).get("port", 0))

    @property
    def alive(self) -> bool:
        """Whether the postmaster lives."""
        state = _read_state(self._places)
        return bool(state) and processes.is_same(state["pid"], state["started"])

    def conninfo(self, *, dbname: str = "postgres", user: str | None = None, password: str | None = None) -> str:
        """A libpq URI; without ``user`` the superuser's."""
        if user is None:
            user, password = cluster.SUPERUSER, self._places.password.read_text("utf-8")
        secret = f":{quote(password, safe='')}" if password else ""
        return f"postgresql://{quote(user, safe='')}{secret}@{self.host}:{self.port}/{quote(dbname, safe='')}"

    def stop(self) -> None:
        """Let go of the server; it stops when nobody else holds it. May be called again."""
        self._stopping.set()
        if self._users_lock is not None:
            os.close(self._users_lock)
            self._users_lock = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _ensure_running(self, timeout: float) -> None:
        """Start a supervisor unless one lives; only one process at a time decides that."""
        descriptor = os.open(self._places.start_lock, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            if _held(self._places.supervisor_lock) and self._wait_alive(timeout):
                return
            self._spawn(timeout)
        finally:
            os.close(descriptor)

    def _wait_alive(self, timeout: float) -> bool:
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline and _held(self._places.supervisor_lock):
            if self.alive:
                return True
            select.select([], [], [], 0.02)
        return False

    def _spawn(self, timeout: float) -> None:
        reader, writer = os.pipe()
        os.set_inheritable(writer, True)
        try:
            process = subprocess.Popen(
                [sys.executable, "-m", "deskmind.database.embedded.supervisor", str(self.home), str(writer)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd="/",
                pass_fds=(writer,),
                start_new_session=True,
            )
        finally:
            os.close(writer)
        # a thread reaps it, so that it never stands as a zombie while we live
        threading.Thread(target=process.wait, daemon=True).start()
        try:
            _await_report(reader, timeout, self._places)
        finally:
            os.close(reader)

    def _guard(self) -> None:
        """Sleep until the supervisor is gone; while we still need the server, have another adopt or start it."""
        while not self._stopping.is_set():
            try:
                descriptor = os.open(self._places.supervisor_lock, os.O_RDWR)
            except OSError:
                return
            try:
                fcntl.flock(descriptor, fcntl.LOCK_SH)
            finally:
                os.close(descriptor)
            if self._stopping.is_set():
                return
            try:
                self._ensure_running(60.0)
            except errors.DeskmindError:
                return


def status(home: Path) -> EmbeddedStatus:
    """Look at a home without starting or making anything."""
    control = home.absolute() / "postgres"
    location = control / "location"
    folder = Path(location.read_text("utf-8").strip()) if location.exists() else control
    data = folder / "data"
    try:
        version: str | None = (data / "PG_VERSION").read_text("utf-8").strip()
    except OSError:
        version = None
    state = _load(control / "state.json")
    running = bool(state) and processes.is_same(state["pid"], state["started"])
    return EmbeddedStatus(
        initialised=version is not None,
        running=running,
        pid=state["pid"] if running else None,
        port=state["port"] if running else None,
        supervisor=state["supervisor"] if running else None,
        version=version,
        data_directory=data,
    )


def _read_state(places: Places) -> dict[str, Any]:
    return _load(places.state)


def _load(path: Path) -> dict[str, Any]:
    try:
        state = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    usable = isinstance(state, dict) and {"pid", "started", "port", "supervisor"} <= set(state)
    return state if usable else {}


def _held(lock: Path) -> bool:
    """Whether some process holds the lock exclusively."""
    try:
        descriptor = os.open(lock, os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _await_report(reader: int, timeout: float, places: Places) -> None:
    ready, _, _ = select.select([reader], [], [], timeout)
    content = os.read(reader, 65_536) if ready else b""
    if content == b'"ready"':
        return
    if not content:
        raise EmbeddedServerError(
            "The embedded database did not start in time.",
            why=cluster.tail(places.log) or "Its supervisor ended without a word.",
            remedy=f"The server's log is {places.log}.",
        )
    report = json.loads(content)
    what, why, remedy = report["problem"]
    raise getattr(errors, report["class"], EmbeddedServerError)(what, why=why, remedy=remedy)
