"""Waiting for what runs on an event loop in another thread; methods that do, made of those that do not."""

from __future__ import annotations

import asyncio
import functools
import queue
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from types import MethodType
from typing import Any, Concatenate, Generic, ParamSpec, Self, TypeVar, overload

__all__ = ["Blocking", "Iterating", "Loop", "Part"]

_T = TypeVar("_T")
_S = TypeVar("_S")
_R = TypeVar("_R")
_P = ParamSpec("_P")


class Loop:
    """An event loop in a daemon thread."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="deskmind", daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, _T]) -> _T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def iterate(self, items: AsyncIterator[_T]) -> Iterator[_T]:
        """The items as they come; one task takes them all, since an operation ends in the context it began in."""
        taken: queue.SimpleQueue[tuple[_T] | None] = queue.SimpleQueue()

        async def take() -> None:
            try:
                async for item in items:
                    taken.put((item,))
            finally:
                taken.put(None)

        work = asyncio.run_coroutine_threadsafe(take(), self._loop)
        try:
            while (item := taken.get()) is not None:
                yield item[0]
            work.result()
        finally:
            work.cancel()

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


class Part(Generic[_S]):
    """A part of a desk, or the desk itself.

    Attributes:
        part: the asynchronous one.
        loop: where it runs.
    """

    def __init__(self, part: _S, loop: Loop) -> None:
        self.part = part
        self.loop = loop


class Blocking(Generic[_S, _P, _R]):
    """A coroutine method as one that waits for its result."""

    def __init__(self, method: Callable[Concatenate[_S, _P], Coroutine[Any, Any, _R]]) -> None:
        self._method = method
        self.__doc__ = method.__doc__

    @overload
    def __get__(self, instance: None, owner: type) -> Self: ...
    @overload
    def __get__(self, instance: Part[_S], owner: type) -> Callable[_P, _R]: ...
    def __get__(self, instance: Part[_S] | None, owner: type) -> Self | Callable[_P, _R]:
        if instance is None:
            return self
        loop, bound = instance.loop, MethodType(self._method, instance.part)

        @functools.wraps(bound)
        def call(*args: _P.args, **kwargs: _P.kwargs) -> _R:
            return loop.run(bound(*args, **kwargs))

        return call


class Iterating(Generic[_S, _P, _R]):
    """A method that gives an asynchronous iterator as one that gives an iterator."""

    def __init__(self, method: Callable[Concatenate[_S, _P], AsyncIterator[_R]]) -> None:
        self._method = method
        self.__doc__ = method.__doc__

    @overload
    def __get__(self, instance: None, owner: type) -> Self: ...
    @overload
    def __get__(self, instance: Part[_S], owner: type) -> Callable[_P, Iterator[_R]]: ...
    def __get__(self, instance: Part[_S] | None, owner: type) -> Self | Callable[_P, Iterator[_R]]:
        if instance is None:
            return self
        loop, bound = instance.loop, MethodType(self._method, instance.part)

        @functools.wraps(bound)
        def call(*args: _P.args, **kwargs: _P.kwargs) -> Iterator[_R]:
            return loop.iterate(bound(*args, **kwargs))

        return call
