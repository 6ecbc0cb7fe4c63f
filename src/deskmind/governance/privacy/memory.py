"""What processes remember, as a personal store: caches of all tiers, directories, what waits to be written."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from uuid import UUID

from deskmind.errors import UnavailableError
from deskmind.governance.privacy.catalogue import DATA_MAP, Holding
from deskmind.governance.privacy.stores import Counts, Subject

__all__ = ["MemoryStore"]


class MemoryStore:
    """Caches and buffers. What they hold cannot be searched for a person, so all of the tenant's is forgotten."""

    name = "caches"

    def __init__(
        self, forget: Callable[[UUID], Awaitable[bool]], settle: Callable[[], Awaitable[None]]
    ) -> None:
        """What remembers.

        Args:
            forget: forgets a tenant's values, here and in the tier that processes share; ``False`` when that tier did not
                confirm it.
            settle: writes what waits in this process, so that it is erased with the rest.
        """
        self._forget = forget
        self._settle = settle

    def declare(self) -> Sequence[Holding]:
        """Its caches, files and logs."""
        return [holding for holding in DATA_MAP if holding.kind != "table"]

    async def export(self, subject: Subject) -> list[dict[str, Any]]:
        """Nothing: what is remembered is made of what is stored."""
        del subject
        return []

    async def erase(self, subject: Subject, *, dry_run: bool = False) -> Counts:
        """Write what waits, forget the tenant's values.

        Raises:
            UnavailableError: the cache that processes share did not confirm that it forgot them.
        """
        if dry_run:
            return {}
        await self._settle()
        if not await self._forget(subject.scope.tenant_id):
            raise UnavailableError(
                "The cache that processes share was not cleared.",
                why="It does not answer, and may still hold values of the person.",
                remedy="See that the server of redis.url can be reached; the erasure goes on from here when it is resumed.",
            )
        return {"tenants forgotten": 1}
