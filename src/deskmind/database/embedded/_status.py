"""Looking at an embedded server without touching it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from deskmind.database.embedded._failures import explained
from deskmind.database.embedded._layout import Layout, ServerState
from deskmind.database.embedded._locks import is_locked, live_users
from deskmind.database.embedded._processes import is_running

__all__ = ["EmbeddedStatus", "status"]


@dataclass(frozen=True, slots=True)
class EmbeddedStatus:
    """What is known about the embedded server of a home.

    Attributes:
        initialised: whether its cluster exists.
        running: whether it accepts connections.
        pid: of the postmaster; None when it does not run.
        port: on 127.0.0.1; None when it does not run.
        users: process ids of those who use it.
        version: of PostgreSQL: in full (``18.6``) when it runs, else the cluster's major version, else empty.
        data_directory: where the data is, or would be.
    """

    initialised: bool
    running: bool
    pid: int | None
    port: int | None
    users: tuple[int, ...]
    version: str
    data_directory: Path


def status(home: Path) -> EmbeddedStatus:
    """The state of a home's embedded server; starts and changes nothing, waits for nobody.

    Raises:
        EmbeddedServerError: the home cannot be read.
    """
    with explained(home):
        layout = Layout.of(home)
        state = _running(layout)
        return EmbeddedStatus(
            initialised=layout.initialised,
            running=state is not None,
            pid=state.postmaster.pid if state else None,
            port=state.port if state else None,
            users=tuple(sorted({int(file.name.partition(".")[0]) for file in live_users(layout.users)})),
            version=state.version if state else _major(layout),
            data_directory=layout.data,
        )


def _running(layout: Layout) -> ServerState | None:
    state = layout.read_state()
    if state is None or not is_locked(layout.supervisor_lock) or not is_running(state.postmaster):
        return None
    return state


def _major(layout: Layout) -> str:
    try:
        return (layout.data / "PG_VERSION").read_text("ascii", "replace").strip()
    except FileNotFoundError:
        return ""
