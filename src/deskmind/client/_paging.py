"""All of a list that comes page by page."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any, TypeVar

__all__ = ["every"]

_Page = TypeVar("_Page")
_Item = TypeVar("_Item")


async def every(
    page: Callable[[Any], Awaitable[_Page]], items: Callable[[_Page], Sequence[_Item]]
) -> AsyncIterator[_Item]:
    """The items of all pages; the next page is asked for when the last one is used up.

    Args:
        page: gives the page after a cursor, the first for None. Pages name the cursor of the next as ``next``.
        items: those of a page.
    """
    cursor: Any = None
    while True:
        found: Any = await page(cursor)
        for item in items(found):
            yield item
        cursor = found.next
        if cursor is None:
            return
