"""Streams of models' replies for code that waits."""

from __future__ import annotations

import functools
from collections.abc import Callable, Coroutine, Iterator
from types import MethodType, TracebackType
from typing import Any, Concatenate, Generic, ParamSpec, Self, TypeVar, overload

from deskmind.gateway import ChatDelta, ChatResponse, ChatStream
from deskmind.waiting import Loop, Part

__all__ = ["BlockingStream", "Streaming"]

_S = TypeVar("_S")
_P = ParamSpec("_P")


class BlockingStream:
    """``ChatStream`` for synchronous code: iterate over it for the pieces; leaving its ``with`` ends the stream."""

    def __init__(self, stream: ChatStream, loop: Loop) -> None:
        self._stream = stream
        self._loop = loop

    @property
    def response(self) -> ChatResponse | None:
        """The whole reply, once the pieces are through."""
        return self._stream.response

    def __iter__(self) -> Iterator[ChatDelta]:
        return self._loop.iterate(self._stream)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the stream at the provider."""
        self._loop.run(self._stream.aclose())


class Streaming(Generic[_S, _P]):
    """A coroutine method that opens a stream as one that opens a ``BlockingStream``."""

    def __init__(self, method: Callable[Concatenate[_S, _P], Coroutine[Any, Any, ChatStream]]) -> None:
        self._method = method
        self.__doc__ = method.__doc__

    @overload
    def __get__(self, instance: None, owner: type) -> Self: ...
    @overload
    def __get__(self, instance: Part[_S], owner: type) -> Callable[_P, BlockingStream]: ...
    def __get__(self, instance: Part[_S] | None, owner: type) -> Self | Callable[_P, BlockingStream]:
        if instance is None:
            return self
        loop, bound = instance.loop, MethodType(self._method, instance.part)

        @functools.wraps(bound)
        def call(*args: _P.args, **kwargs: _P.kwargs) -> BlockingStream:
            return BlockingStream(loop.run(bound(*args, **kwargs)), loop)

        return call
