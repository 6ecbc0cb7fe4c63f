"""Who decides what a scope may do on a database; ``deskmind.governance.access`` has the one there is."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol
from uuid import UUID

from deskmind.scope import Scope

__all__ = ["Authority"]


class Authority(Protocol):
    """Decides at the door of each operation."""

    async def admit(self, scope: Scope, permission: str) -> tuple[Scope, str]:
        """The scope in which the operation runs, and what it was allowed by, in a few words that name no person.

        Raises:
            PermissionDeniedError: it may not run.
        """
        ...

    async def reaches(self, scope: Scope) -> bool:
        """Whether a desk, as it was opened, reaches no more than it may now; if not, its own operations are refused."""
        ...

    async def held(self, scope: Scope) -> Mapping[str, datetime | None]:
        """Until when a scope holds each permission, ``resource:action``; None for always."""
        ...

    def forget(self, tenant_id: UUID) -> None:
        """What is remembered of a tenant's grants is no longer true."""
        ...
