"""Server-sent events: with ids, a sign of life while nothing happens, and a problem as the last one.

https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass
from typing import Any, cast

from fastapi.responses import Response, StreamingResponse
from pydantic import BaseModel
from starlette.types import Receive

from deskmind.api.leaving import unless_gone
from deskmind.errors import DeskmindError

__all__ = ["Sent", "described_events", "event_stream", "server_sent_events"]

_BEAT_SECONDS = 15.0
"""Proxies close connections on which nothing came for 30 to 60 seconds."""
_BEAT = ": still here\n\n"
_READER_LEFT = 499
"""For logs and metrics, as of nginx: nobody receives it."""


@dataclass(frozen=True, slots=True)
class Sent:
    """An event: its name, its place in the stream, and what is sent as JSON."""

    name: str
    id: str
    data: Any


_Queue = asyncio.Queue["Sent | DeskmindError | None"]


async def event_stream(
    events: AsyncIterator[Sent], receive: Receive, *, beat_seconds: float | None = None
) -> Response:
    """A response with the events, which begins with the first of them or with the first sign of life.

    What goes wrong before is raised, and so has a status of its own. A reader that leaves before ends the work.

    Args:
        events: as of ``server_sent_events``.
        receive: of the request, whose body was read.
        beat_seconds: of silence, after which a comment is sent; 15 where left out.
    """
    seconds = _BEAT_SECONDS if beat_seconds is None else beat_seconds
    frames = server_sent_events(events, beat_seconds=seconds, raising=True)
    first = await unless_gone(_first(frames), receive)
    if first is None:
        return Response(status_code=_READER_LEFT)
    return StreamingResponse(
        _from(first, frames),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


async def server_sent_events(
    events: AsyncIterator[Sent], *, beat_seconds: float = _BEAT_SECONDS, raising: bool = False
) -> AsyncGenerator[str]:
    """The events as text.

    Args:
        events: taken by one task from the first to the last, since an operation ends in the context it began in.
        beat_seconds: of silence, after which a comment is sent.
        raising: an error before the first event or comment is raised; else each is a ``problem`` event.
    """
    taken: _Queue = asyncio.Queue()
    taking = asyncio.create_task(_take(events, taken))
    begun = False
    try:
        while (item := await _next(taken, beat_seconds)) is not None:
            if isinstance(item, DeskmindError) and raising and not begun:
                raise item
            begun = True
            yield _frame(item)
        await taking
    finally:
        taking.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await taking


def described_events(
    until: str = "", **kinds: type[BaseModel] | dict[str, Any]
) -> dict[int | str, dict[str, Any]]:
    """For the OpenAPI document, which has no words for events: the schema of each kind by its name.

    A model's schema is given whole, because what refers to it would have to know the name that it has in the document.

    Args:
        until: the kind that ends the stream.
        kinds: models or schemas; besides these, a ``problem`` may come.
    """
    told = {name: kind if isinstance(kind, dict) else _whole(kind) for name, kind in kinds.items()}
    media: dict[str, Any] = {"schema": _event([*told, "problem"]), "x-deskmind-events": told}
    if until:
        media["x-deskmind-last-event"] = until
    return {200: {"content": {"text/event-stream": media}}}


def _event(kinds: list[str]) -> dict[str, Any]:
    return {
        "type": "object",
        "description": "each event of the stream; of which form its data are, as JSON, `x-deskmind-events` says",
        "required": ["data"],
        "properties": {
            "id": {"type": "string"},
            "event": {"type": "string", "enum": kinds},
            "data": {"type": "string"},
        },
    }


def _whole(model: type[BaseModel]) -> dict[str, Any]:
    """A model's schema with those that it refers to in it."""
    schema = model.model_json_schema(mode="serialization")
    parts: dict[str, Any] = schema.pop("$defs", {})

    def resolved(node: Any) -> Any:
        if isinstance(node, list):
            return [resolved(one) for one in cast("list[Any]", node)]
        if not isinstance(node, dict):
            return node
        found = cast("dict[str, Any]", node)
        if "$ref" in found:
            return resolved(parts[found["$ref"].rpartition("/")[2]])
        return {name: resolved(one) for name, one in found.items()}

    return resolved(schema)


async def _take(events: AsyncIterator[Sent], taken: _Queue) -> None:
    try:
        async for event in events:
            taken.put_nowait(event)
    except DeskmindError as error:
        taken.put_nowait(error)
    finally:
        taken.put_nowait(None)


async def _next(taken: _Queue, seconds: float) -> Sent | DeskmindError | str | None:
    try:
        return await asyncio.wait_for(taken.get(), seconds)
    except TimeoutError:
        return _BEAT


async def _first(frames: AsyncGenerator[str]) -> str:
    """Empty where there is none."""
    return await anext(frames, "")


async def _from(first: str, rest: AsyncGenerator[str]) -> AsyncIterator[str]:
    try:
        yield first
        async for frame in rest:
            yield frame
    finally:
        await rest.aclose()


def _frame(item: Sent | DeskmindError | str) -> str:
    """A problem has no id: what is asked for anew goes on after the last event before it."""
    if isinstance(item, str):
        return item
    name, data = ("problem", item.problem()) if isinstance(item, DeskmindError) else (item.name, item.data)
    place = "" if isinstance(item, DeskmindError) else f"id: {item.id}\n"
    return f"{place}event: {name}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n"
