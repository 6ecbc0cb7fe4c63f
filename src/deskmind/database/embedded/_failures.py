"""What can go wrong below PostgreSQL's protocol, and how it is told."""

from __future__ import annotations

import errno
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from deskmind.database.embedded._locks import LockTimeoutError
from deskmind.errors import DeskmindError, EmbeddedServerError, StorageFullError

__all__ = ["StartFailure", "classify", "explained", "program_failure", "storage_full"]

_FULL = (errno.ENOSPC, errno.EDQUOT)
_FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS)
_LOCKLESS = (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS)
_SIGNS = (
    ("storage", ("No space left on device", "Disk quota exceeded")),
    ("port", ("Address already in use", "could not create any TCP/IP sockets")),
    ("remnant", ("pre-existing shared memory block", 'lock file "postmaster.pid" already exists')),
    ("shared-memory", ("could not create shared memory segment", "could not map anonymous shared memory")),
)


class StartFailure(Exception):
    """The postmaster did not come up.

    Attributes:
        kind: ``storage``, ``port``, ``remnant``, ``shared-memory``, ``timeout``, ``cancelled`` or ``other``.
        log: the end of what it said.
    """

    def __init__(self, kind: str, log: str = "") -> None:
        self.kind = kind
        self.log = log
        super().__init__(kind, log)


def classify(log: str) -> str:
    """The kind of failure that PostgreSQL's messages (in English) tell of."""
    for kind, signs in _SIGNS:
        if any(sign in log for sign in signs):
            return kind
    return "other"


def storage_full(home: Path) -> StorageFullError:
    """No space for the database of a home."""
    return StorageFullError(
        "The embedded database needs more disk space.",
        why=f"No space is left on the disk that holds {home}, or the user's quota is used up.",
        remedy="Free at least 200 MB there, or give a --home on another disk. What was stored is intact.",
    )


def program_failure(what: str, log: str, home: Path) -> DeskmindError:
    """The error for a program of PostgreSQL that failed, from its messages."""
    kind = classify(log)
    if kind == "storage":
        return storage_full(home)
    if kind == "shared-memory":
        return EmbeddedServerError(
            what,
            why="The system does not give it the shared memory it needs.",
            remedy="Give the machine or container at least 512 MB of memory.",
            log=_end(log),
        )
    return EmbeddedServerError(
        what,
        why=f"PostgreSQL said: {_end(log) or 'nothing'}.",
        remedy=f"Its log is in {home / 'embedded'}; with a backup at hand, start again with a fresh --home.",
    )


def _end(log: str) -> str:
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    grave = [line for line in lines if "FATAL" in line or "PANIC" in line or "error:" in line]
    return " / ".join((grave or lines)[-2:])[-500:].rstrip(".")


@contextmanager
def explained(home: Path) -> Generator[None]:
    """Turn what the operating system refuses in a block into errors that say what to do.

    Raises:
        StorageFullError: no space or quota is left.
        EmbeddedServerError: the home cannot be written or locked, or others kept it locked.
    """
    try:
        yield
    except LockTimeoutError as error:
        raise EmbeddedServerError(
            "The embedded database did not become free in time.",
            why=f"Another process has been starting or stopping it in {home} all the while.",
            remedy="Try again in a moment; `deskmind status` shows who uses it.",
        ) from error
    except OSError as error:
        raise _explain(error, home) from error


def _explain(error: OSError, home: Path) -> DeskmindError:
    if error.errno in _FULL:
        return storage_full(home)
    if error.errno in _FORBIDDEN:
        return EmbeddedServerError(
            f"The home {home} cannot be used for the embedded database.",
            why=f"{error.strerror}: {error.filename or home}.",
            remedy="Make it writable for this user, or give another --home (DESKMIND_HOME).",
        )
    if error.errno in _LOCKLESS:
        return EmbeddedServerError(
            f"The home {home} cannot be used for the embedded database.",
            why="Its file system has no file locks.",
            remedy="Give a --home (DESKMIND_HOME) on a local disk.",
        )
    return EmbeddedServerError(
        f"The embedded database in {home} cannot be started.",
        why=f"The operating system refused: {error}.",
        remedy="Check that the home is an ordinary folder on a local disk, or give another --home.",
    )
