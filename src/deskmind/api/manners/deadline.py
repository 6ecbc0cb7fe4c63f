"""A request that takes too long is given up before whoever waits for it gives up silently."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Any

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from deskmind.api.problems import problem_response
from deskmind.errors import RequestTimeoutError

__all__ = ["Deadline", "Watch", "Watched", "out_of_time"]


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


class Watch:
    """Gives up what takes too long, as ``asyncio.timeout`` does, with one timer for all: making and taking back one for each
    costs a short read a twelfth of its time.

    Args:
        seconds: that each has.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.under_way: dict[Watched, None] = {}  # the oldest first, who is the first to be late
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waking: asyncio.TimerHandle | None = None

    def begin(self, watched: Watched) -> None:
        """From now on."""
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            self._loop, self._waking = loop, None
            self.under_way.clear()
        watched.until = loop.time() + self.seconds
        self.under_way[watched] = None
        if self._waking is None:
            self._waking = loop.call_at(watched.until, self._look, loop)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        self._waking, now = None, loop.time()
        while self.under_way:
            oldest = next(iter(self.under_way))
            if oldest.until > now:
                self._waking = loop.call_at(oldest.until, self._look, loop)
                return
            del self.under_way[oldest]
            oldest.give_up()


class Watched:
    """A piece of work under a watch: ``with Watched(watch) as limit: …`` raises ``TimeoutError`` where its time is over.

    Attributes:
        expired: whether it was given up.
        until: when it is, in seconds of the loop's clock.
    """

    __slots__ = ("_cancelling", "_task", "_watch", "expired", "until")

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self.expired = False
        self.until = 0.0

    def __enter__(self) -> Watched:
        task: asyncio.Task[Any] | None = asyncio.current_task()
        assert task is not None
        self._task, self._cancelling = task, task.cancelling()
        self._watch.begin(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._watch.under_way.pop(self, None)
        if self.expired and self._task.uncancel() <= self._cancelling and kind is asyncio.CancelledError:
            raise TimeoutError from error

    def give_up(self) -> None:
        """Its time is over."""
        self.expired = True
        self._task.cancel()


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
