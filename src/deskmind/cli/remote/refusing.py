"""What cannot be done from afar says so."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, TypeVar

from deskmind.cli.server import command_name, not_remote
from deskmind.client import AsyncClient

__all__ = ["KEYS_OWNER", "MOST", "Part", "first"]

_T = TypeVar("_T")

KEYS_OWNER = "the owner of the key"
"""In the place of a tenant's and a user's name: the key says them."""


class Part:
    """A part of a desk that asks a service. What a part has no method for is refused."""

    def __init__(self, client: AsyncClient) -> None:
        self._client = client

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        raise not_remote(f"`{command_name()}`")


MOST = 200
"""Objects that the service gives on one page of most lists."""


async def first(limit: int, items: AsyncIterator[_T]) -> AsyncIterator[_T]:
    """So many of what comes page by page."""
    left = limit
    async for one in items:
        yield one
        left -= 1
        if not left:
            return
