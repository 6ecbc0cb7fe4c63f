"""Ways through the pages of a list, each safe against what its vendor does to rows meanwhile.

All yield the rows of one page at a time and end only when the list is complete.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from deskmind.connectors.core.client import Answer
from deskmind.errors import SourceReplyError

__all__ = ["Drift", "Rows", "by_link", "by_start", "by_token", "next_link", "overlapping"]

Rows = list[dict[str, Any]]
_MOST_STEPS_BACK = 20
_SMALLEST = 20


async def by_start(
    fetch: Callable[[int], Awaitable[Answer]],
    rows: Callable[[Any], Rows],
    *,
    last: Callable[[Any, int], bool] | None = None,
) -> AsyncIterator[Rows]:
    """By the number of the first row, counted from what came: the vendor may give fewer than asked for.

    Args:
        fetch: gets the page that begins at a row.
        rows: of an answer.
        last: whether an answer is the last page, by its data and the number of rows so far; else an empty page is.
    """
    start = 0
    while True:
        answer = await fetch(start)
        page = rows(answer.data)
        start += len(page)
        if page:
            yield page
        if not page or (last is not None and last(answer.data, start)):
            return


async def by_token(
    fetch: Callable[[str | None], Awaitable[Answer]],
    rows: Callable[[Any], Rows],
    token: Callable[[Any], str | None],
) -> AsyncIterator[Rows]:
    """By a token for the next page. A token that comes twice would go round for ever: it is an error."""
    now: str | None = None
    seen: set[str] = set()
    while True:
        answer = await fetch(now)
        yield rows(answer.data)
        now = token(answer.data)
        if not now:
            return
        if now in seen:
            raise SourceReplyError(
                "The pages of a list go in a circle.",
                why="The system gave the same token twice.",
                remedy="Run it again; tell the vendor if it comes back.",
            )
        seen.add(now)


async def by_link(
    fetch: Callable[[str | None], Awaitable[Answer]],
    rows: Callable[[Any], Rows],
    link: Callable[[Answer], str | None],
) -> AsyncIterator[Rows]:
    """By the address of the next page, which must be on the same host; the client refuses another."""
    async for page in by_token(_keeping(fetch), lambda kept: rows(kept.data), link):
        yield page


@dataclass(frozen=True, slots=True)
class Drift:
    """Where a list by page numbers stands: rows read so far, and the last of them."""

    end: int = 0
    tail: tuple[Hashable, ...] = ()


async def overlapping(
    fetch: Callable[[int, int], Awaitable[Sequence[dict[str, Any]]]],
    identity: Callable[[Mapping[str, Any]], Hashable],
    *,
    size: int,
    begin: Drift | None = None,
) -> AsyncIterator[tuple[Rows, Drift]]:
    """By page number and size alone, over rows in a fixed order that may vanish or appear meanwhile.

    Each page is chosen, by its size, to begin at or before the last row seen. If no row seen is on it, rows before
    it have gone and others have slipped past: it steps back until it meets one. So no row that stays is missed.

    Args:
        fetch: gets a page by its number (from 1) and its size.
        identity: of a row.
        size: the largest page, 20 at least: fewer sizes to choose from may all end where the last page ended.
        begin: where an earlier call stood.
    """
    at = begin or Drift()
    size = max(size, _SMALLEST)
    back = 0
    while True:
        number, per_page = _window(max(0, at.end - 1 - back), size)
        page = list(await fetch(number, per_page))
        start = (number - 1) * per_page
        known = {identity(row) for row in page} & set(at.tail)
        if start > 0 and at.tail and not known:
            back = _further(back, size, at.end)
            continue
        back = 0
        fresh = [row for row in page if identity(row) not in at.tail]
        end = start + len(page)
        tail = tuple(identity(row) for row in page[-per_page:]) or at.tail
        at = Drift(end, tail[-size:])
        if fresh:
            yield fresh, at
        if len(page) < per_page:
            return


def _further(back: int, size: int, end: int) -> int:
    if back > _MOST_STEPS_BACK * size:
        return end
    return back + size // 2 + 1


def _window(position: int, size: int) -> tuple[int, int]:
    """Number and size of the page that holds a row and reaches furthest."""
    sizes = range(size, max(1, size // 2) - 1, -1)
    best = max(sizes, key=lambda one: (position // one + 1) * one)
    return position // best + 1, best


def next_link(headers: Mapping[str, str]) -> str | None:
    """The address of ``rel="next"`` in a ``Link`` header (RFC 8288)."""
    for part in _links(headers.get("Link", "")):
        address, _, rest = part.partition(">")
        relations = [value.strip().strip('"') for name, value in _parameters(rest) if name == "rel"]
        if any("next" in one.split() for one in relations):
            return address.lstrip("<").strip()
    return None


def query_of(address: str) -> dict[str, str]:
    """The query of an address."""
    return dict(parse_qsl(urlsplit(address).query))


def _links(header: str) -> list[str]:
    return [f"<{part}" for part in header.split("<") if ">" in part]


def _parameters(text: str) -> list[tuple[str, str]]:
    pairs = [one.split("=", 1) for one in text.replace(",", ";").split(";") if "=" in one]
    return [(name.strip().lower(), value) for name, value in pairs]


def _keeping(
    fetch: Callable[[str | None], Awaitable[Answer]],
) -> Callable[[str | None], Awaitable[Answer]]:
    async def kept(now: str | None) -> Answer:
        answer = await fetch(now)
        return Answer(answer.status, answer.headers, answer)

    return kept
