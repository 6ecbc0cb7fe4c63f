"""What the application lends a desk for its model calls."""

from __future__ import annotations

from typing import Protocol
from uuid import UUID

from deskmind.cache import Cache
from deskmind.gateway.budgets import Budget
from deskmind.gateway.gateway import Gateway

__all__ = ["GatewayRoom"]


class GatewayRoom(Protocol):
    """What the application lends a desk."""

    async def gateway(self) -> Gateway:
        """The door, opened at first use."""
        ...

    async def tenant_budgets(self, tenant_id: UUID) -> tuple[Budget, ...]:
        """A tenant's budgets."""
        ...

    def forget_budgets(self, tenant_id: UUID) -> None:
        """They changed."""
        ...

    @property
    def cache(self) -> Cache:
        """Values that are slow to make, by tenant."""
        ...
