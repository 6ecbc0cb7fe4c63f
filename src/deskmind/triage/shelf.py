"""Loaded models of a process: reading one takes a second, using it milliseconds."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from uuid import UUID

from deskmind.triage.archive import load
from deskmind.triage.model import TriageModel

__all__ = ["Shelf"]

_MOST = 8


class Shelf:
    """The models used last, one a tenant; about 100 MB each for tens of thousands of tickets.

    Args:
        most: how many are kept.
    """

    def __init__(self, most: int = _MOST) -> None:
        self._most = most
        self._kept: OrderedDict[UUID, tuple[str, TriageModel]] = OrderedDict()
        self._loading: dict[UUID, asyncio.Lock] = {}

    async def of(self, tenant: UUID, sha256: str, read: Callable[[], Awaitable[bytes]]) -> TriageModel:
        """The model whose hash this is.

        Args:
            tenant: whose it is.
            sha256: as the tenant's row says, which its scope alone can read.
            read: gives its bytes where it is not on the shelf.

        Raises:
            TriageModelError: the bytes are not what was written.
        """
        async with self._loading.setdefault(tenant, asyncio.Lock()):
            found = self._kept.get(tenant)
            if found is None or found[0] != sha256:
                found = sha256, await asyncio.to_thread(load, await read(), expected=sha256)
                self._kept[tenant] = found
            self._kept.move_to_end(tenant)
        while len(self._kept) > self._most:
            gone, _ = self._kept.popitem(last=False)
            self._loading.pop(gone, None)
        return found[1]

    def forget(self, tenant: UUID) -> None:
        """The tenant is gone."""
        self._kept.pop(tenant, None)
        self._loading.pop(tenant, None)
