"""Streams that are open as long as their clients want, and end in good order when the process does."""

from __future__ import annotations

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from deskmind.api.draining import Drain

__all__ = ["stream_until"]


async def stream_until(drain: Drain, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    """Have an application answer with a stream; when the process is about to end, the response is completed.

    To the application that is as if the client had left; the client sees the end of the response and can go elsewhere.

    Args:
        drain: whether the process is about to end.
        app: what answers.
        scope: of the request.
        receive: ASGI's.
        send: ASGI's.
    """
    begun = over = False

    async def received() -> Message:
        coming, ending = asyncio.ensure_future(receive()), asyncio.ensure_future(drain.begins())
        try:
            done, _ = await asyncio.wait((coming, ending), return_when=asyncio.FIRST_COMPLETED)
            return coming.result() if coming in done else {"type": "http.disconnect"}
        finally:
            coming.cancel()
            ending.cancel()

    async def sent(message: Message) -> None:
        nonlocal begun, over
        begun = True
        over = message["type"] == "http.response.body" and not message.get("more_body", False)
        await send(message)

    await app(scope, received, sent)
    if begun and not over and drain.begun:
        await send({"type": "http.response.body", "body": b"", "more_body": False})
