"""Streams of events with typed data."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import TypeVar

import orjson

from deskmind.client._body import Body
from deskmind.client._events import Event, Frame
from deskmind.errors import ServerReplyError

__all__ = ["told"]

_B = TypeVar("_B", bound=Body)


async def told(frames: AsyncIterator[Frame], kinds: Mapping[str, type[_B]]) -> AsyncIterator[Event[_B]]:
    """The events of the kinds that are known; what a newer server tells besides is left out."""
    async for frame in frames:
        kind = kinds.get(frame.name)
        if kind is not None:
            yield Event(frame.name, kind(_loaded(frame)), frame.id)


def _loaded(frame: Frame) -> dict[str, object]:
    try:
        return orjson.loads(frame.data)
    except orjson.JSONDecodeError as error:
        raise ServerReplyError(
            "The server's stream cannot be used.", why=f"An event '{frame.name[:40]}' holds no JSON."
        ) from error
