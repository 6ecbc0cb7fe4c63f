"""From nothing to a running server, in the process of the user who needs it. The home must be locked."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

import deskmind
from deskmind.database.embedded import _binaries
from deskmind.database.embedded._account import service_account
from deskmind.database.embedded._cluster import data_argument, prepare, prepare_place
from deskmind.database.embedded._failures import program_failure
from deskmind.database.embedded._layout import Layout, ServerState
from deskmind.database.embedded._locks import is_locked
from deskmind.database.embedded._postmaster import LaunchOrder
from deskmind.database.embedded._processes import end_server
from deskmind.database.embedded._supervisor import Plan
from deskmind.errors import DeskmindError, EmbeddedServerError

__all__ = ["ensure_running"]

_PACKAGE = Path(deskmind.__path__[0]).resolve()
_BOOTSTRAP = "database/embedded/_bootstrap.py"
_LOG_LIMIT = 2**20


def ensure_running(layout: Layout, *, deadline: float, port: int | None = None) -> tuple[Layout, ServerState]:
    """The server of a home: the one that runs, else a new one after cleaning up behind the last.

    Args:
        layout: the home, locked, with this process among its users.
        deadline: on ``time.monotonic``.
        port: where its users look for it, if a server that ended by itself left no word of where it was.

    Returns:
        the layout (its ``place`` may have been chosen just now) and the state.

    Raises:
        MissingExtraError: the binaries are not installed.
        StorageFullError: no space is left.
        EmbeddedServerError: it cannot be started.
        OSError: the home cannot be used.
    """
    if is_locked(layout.supervisor_lock) and (state := _await_state(layout, deadline)) is not None:
        return layout, state
    last = layout.read_state()
    layout.withdraw()
    plan = _plan(layout, last.port if last else port, deadline)
    layout = Layout(layout.home, Path(plan.place))
    outcome = _supervise(plan, layout, deadline)
    state = layout.read_state()
    if outcome or state is None:
        raise _failure(outcome, layout)
    return layout, state


def _await_state(layout: Layout, deadline: float) -> ServerState | None:
    """The state of a supervised server, which may be restarting; None if its supervisor ends meanwhile."""
    while (state := layout.read_state()) is None:
        if not is_locked(layout.supervisor_lock):
            return None
        if time.monotonic() > deadline:
            raise _failure({"kind": "timeout"}, layout)
        time.sleep(0.02)
    return state


def _plan(layout: Layout, port: int | None, deadline: float) -> Plan:
    account = service_account(layout.data)
    binaries = _binaries.find(account)
    layout = prepare_place(layout, account)
    if not end_server(layout.data, layout.title):
        raise EmbeddedServerError(
            f"The embedded database in {layout.home} cannot be started.",
            why="Processes of an earlier server are still there and cannot be ended.",
            remedy=f"Look for processes named {layout.title} and end them.",
        )
    fresh = prepare(layout, binaries, account)
    order = LaunchOrder(
        program=binaries.program("postgres"),
        data=str(layout.data),
        data_argument=data_argument(layout, account),
        title=layout.title,
        account=(account.uid, account.gid) if account else None,
        environment=_binaries.clean_environment(),
        log=str(layout.supervisor_log),
    )
    patience = max(1.0, deadline - time.monotonic())
    return Plan(str(layout.home), str(layout.place), order, binaries.version, port, patience, fresh)


def _supervise(plan: Plan, layout: Layout, deadline: float) -> dict[str, str]:
    """Start a supervisor; returns its report, ``{}`` for success."""
    with _open_log(layout.supervisor_log) as log:
        start = log.tell()
        process = subprocess.Popen(
            [_interpreter(), "-I", "-S", str(_PACKAGE / _BOOTSTRAP), str(_PACKAGE), plan.order.title],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            start_new_session=True,
            umask=0o077,
        )
    with process:
        assert process.stdin is not None
        assert process.stdout is not None
        with suppress(BrokenPipeError):
            process.stdin.write(plan.encode())
            process.stdin.close()
        line = _read_line(process.stdout.fileno(), deadline + 1.0)
    if line is None:
        return {"kind": "timeout"}
    return (
        json.loads(line) if line else {"kind": "supervisor", "log": _said_since(layout.supervisor_log, start)}
    )


def _interpreter() -> str:
    if not sys.executable:
        raise EmbeddedServerError(
            "The embedded database cannot be started from this program.",
            why="It needs a Python interpreter to run its supervisor, and sys.executable names none.",
            remedy="Start it with `deskmind serve` beside the program, or use an external database.",
        )
    return sys.executable


def _open_log(path: Path) -> IO[bytes]:
    if path.exists() and path.stat().st_size > _LOG_LIMIT:
        path.replace(path.with_suffix(".log.1"))
    return open(path, "ab", opener=lambda name, flags: os.open(name, flags, 0o600))


def _read_line(stream: int, deadline: float) -> bytes | None:
    """A line, what there is at the end of the stream, or None if the deadline passes first."""
    line = b""
    while not line.endswith(b"\n"):
        ready, _, _ = select.select([stream], [], [], max(0.0, deadline - time.monotonic()))
        if not ready:
            return None
        part = os.read(stream, 65536)
        if not part:
            break
        line += part
    return line


def _said_since(path: Path, start: int) -> str:
    with path.open("rb") as file:
        file.seek(start)
        return file.read()[-2000:].decode("utf-8", "replace")


def _failure(outcome: dict[str, Any], layout: Layout) -> DeskmindError:
    what = f"The embedded database in {layout.home} cannot be started."
    kind = outcome.get("kind", "other")
    if kind == "timeout":
        return _late(layout)
    if kind == "port":
        return EmbeddedServerError(
            what,
            why="No free TCP port was found on 127.0.0.1.",
            remedy="Check that the loopback interface is up and that programs may listen on it.",
        )
    return program_failure(what, outcome.get("log", ""), layout.home)


def _late(layout: Layout) -> EmbeddedServerError:
    what = f"The embedded database in {layout.home} did not get ready in time."
    if not is_locked(layout.supervisor_lock):
        return EmbeddedServerError(
            what,
            why="Its programs did not begin their work, as on a machine that is overloaded or a disk that does not answer.",
            remedy=f"Look for the reason in {layout.supervisor_log} and {layout.data / 'log'}, and try again.",
        )
    return EmbeddedServerError(
        what,
        why="After a crash it repeats what was not yet written to its files, which can take minutes. It goes on with that.",
        remedy="Try again in a while, or raise database.startup_timeout (DESKMIND_DATABASE_STARTUP_TIMEOUT), in a container above all: its"
        f" end would end the recovery. How far it is stands in {layout.data / 'log'}.",
    )
