"""The processes whose metrics are shown together, as a folder.

Each process has its memory there, locked while it lives; the kernel lets go of the lock however it ends. Whoever reads
adds the processes up. What a dead one counted goes into a base file first, once: the base names whom it holds, so that
being killed between writing it and removing the dead process's files counts nothing twice.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Self

import orjson

from deskmind.errors import UnavailableError
from deskmind.observability.logs import logger
from deskmind.observability.metering.families import Families, families_of, merge, stored, unstored
from deskmind.observability.metering.memory import SLOTS

__all__ = ["ProcessGroup"]

_BASE = "base.json"
_OWNER = "owner.lock"
_PREFIX = "deskmind-metrics-"
_FRESH_SECONDS = 60.0
_log = logger("deskmind.metrics")


class ProcessGroup:
    """See the module.

    Args:
        folder: private to the processes of one service on one machine, on a local disk or in memory.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._temporary = False
        self._locks: dict[str, int] = {}
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    @classmethod
    def new(cls) -> Self:
        """A group of its own, in memory where the system has a place for that; those of dead services are removed.

        Raises:
            OSError: there is no place.
        """
        shared = Path("/dev/shm")  # noqa: S108
        place = shared if shared.is_dir() else Path(tempfile.gettempdir())
        for folder in place.glob(f"{_PREFIX}*"):
            _remove_dead(folder)
        group = cls(Path(tempfile.mkdtemp(prefix=_PREFIX, dir=place)))
        group._temporary = group.elected(_OWNER)
        return group

    def elected(self, role: str) -> bool:
        """Whether this process has a role that only one of the group has; it stays so until the process ends."""
        if role in self._locks:
            return True
        file = os.open(self.folder / role, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(file)
            return False
        self._locks[role] = file
        return True

    def close(self) -> None:
        """Give up this process's roles; a folder that was made for the group goes."""
        for file in self._locks.values():
            os.close(file)
        self._locks.clear()
        if self._temporary:
            shutil.rmtree(self.folder, ignore_errors=True)

    def collect(self) -> Families:
        """The metrics of all processes. Blocks for some milliseconds: O(processes × series).

        Raises:
            UnavailableError: somebody removed the folder.
        """
        with self._alone():
            base, held = self._base()
            living: list[Path] = []
            ended: list[Path] = []
            for path in sorted(self.folder.glob("*.values")):
                if path.stem in held:
                    _remove(path)
                elif _lives(path):
                    living.append(path)
                else:
                    ended.append(path)
            if ended:
                self._fold(base, held, ended)
            for path in living:
                merge(base, _read(path))
        return base

    def _fold(self, base: Families, held: set[str], ended: list[Path]) -> None:
        for path in ended:
            merge(base, _read(path), lasting=True)
        held = {name for name in held if (self.folder / f"{name}.values").exists()}
        held |= {path.stem for path in ended}
        draft = self.folder / f"{_BASE}.draft"
        draft.write_bytes(orjson.dumps({"held": sorted(held), "families": stored(base)}))
        draft.replace(self.folder / _BASE)
        for path in ended:
            _remove(path)
        _log.info("metrics.processes_ended", processes=len(ended))

    def _base(self) -> tuple[Families, set[str]]:
        try:
            record: dict[str, Any] = orjson.loads((self.folder / _BASE).read_bytes())
        except (FileNotFoundError, orjson.JSONDecodeError):
            return {}, set()
        return unstored(record["families"]), set(record["held"])

    @contextmanager
    def _alone(self) -> Generator[None]:
        try:
            file = os.open(self.folder / "reading.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise UnavailableError(
                "The metrics cannot be read.",
                why=f"{self.folder}: {error.strerror}.",
                remedy="Restart the service, with telemetry.metrics_folder where nothing is cleaned up.",
            ) from error
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield
        finally:
            os.close(file)


def _read(path: Path) -> Families:
    try:
        explanations = path.with_suffix(".keys").read_bytes()
        values = memoryview(path.read_bytes()).cast("d")
    except OSError:
        return {}
    return families_of(explanations, values) if len(values) == SLOTS else {}


def _lives(path: Path) -> bool:
    """Whether somebody holds its lock."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(file)
    return False


def _remove(path: Path) -> None:
    for each in (path, path.with_suffix(".keys")):
        with suppress(OSError):
            each.unlink(missing_ok=True)


def _remove_dead(folder: Path) -> None:
    """Remove a group of ours that nobody holds."""
    with suppress(OSError):
        about = folder.lstat()
        if about.st_uid != os.getuid() or time.time() - about.st_mtime < _FRESH_SECONDS:
            return
        if not any(_lives(path) for path in (folder / _OWNER, *folder.glob("*.values"))):
            shutil.rmtree(folder, ignore_errors=True)
