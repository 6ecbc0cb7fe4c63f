"""The list of erasures outside of the database: what has to be done again when a backup is restored."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from deskmind.governance.privacy.marks import Mark
from deskmind.governance.privacy.stores import Owned
from deskmind.observability import logger

__all__ = ["ReplayEntry", "ReplayList"]

_log = logger("deskmind.privacy")


@dataclass(frozen=True, slots=True)
class ReplayEntry:
    """An erasure: keyed marks and the receipt, no name. Without marks the person was readmitted."""

    tenant_id: UUID
    erasure_id: UUID
    marks: tuple[Mark, ...]
    owned: Owned
    receipt: str

    def line(self) -> str:
        """The entry as a line."""
        return json.dumps(
            {
                "tenant": str(self.tenant_id),
                "erasure": str(self.erasure_id),
                "marks": [[mark.value.hex(), mark.version, mark.words] for mark in self.marks],
                "owned": self.owned,
                "receipt": self.receipt,
            }
        )

    @classmethod
    def parse(cls, line: str) -> ReplayEntry:
        """Read a line.

        Raises:
            ValueError: it is none.
        """
        content: dict[str, Any] = json.loads(line)
        marks = tuple(
            Mark(bytes.fromhex(value), version, words) for value, version, words in content["marks"]
        )
        return cls(
            UUID(content["tenant"]), UUID(content["erasure"]), marks, content["owned"], content["receipt"]
        )


class ReplayList:
    """A file of lines, for its owner alone. Back it up apart from the database, and with the keyring."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def path(self) -> Path:
        """Where it is."""
        return self._path

    def add(self, entry: ReplayEntry) -> None:
        """Append an entry; it is on disk when this returns."""
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
            size = os.fstat(file).st_size
            broken = size > 0 and os.pread(file, 1, size - 1) != b"\n"
            os.write(file, f"{chr(10) if broken else ''}{entry.line()}\n".encode())
            os.fsync(file)
        finally:
            os.close(file)

    def entries(self, tenant_id: UUID) -> list[ReplayEntry]:
        """Those of a tenant, oldest first; of several lines about one erasure the last counts."""
        return list(
            {entry.erasure_id: entry for entry in self._read() if entry.tenant_id == tenant_id}.values()
        )

    def known(self, tenant_id: UUID) -> frozenset[UUID]:
        """The ids of a tenant's."""
        return frozenset(entry.erasure_id for entry in self.entries(tenant_id))

    def _read(self) -> Iterator[ReplayEntry]:
        if not self._path.exists():
            return
        for number, line in enumerate(self._path.read_text("utf-8").splitlines(), 1):
            try:
                yield ReplayEntry.parse(line)
            except (
                ValueError,
                KeyError,
                TypeError,
            ):  # a write that was cut short; its entry was written again
                _log.warning("privacy.list_line_unreadable", line=number)
