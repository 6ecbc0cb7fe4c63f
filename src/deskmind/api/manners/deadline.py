"""A request that takes too long is given up before whoever waits for it gives up silently."""

from __future__ import annotations

import asyncio

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from deskmind.api.problems import problem_response
from deskmind.errors import RequestTimeoutError

__all__ = ["Deadline", "out_of_time"]


class Deadline:
    """Around an application: answers 408 where the body, 504 where the response does not begin in time.

    Args:
        app: what serves.
        seconds: from the request's beginning to the beginning of its response; a stream that has begun is not cut.
    """

    def __init__(self, app: ASGIApp, seconds: float) -> None:
        self._app = app
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        whole = reading = False
        limit = asyncio.timeout(self._seconds)
        try:
            async with limit:

                async def tracked() -> Message:
                    nonlocal whole, reading
                    reading = True
                    message = await receive()
                    reading = False
                    whole = not message.get("more_body", False)
                    return message

                async def begun(message: Message) -> None:
                    limit.reschedule(None)
                    await send(message)

                await self._app(scope, tracked, begun)
        except TimeoutError:
            if not limit.expired():
                raise
            status = 408 if reading and not whole else 504
            await out_of_time(self._seconds, status)(scope, receive, send)


def out_of_time(seconds: float, status: int) -> Response:
    """What is answered in place of a response that is not there in time.

    Args:
        seconds: that the request had.
        status: 408 or 504.
    """
    error = RequestTimeoutError(
        "The request took too long.",
        why=f"It was not {'answered' if status == 504 else 'received'} within {seconds:g} seconds.",
        remedy="Send less at once, or raise api.request_seconds.",
    )
    return problem_response(status, {**error.problem(), "status": status})
