"""Noticing that whoever asked has left before there is an answer: nobody works for nobody."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Self, TypeVar

from starlette.types import Message, Receive

__all__ = ["Watch", "unless_gone"]

_FIRST_LOOK = 0.05
"""Seconds until a call is watched: a task for each costs as much as a twentieth of a short one."""

_T = TypeVar("_T")


async def unless_gone(call: Awaitable[_T], receive: Receive) -> _T | None:
    """The result; None when the client left, which cancels the call."""
    with Watch(receive) as watch:
        try:
            return await call
        except asyncio.CancelledError:
            if not watch.left():
                raise
    return None


class Watch:
    """Cancels the task it is made in when the client leaves; looks first after a moment, when most calls are over."""

    __slots__ = ("_gone", "_later", "_receive", "_task")

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._task = asyncio.current_task()
        self._gone: asyncio.Task[None] | None = None
        self._later = asyncio.get_running_loop().call_later(_FIRST_LOOK, self._look)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._later.cancel()
        if self._gone is not None:
            self._gone.remove_done_callback(self._cancel)
            self._gone.cancel()

    def _look(self) -> None:
        self._gone = asyncio.create_task(_disconnected(self._receive))
        self._gone.add_done_callback(self._cancel)

    def _cancel(self, gone: asyncio.Task[None]) -> None:
        if self._task is not None and not gone.cancelled():
            self._task.cancel()

    def left(self) -> bool:
        """Whether the cancellation was ours, and of nobody else; takes it back then."""
        ours = self._gone is not None and self._gone.done() and not self._gone.cancelled()
        return ours and self._task is not None and not self._task.uncancel()


async def _disconnected(receive: Receive) -> None:
    while True:
        message: Message = await receive()
        if message["type"] == "http.disconnect":
            return
