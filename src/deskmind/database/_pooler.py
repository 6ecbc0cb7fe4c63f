"""Telling a connection pooler from a server."""

from __future__ import annotations

from deskmind.errors import ConfigurationError

__all__ = ["ASK_PID", "require_direct"]

ASK_PID = "SELECT pg_backend_pid()"


def require_direct(announced: int, answering: int) -> None:
    """Refuse what needs one server process from beginning to end, where there is a pooler.

    Args:
        announced: the process id that the connection was given when it was made.
        answering: the one that ``ASK_PID`` gave.

    Raises:
        ConfigurationError: they differ, so something stands between us and the server.
    """
    if announced != answering:
        raise ConfigurationError(
            "Migrations cannot be run through a connection pooler.",
            why="They hold a lock and a role for the session, which a pooler hands from client to client.",
            remedy="Set DESKMIND_DATABASE_OWNER_URL to the server's own address for this command.",
        )
