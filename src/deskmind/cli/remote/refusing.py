"""What cannot be done from afar says so."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, TypeVar

from deskmind.cli.server import command_name, not_remote
from deskmind.client import AsyncClient
from deskmind.errors import NotRemoteError

__all__ = ["KEYS_OWNER", "MOST", "Part", "at_most", "first"]

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
"""Objects of a list that the service gives at once."""


def at_most(limit: int | None, most: int = MOST) -> int | None:
    """The limit, where the service gives as many.

    Raises:
        NotRemoteError: it does not.
    """
    if limit is not None and limit > most:
        raise NotRemoteError(
            f"A server gives {most} at once, and {limit} are wanted.",
            why="What it has to hold for one answer is bounded.",
            remedy=f"Give --limit {most}, or do it on the service's own machine.",
        )
    return limit


async def first(limit: int, items: AsyncIterator[_T]) -> AsyncIterator[_T]:
    """So many of what comes page by page."""
    left = limit
    async for one in items:
        yield one
        left -= 1
        if not left:
            return
