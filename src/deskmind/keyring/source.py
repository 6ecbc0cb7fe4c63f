"""Where keys are kept: a file only its owner may read, memory, or a service behind the same protocol."""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol

from deskmind.errors import KeyringError

__all__ = ["FileKeySource", "KeySource", "MemoryKeySource"]


class KeySource(Protocol):
    """Loads and saves the serialised key set; the hook for a key management service."""

    def load(self) -> bytes | None:
        """The key set, None when there is none yet."""
        ...

    def save(self, content: bytes) -> None:
        """Replace the key set durably."""
        ...

    def locked(self) -> AbstractContextManager[None]:
        """Keep others from changing it meanwhile."""
        ...


class MemoryKeySource:
    """Keys that last as long as the process; for tests and single scripts."""

    def __init__(self) -> None:
        self._content: bytes | None = None

    def load(self) -> bytes | None:
        """The key set."""
        return self._content

    def save(self, content: bytes) -> None:
        """Keep the key set."""
        self._content = content

    @contextmanager
    def locked(self) -> Generator[None]:
        """Nothing to lock."""
        yield


class FileKeySource:
    """A file with mode 0600, replaced atomically, locked between processes."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def load(self) -> bytes | None:
        """The file's content.

        Raises:
            KeyringError: it is a link, others may read it, or it cannot be read.
        """
        try:
            facts = self._path.lstat()
        except FileNotFoundError:
            return None
        if not stat.S_ISREG(facts.st_mode):
            raise KeyringError(
                f"{self._path} is not a plain file.",
                why="Keys are not read through links.",
                remedy="Put the file itself there.",
            )
        if facts.st_mode & 0o077:
            raise KeyringError(
                f"{self._path} can be read by others.",
                why=f"Its mode is {stat.S_IMODE(facts.st_mode):04o}.",
                remedy=f"chmod 600 {self._path}",
            )
        try:
            return self._path.read_bytes()
        except OSError as error:
            raise KeyringError(f"{self._path} cannot be read.", why=f"{error.strerror}.") from error

    def save(self, content: bytes) -> None:
        """Write beside, flush to disk, rename over."""
        temporary = self._path.with_name(f".{self._path.name}.{os.getpid()}")
        try:
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(self._path)
        except OSError as error:
            temporary.unlink(missing_ok=True)
            raise KeyringError(
                f"{self._path} cannot be written.",
                why=f"{error.strerror}.",
                remedy="Check that the folder exists, is yours, and has space.",
            ) from error

    @contextmanager
    def locked(self) -> Generator[None]:
        """Hold the lock file beside the key file."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            descriptor = os.open(self._path.with_name(f"{self._path.name}.lock"), os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise KeyringError(
                f"The folder of {self._path} cannot be used.",
                why=f"{error.strerror}.",
                remedy="Choose a folder that you may write to with --home or DESKMIND_HOME.",
            ) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)
