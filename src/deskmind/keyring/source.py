"""Where keys are kept: a file only its owner may read, memory, or a service behind the same protocol."""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
import threading
import time
from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol

from deskmind.errors import KeyringError

__all__ = ["FileKeySource", "KeySource", "MemoryKeySource"]

_LOCK_WAIT_SECONDS = 10.0
_LOCK_POLL_SECONDS = 0.02


class KeySource(Protocol):
    """Loads and saves the serialised key set; the hook for a secret store or key management service.

    ``str()`` of a source says where it is, for error messages.
    """

    def load(self) -> bytes | None:
        """The key set, None when there is none yet."""
        ...

    def save(self, content: bytes) -> None:
        """Replace the key set durably and atomically."""
        ...

    def locked(self) -> AbstractContextManager[None]:
        """Keep others from changing it meanwhile."""
        ...

    def revision(self) -> object:
        """Something cheap that differs once the key set was replaced; a constant means "never reread"."""
        ...


class MemoryKeySource:
    """Keys that last as long as the process; for tests and single scripts."""

    def __init__(self) -> None:
        self._content: bytes | None = None
        self._saved = 0
        self._lock = threading.RLock()

    def load(self) -> bytes | None:
        """The key set."""
        return self._content

    def save(self, content: bytes) -> None:
        """Keep the key set."""
        self._content = content
        self._saved += 1

    def locked(self) -> AbstractContextManager[None]:
        """Keep other threads out."""
        return _held(self._lock)

    def revision(self) -> object:
        """How often it was saved."""
        return self._saved

    def __str__(self) -> str:
        return "memory"


class FileKeySource:
    """A file with mode 0600, replaced atomically, locked between processes.

    Args:
        path: the file; ``{name}.lock`` and, while it is written, ``.{name}.new`` stand beside it.
        lock_wait: seconds to wait for another process that holds the lock.
    """

    def __init__(self, path: Path, *, lock_wait: float = _LOCK_WAIT_SECONDS) -> None:
        self._path = path
        self._lock_wait = lock_wait

    def load(self) -> bytes | None:
        """The file's content, None when there is no file.

        Raises:
            KeyringError: it is a link, others may read it, or it cannot be read.
        """
        try:
            descriptor = os.open(self._path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except FileNotFoundError:
            return None
        except OSError as error:
            if self._path.is_symlink():
                raise self._not_plain() from None
            raise self._unreadable(error) from error
        try:
            self._check(os.fstat(descriptor))
            with os.fdopen(descriptor, "rb", closefd=False) as file:
                return file.read()
        except OSError as error:
            raise self._unreadable(error) from error
        finally:
            os.close(descriptor)

    def save(self, content: bytes) -> None:
        """Write beside, flush to disk, rename over, flush the folder.

        Raises:
            KeyringError: it cannot be written; what was there is intact.
        """
        fresh = self._path.with_name(f".{self._path.name}.new")
        try:
            fresh.unlink(missing_ok=True)
            descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                _give_to_owner_of(self._path.parent, file.fileno())
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(self._path)
            _flush_folder(self._path.parent)
        except OSError as error:
            with contextlib.suppress(OSError):
                fresh.unlink(missing_ok=True)
            raise KeyringError(
                f"{self._path} cannot be written.",
                why=f"{error.strerror}.",
                remedy="Check that the folder exists, is yours, and has space.",
            ) from error

    @contextmanager
    def locked(self) -> Generator[None]:
        """Hold the lock file beside the key file.

        Raises:
            KeyringError: the folder cannot be used, or another process holds the lock for too long.
        """
        descriptor = self._open_lock()
        try:
            self._acquire(descriptor)
            yield
        finally:
            os.close(descriptor)

    def revision(self) -> object:
        """Inode, size, times and mode of the file, None when there is none."""
        try:
            facts = self._path.lstat()
        except OSError:
            return None
        return facts.st_ino, facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns, facts.st_mode

    def __str__(self) -> str:
        return str(self._path)

    def _check(self, facts: os.stat_result) -> None:
        if not stat.S_ISREG(facts.st_mode):
            raise self._not_plain()
        if facts.st_mode & 0o077:
            raise KeyringError(
                f"{self._path} can be read by others.",
                why=f"Its mode is {stat.S_IMODE(facts.st_mode):04o}.",
                remedy=f"chmod 600 {self._path}",
            )

    def _not_plain(self) -> KeyringError:
        return KeyringError(
            f"{self._path} is not a plain file.",
            why="Keys are not read through links.",
            remedy="Put the file itself there.",
        )

    def _unreadable(self, error: OSError) -> KeyringError:
        return KeyringError(
            f"{self._path} cannot be read.",
            why=f"{error.strerror}.",
            remedy="Run as the user who owns it, or restore it from your backup.",
        )

    def _open_lock(self) -> int:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            lock = self._path.with_name(f"{self._path.name}.lock")
            descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise KeyringError(
                f"The folder of {self._path} cannot be used.",
                why=f"{error.strerror}.",
                remedy="Choose a folder that you may write to with --home or DESKMIND_HOME.",
            ) from error
        _give_to_owner_of(self._path.parent, descriptor)
        return descriptor

    def _acquire(self, descriptor: int) -> None:
        deadline = time.monotonic() + self._lock_wait
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    raise KeyringError(
                        f"{self._path} is locked by another process.",
                        why=f"It did not let go within {self._lock_wait:g} seconds.",
                        remedy=f"Find it with: fuser {self._path}.lock",
                    ) from None
                time.sleep(_LOCK_POLL_SECONDS)
            except OSError as error:
                raise KeyringError(
                    f"{self._path} cannot be locked.",
                    why=f"{error.strerror}.",
                    remedy="Choose a folder on a file system with locks, with --home or DESKMIND_HOME.",
                ) from error
            else:
                return


@contextmanager
def _held(lock: threading.RLock) -> Generator[None]:
    with lock:
        yield


def _give_to_owner_of(folder: Path, descriptor: int) -> None:
    # Root acting in somebody's folder (sudo) must not leave files there that its owner cannot read.
    owner = folder.stat()
    if os.geteuid() == 0 and os.fstat(descriptor).st_uid != owner.st_uid:
        os.fchown(descriptor, owner.st_uid, owner.st_gid)


def _flush_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
