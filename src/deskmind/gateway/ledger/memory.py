"""A ledger in memory, for scripts and tests: durable as long as the process."""

from __future__ import annotations

from uuid import UUID

from deskmind.gateway.ledger.entry import Intent, UsageEntry

__all__ = ["MemoryLedger"]


class MemoryLedger:
    """Keeps the newest entries.

    >>> ledger = MemoryLedger()
    >>> ledger.entries
    []
    """

    def __init__(self, *, keep: int = 100_000) -> None:
        self._keep = keep
        self._open: dict[UUID, Intent] = {}
        self.entries: list[UsageEntry] = []

    @property
    def pending(self) -> tuple[Intent, ...]:
        """Calls under way."""
        return tuple(self._open.values())

    async def open(self, intent: Intent) -> None:
        """Remember an intent."""
        self._open[intent.call_id] = intent

    def settle(self, entry: UsageEntry) -> None:
        """Book the end of a call."""
        self._open.pop(entry.intent.call_id, None)
        self.entries.append(entry)
        if len(self.entries) > self._keep:
            del self.entries[: self._keep // 10]

    async def flush(self) -> None:
        """Nothing to write."""

    async def close(self) -> None:
        """Book what is still open as unsettled."""
        for intent in self.pending:
            self.settle(UsageEntry.unsettled(intent))
