"""Freshservice's lists: by page number alone, over rows that shift. Pages overlap so that none slips through."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Any, cast

from deskmind.connectors.core.client import Client
from deskmind.connectors.core.paging import Drift, Rows, overlapping
from deskmind.connectors.core.wire import made_at
from deskmind.errors import SourceReplyError

__all__ = ["Listing", "one_of", "rows_of"]


class Listing:
    """One list with its filter.

    Attributes:
        begun: when its first answer was made by the vendor's clock; None before.
    """

    def __init__(self, client: Client, path: str, query: Mapping[str, Any] | None = None) -> None:
        self._client = client
        self._path = path
        self._query = query or {}
        self.begun: datetime | None = None

    async def pages(self, size: int = 100, begin: Drift | None = None) -> AsyncIterator[tuple[Rows, Drift]]:
        """Rows and where they end."""

        async def fetch(number: int, per_page: int) -> Sequence[dict[str, Any]]:
            query = {**self._query, "page": number, "per_page": per_page}
            answer = await self._client.request("GET", self._path, query=query)
            self.begun = self.begun or made_at(answer.headers)
            return rows_of(answer.data)

        async for page in overlapping(fetch, lambda row: str(row.get("id")), size=size, begin=begin):
            yield page

    async def all(self, size: int = 100) -> Rows:
        """All rows."""
        return [row async for rows, _ in self.pages(size) for row in rows]


def rows_of(data: Any) -> Rows:
    """The one list in an answer, whatever its name."""
    if isinstance(data, dict):
        for value in cast("dict[str, Any]", data).values():
            if isinstance(value, list):
                return cast("Rows", value)
    raise SourceReplyError(
        "An answer holds no list.",
        why="It is not of the form that the vendor documents.",
        remedy="Check that the address is that of a Freshservice account.",
    )


def one_of(data: Any) -> dict[str, Any]:
    """The one record in an answer, whatever its name."""
    if isinstance(data, dict):
        for value in cast("dict[str, Any]", data).values():
            if isinstance(value, dict):
                return cast("dict[str, Any]", value)
    raise SourceReplyError(
        "An answer holds no record.",
        why="It is not of the form that the vendor documents.",
        remedy="Check that the address is that of a Freshservice account.",
    )
