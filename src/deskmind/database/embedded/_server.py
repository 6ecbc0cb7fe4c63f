"""The use of an embedded server by one process."""

from __future__ import annotations

import errno
import os
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

from deskmind.database.embedded._cluster import SUPERUSER
from deskmind.database.embedded._failures import explained
from deskmind.database.embedded._launch import ensure_running
from deskmind.database.embedded._layout import Layout, ServerState
from deskmind.database.embedded._locks import (
    FileLock,
    LockTimeoutError,
    is_locked,
    live_users,
    register_user,
)
from deskmind.database.embedded._postmaster import HOST
from deskmind.database.embedded._processes import end_server, is_running
from deskmind.errors import DeskmindError, EmbeddedServerError

__all__ = ["EmbeddedServer"]

_LOOK_EVERY = 0.5
_REVIVE_TIMEOUT = 60.0
_STOP_TIMEOUT = 45.0
_LONGEST_PAUSE = 30.0
_RESTART_PATIENCE = 10.0
_ANSWER_TIMEOUT = 5.0
# No TLS on the loopback interface; and no answer to a server that asks for the password itself.
_OPTIONS = "sslmode=disable&gssencmode=disable&require_auth=scram-sha-256"


class EmbeddedServer:
    """A running PostgreSQL that belongs to a home. Made by ``start``, given back by ``stop`` or ``with``.

    Methods block; asynchronous callers use ``asyncio.to_thread``. A forked child does not inherit the use.

    >>> with EmbeddedServer.start(Path("~/desk")) as server:  # doctest: +SKIP
    ...     connection = psycopg.connect(server.conninfo())

    Attributes:
        home: the home, absolute.
        host: ``127.0.0.1``.
    """

    host: str = HOST

    def __init__(
        self,
        layout: Layout,
        state: ServerState,
        use: FileLock,
        on_lost: Callable[[EmbeddedServerError], None] | None = None,
    ) -> None:
        self.home = layout.home
        self._on_lost = on_lost
        self._layout = layout
        self._state = state
        self._use = use
        self._process = os.getpid()
        self._stopping = threading.Event()
        self._watch = threading.Thread(target=self._watch_supervisor, name="deskmind-embedded", daemon=True)
        self._watch.start()

    @classmethod
    def start(
        cls,
        home: Path,
        *,
        startup_timeout: float = 60.0,
        on_lost: Callable[[EmbeddedServerError], None] | None = None,
    ) -> EmbeddedServer:
        """Join the server of a home, or make and start it.

        Args:
            home: Deskmind's home; made if absent.
            startup_timeout: seconds to wait, for others who are starting or stopping it too. A recovery that takes longer goes on, and
                whoever comes next waits for it.
            on_lost: called once, in another thread, when the home or the database in it is removed while this process uses it:
                no new one is made in its place, and the server is gone for this process.

        Raises:
            MissingExtraError: the extra ``embedded`` is not installed.
            StorageFullError: the disk is full.
            EmbeddedServerError: it cannot be started; the error says why and what to do.
        """
        deadline = time.monotonic() + startup_timeout
        home = home.expanduser().absolute()
        with explained(home):
            layout = _open(home)
            with FileLock.acquire(layout.lock, deadline=deadline):
                live_users(layout.users, sweep=True)
                use = register_user(layout.users)
                try:
                    layout, state = _join(layout, deadline)
                except BaseException:
                    _end_use(use)
                    raise
        return cls(layout, state, use, on_lost)

    @property
    def data_directory(self) -> Path:
        """PostgreSQL's data directory."""
        return self._layout.data

    @property
    def port(self) -> int:
        """The TCP port; another one only if the server died and somebody took its port meanwhile."""
        return self._current().port

    @property
    def version(self) -> str:
        """PostgreSQL's version, such as ``18.6``."""
        return self._current().version

    @property
    def alive(self) -> bool:
        """Whether we use the server and it runs; False while it is being restarted."""
        state = self._layout.read_state()
        return (
            not self._stopping.is_set()
            and self._process == os.getpid()
            and state is not None
            and is_locked(self._layout.supervisor_lock)
            and is_running(state.postmaster)
        )

    def conninfo(
        self, *, dbname: str = "postgres", user: str | None = None, password: str | None = None
    ) -> str:
        """A libpq address.

        Args:
            dbname: the database.
            user: by default the superuser ``deskmind_superuser``, with its password.
            password: of ``user``; None leaves it out.

        Raises:
            EmbeddedServerError: the superuser's password cannot be read.
        """
        if user is None:
            user = SUPERUSER
            with explained(self.home):
                password = self._layout.password.read_text("utf-8") if password is None else password
        secret = "" if password is None else f":{quote(password, safe='')}"
        who = f"{quote(user, safe='')}{secret}"
        return f"postgresql://{who}@{self.host}:{self.port}/{quote(dbname, safe='')}?{_OPTIONS}"

    def stop(self) -> None:
        """Give our use back; the last user waits until the server is shut down. Again does nothing.

        Raises:
            EmbeddedServerError: the server does not end.
        """
        if self._stopping.is_set() or self._process != os.getpid():
            return
        self._stopping.set()
        if self._watch.is_alive() and self._watch is not threading.current_thread():
            self._watch.join()
        _end_use(self._use)
        with explained(self.home):
            self._await_end(time.monotonic() + _STOP_TIMEOUT)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _current(self) -> ServerState:
        self._state = self._layout.read_state() or self._state
        return self._state

    def _await_end(self, deadline: float) -> None:
        layout = self._layout
        while is_locked(layout.supervisor_lock):
            if live_users(layout.users):
                return
            if time.monotonic() > deadline:
                raise EmbeddedServerError(
                    f"The embedded database in {self.home} does not shut down.",
                    why=f"Its supervisor (process {self._state.supervisor.pid}) still runs.",
                    remedy=f"See {layout.supervisor_log}; ending that process ends the server.",
                )
            time.sleep(0.01)
        if not layout.root.exists():
            return
        with FileLock.acquire(layout.lock, deadline=deadline):
            if not live_users(layout.users) and not is_locked(layout.supervisor_lock):
                end_server(layout.data, layout.title)

    def _watch_supervisor(self) -> None:
        """The supervisor watches us; if it dies before us, start another."""
        pause = _LOOK_EVERY
        while not self._stopping.wait(pause):
            if (lost := self._lost()) is not None:
                if self._on_lost is not None:
                    self._on_lost(lost)
                return
            if is_locked(self._layout.supervisor_lock):
                pause = _LOOK_EVERY
                continue
            try:
                self._revive()
                pause = _LOOK_EVERY
            except (DeskmindError, OSError, LockTimeoutError):
                pause = min(pause * 2, _LONGEST_PAUSE)

    def _lost(self) -> EmbeddedServerError | None:
        """Why the home is not the one that we came to; a new database in it would be another, and empty."""
        if not self._use.in_place:
            why = f"The folder {self._layout.root} was removed or moved while this process used it."
        elif not self._layout.initialised:
            why = f"Its files in {self._layout.data} were removed while this process used them."
        else:
            return None
        return EmbeddedServerError(
            f"The embedded database in {self.home} is gone.",
            why=why,
            remedy="Put the home back, from a backup if need be, and start Deskmind again; without it a new and empty one is made.",
        )

    def _revive(self) -> None:
        deadline = time.monotonic() + _REVIVE_TIMEOUT
        with FileLock.acquire(self._layout.lock, deadline=deadline):
            if not self._stopping.is_set():
                self._layout, self._state = ensure_running(
                    self._layout, deadline=deadline, port=self._state.port
                )


def _open(home: Path) -> Layout:
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    layout = Layout.of(home)
    layout.root.mkdir(mode=0o700, exist_ok=True)
    layout.users.mkdir(mode=0o700, exist_ok=True)
    return layout


def _end_use(use: FileLock) -> None:
    use.path.unlink(missing_ok=True)
    use.release()


def _join(layout: Layout, deadline: float) -> tuple[Layout, ServerState]:
    """The running server, once it answers.

    One that is alive by its locks and does not answer is being started again, or is in another network.
    """
    patience = min(deadline, time.monotonic() + _RESTART_PATIENCE)
    while True:
        layout, state = ensure_running(layout, deadline=deadline)
        try:
            socket.create_connection((HOST, state.port), timeout=_ANSWER_TIMEOUT).close()
        except OSError as error:
            if error.errno in (errno.EMFILE, errno.ENFILE):
                raise
            if time.monotonic() > patience:
                raise EmbeddedServerError(
                    f"The embedded database in {layout.home} runs, but cannot be reached from here.",
                    why=f"It was started from another container or network that shares the home ({error}).",
                    remedy="Give each container its own --home, or let them share an external database.",
                ) from error
            time.sleep(0.05)
        else:
            return layout, state
