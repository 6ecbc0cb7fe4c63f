"""File locks: the one truth about who is alive, since the kernel drops them with their process."""

from __future__ import annotations

import errno
import fcntl
import os
import secrets
import time
from pathlib import Path
from weakref import WeakSet

__all__ = ["FileLock", "LockTimeoutError", "is_locked", "live_users", "register_user"]

_BUSY = (errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES)
_held: WeakSet[FileLock] = WeakSet()


class LockTimeoutError(Exception):
    """Somebody else kept a lock for longer than we wanted to wait."""


class FileLock:
    """A ``flock`` on an open file; ends with ``release`` or with the process."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self._descriptor: int | None = descriptor
        _held.add(self)

    @classmethod
    def acquire(cls, path: Path, *, deadline: float | None = None, shared: bool = False) -> FileLock:
        """Wait for the lock.

        Args:
            path: the file, made if absent (mode 0600).
            deadline: on ``time.monotonic``; None waits for ever.
            shared: share it with other shared holders.

        Raises:
            LockTimeoutError: the deadline passed.
            OSError: the file cannot be opened or its file system has no locks.
        """
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            _lock(descriptor, fcntl.LOCK_SH if shared else fcntl.LOCK_EX, deadline)
        except BaseException:
            os.close(descriptor)
            raise
        return cls(path, descriptor)

    @property
    def in_place(self) -> bool:
        """Whether the file is where it was; False once it, or a folder that it is in, was removed or moved."""
        if self._descriptor is None:
            return False
        try:
            return os.path.samestat(self.path.stat(), os.fstat(self._descriptor))
        except (FileNotFoundError, NotADirectoryError):
            return False

    def release(self) -> None:
        """Give the lock up; again does nothing."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)

    def __enter__(self) -> FileLock:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


def _lock(descriptor: int, mode: int, deadline: float | None) -> None:
    if deadline is None:
        fcntl.flock(descriptor, mode)
        return
    pause = 0.005
    while not _try(descriptor, mode):
        if time.monotonic() > deadline:
            raise LockTimeoutError
        time.sleep(pause)
        pause = min(pause * 1.5, 0.05)


def _try(descriptor: int, mode: int) -> bool:
    try:
        fcntl.flock(descriptor, mode | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in _BUSY:
            return False
        raise
    return True


def is_locked(path: Path) -> bool:
    """Whether a living process holds the file's lock exclusively."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        return not _try(descriptor, fcntl.LOCK_SH)
    finally:
        os.close(descriptor)


def register_user(users: Path) -> FileLock:
    """Count this process among the users: a locked file named after it. The home must be locked."""
    return FileLock.acquire(users / f"{os.getpid()}.{secrets.token_hex(6)}")


def live_users(users: Path, *, sweep: bool = False) -> list[Path]:
    """The files of users that are alive.

    Args:
        users: the folder of user files.
        sweep: remove the files of dead users; only for a holder of the home's lock.
    """
    try:
        files = sorted(users.iterdir())
    except FileNotFoundError:
        return []
    alive = [file for file in files if is_locked(file)]
    if sweep:
        for file in set(files).difference(alive):
            file.unlink(missing_ok=True)
    return alive


def _forget() -> None:
    """A forked child shares its parent's locks; it must not keep them when the parent dies."""
    for lock in list(_held):
        lock.release()


os.register_at_fork(after_in_child=_forget)
