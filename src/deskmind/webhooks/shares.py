"""Tenants' shares of a worker's places."""

from __future__ import annotations

from collections import Counter
from uuid import UUID

__all__ = ["Shares"]


class Shares:
    """How many webhooks of each tenant are served at a time in one process, and which wait for that.

    Args:
        most: webhooks of one tenant at a time.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._served: Counter[UUID] = Counter()
        self._waiting: dict[UUID, dict[UUID, None]] = {}

    def begin(self, tenant_id: UUID, webhook_id: UUID) -> bool:
        """Whether there is room; where there is not, the webhook waits for the next ``end``."""
        if self._served[tenant_id] >= self._most:
            self._waiting.setdefault(tenant_id, {})[webhook_id] = None
            return False
        self._served[tenant_id] += 1
        return True

    def end(self, tenant_id: UUID) -> list[UUID]:
        """Give a place back; the webhooks that waited for one, those that waited longest first.

        All of them: a job that is queued for the first may come to another process, whose end nobody here hears of.
        """
        self._served[tenant_id] -= 1
        if not self._served[tenant_id]:
            del self._served[tenant_id]
        return list(self._waiting.pop(tenant_id, {}))
