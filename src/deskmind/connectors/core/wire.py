"""Answers from the wire: bounded, whole, and JSON."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from deskmind.connectors.core.failures import Broken, too_large

if TYPE_CHECKING:
    import aiohttp

__all__ = ["decoded", "made_at", "no_words", "once", "whole"]

_PIECE = 64 * 1024


async def once(
    request: aiohttp.ClientRequest,
    handler: Callable[[aiohttp.ClientRequest], Awaitable[aiohttp.ClientResponse]],
) -> aiohttp.ClientResponse:
    """Send a request that changes something once: aiohttp repeats PUT and DELETE by itself when a connection breaks."""
    import aiohttp

    try:
        return await handler(request)
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise Broken.of(error) from error


def made_at(headers: Mapping[str, str]) -> datetime:
    """When an answer was made by the vendor's clock (``Date``: RFC 9110, 6.6.1); by ours where it does not say."""
    try:
        moment = parsedate_to_datetime(headers.get("Date", ""))
    except (ValueError, TypeError, OverflowError):
        return datetime.now(UTC)
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def no_words(data: Any) -> str:
    """No message."""
    return ""


async def whole(response: aiohttp.ClientResponse, most: int, host: str) -> bytes:
    """All bytes of an answer that are not more than ``most``."""
    if (response.content_length or 0) > most:
        raise too_large(host, most)
    pieces: list[bytes] = []
    received = 0
    async for piece in response.content.iter_chunked(_PIECE):
        received += len(piece)
        if received > most:
            raise too_large(host, most)
        pieces.append(piece)
    return b"".join(pieces)


def decoded(content: bytes, status: int) -> Any:
    """The JSON of an answer; None for an empty one.

    An answer that is no JSON may be whole at another try: proxies cut answers.
    """
    import orjson

    if not content.strip() or status == 204:
        return None
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError as error:
        raise Broken("it is cut off, or no JSON", reply=True, answered=True) from error
