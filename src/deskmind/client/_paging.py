"""All of a list that comes page by page."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any, Generic, TypeVar

__all__ = ["every"]

_Page = TypeVar("_Page")
_Item = TypeVar("_Item")


def every(
    page: Callable[[Any], Awaitable[_Page]], items: Callable[[_Page], Sequence[_Item]]
) -> AsyncIterator[_Item]:
    """The items of all pages; the next page is asked for when the last one is used up.

    Args:
        page: gives the page after a cursor, the first for None. Pages name the cursor of the next as ``next``.
        items: those of a page.
    """
    return _Pages(page, items)


class _Pages(AsyncIterator[_Item], Generic[_Page, _Item]):
    """No generator, so that code that waits can take over the rest of a page at once."""

    def __init__(
        self, page: Callable[[Any], Awaitable[_Page]], items: Callable[[_Page], Sequence[_Item]]
    ) -> None:
        self._page = page
        self._items = items
        self._left: deque[_Item] = deque()
        self._cursor: Any = None
        self._over = False

    async def __anext__(self) -> _Item:
        while not self._left:
            if self._over:
                raise StopAsyncIteration
            found: Any = await self._page(self._cursor)
            self._cursor = found.next
            self._over = self._cursor is None
            self._left.extend(self._items(found))
        return self._left.popleft()

    def at_hand(self) -> Sequence[_Item]:
        """The rest of the page."""
        rest = tuple(self._left)
        self._left.clear()
        return rest

    async def aclose(self) -> None:
        """Nothing more is asked for."""
        self._left.clear()
        self._over = True
