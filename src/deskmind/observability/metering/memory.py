"""The numbers of one process, in memory that outlives it: a file of doubles, and one that says what they mean.

The memory is mapped, so that recording writes to it directly: other processes read it at any moment, and nothing is lost
when this one is killed. Its file is allocated in full before it is mapped, because writing to a hole on a full disk would end
the process.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import time
from pathlib import Path
from uuid import uuid4

import orjson

__all__ = ["FIRST_SLOT", "STARTED", "ProcessMemory"]

SLOTS = 131_072
"""Doubles of a process: 1 MiB, some 8,000 histograms of 14 buckets."""
STARTED = 0
_SPARE = 1
FIRST_SLOT = 8
_DOUBLE = 8


class ProcessMemory:
    """Doubles by number, handed out once and for all.

    Args:
        folder: where the files are made; None keeps the numbers in this process alone.

    Raises:
        OSError: the folder cannot be written, or has no room.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.token = f"{os.getpid()}-{uuid4().hex[:12]}"
        self.path = folder / f"{self.token}.values" if folder is not None else None
        self._keys = -1
        self._lines: list[bytes] = []
        self._map = mmap.mmap(-1, SLOTS * _DOUBLE) if folder is None else self._open(folder)
        self.values = memoryview(self._map).cast("d")
        self.values[STARTED] = time.time()
        self._next = FIRST_SLOT
        self.lost = 0

    def allocate(self, count: int) -> int:
        """The first of ``count`` slots; when there is no room, of spare ones that nobody reads, or -1 for too many."""
        slot = self._next
        if slot + count > SLOTS:
            self.lost += 1
            return _SPARE if count < FIRST_SLOT - _SPARE else -1
        self._next += count
        return slot

    def explain(self, line: dict[str, object]) -> None:
        """Say what slots mean."""
        record = orjson.dumps(line) + b"\n"
        if self._keys < 0:
            self._lines.append(record)
            return
        try:
            os.write(self._keys, record)
        except OSError:  # a full disk: nobody will know what these slots mean
            self.lost += 1

    def explanations(self) -> bytes:
        """What was explained."""
        return self.path.with_suffix(".keys").read_bytes() if self.path is not None else b"".join(self._lines)

    def close(self) -> None:
        """Let go: the files stay for whoever sums up, as those of a process that ended."""
        self.values.release()
        self._map.close()
        if self._keys >= 0:
            os.close(self._keys)
            self._keys = -1
            os.close(self._lock)

    def _open(self, folder: Path) -> mmap.mmap:
        """Under another name until it is locked, so that nobody takes it for the file of a dead process."""
        draft = folder / f"{self.token}.draft"
        self._lock = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX)
            os.truncate(self._lock, SLOTS * _DOUBLE)
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(self._lock, 0, SLOTS * _DOUBLE)
            mapped = mmap.mmap(self._lock, SLOTS * _DOUBLE)
            self._keys = os.open(
                folder / f"{self.token}.keys", os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600
            )
            draft.rename(folder / f"{self.token}.values")
        except BaseException:
            draft.unlink(missing_ok=True)
            os.close(self._lock)
            raise
        return mapped
