"""Waiting for what runs on an event loop in another thread; methods that do, made of those that do not."""

from __future__ import annotations

import asyncio
import functools
import queue
import threading
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Callable,
    Collection,
    Coroutine,
    Iterator,
    Sequence,
)
from concurrent.futures import CancelledError, Future, wait
from contextlib import asynccontextmanager, suppress
from types import MethodType
from typing import (
    Any,
    Concatenate,
    Generic,
    ParamSpec,
    Protocol,
    Self,
    TypeVar,
    TypeVarTuple,
    overload,
    runtime_checkable,
)

from deskmind.ending import ended
from deskmind.errors import ClosedError

__all__ = ["AtHand", "Blocking", "Iterating", "Loop", "Part"]

_LAST_SECONDS = 10.0
"""How long what is cancelled may take to clean up until it is no longer waited for, or told again."""

_T = TypeVar("_T")
_S = TypeVar("_S")
_R = TypeVar("_R")
_A = TypeVarTuple("_A")
_P = ParamSpec("_P")


@runtime_checkable
class AtHand(Protocol):
    """An iterator some of whose items may be there before they are asked for."""

    def at_hand(self) -> Sequence[Any]:
        """Take out those that are there; nothing is waited for or begun for more."""
        ...


class Loop:
    """An event loop in a daemon thread.

    Args:
        of: what it is closed with, as an error names it: "client".
    """

    def __init__(self, of: str = "client") -> None:
        self._of = of
        self._loop = asyncio.new_event_loop()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._closed = False
        # reentrant: an iterator may be collected as garbage, and thereby cancelled, wherever its thread just is
        self._lock = threading.RLock()
        self._thread = threading.Thread(target=self._loop.run_forever, name="deskmind", daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, _T]) -> _T:
        """Wait for a coroutine. It is cancelled where the waiting is interrupted, as by Ctrl-C.

        Raises:
            ClosedError: the loop is closed, or was before the coroutine had ended.
        """
        running = self._begun(work)
        try:
            return self._result(running)
        finally:
            if not running.ended.done():
                self._cancel(running)
                wait((running.ended,), _LAST_SECONDS)
            del running  # it holds the error, whose traceback holds this frame

    def iterate(self, items: AsyncIterator[_T], *, ahead: int = 0) -> Iterator[_T]:
        """The items, each taken when it is asked for; one task takes them all, since an operation ends in the context it began in.

        Args:
            items: those of an ``AtHand`` that are there already are taken along.
            ahead: how many more may be taken before they are asked for, which saves each of them a change of threads.

        Raises:
            ClosedError: the loop is closed, or was before the last item came.
        """
        taken: queue.SimpleQueue[tuple[_T, ...] | None] = queue.SimpleQueue()
        wanted = asyncio.Semaphore(ahead)
        rest = items.at_hand if isinstance(items, AtHand) else _nothing

        async def take() -> None:
            async with _closing(items):
                await wanted.acquire()
                async for item in items:
                    taken.put((item, *rest()))
                    await wanted.acquire()

        running = self._begun(take())
        running.ended.add_done_callback(lambda _: taken.put(None))
        try:
            used = 1
            while True:
                if used > ahead // 2:
                    self._call(_release, wanted, used)
                    used = 0
                found = taken.get()
                if found is None:
                    break
                yield from found
                used += 1
            self._result(running)
        finally:
            self._cancel(running)
            del running

    def close(self, last: Callable[[], Coroutine[Any, Any, None]] | None = None) -> None:
        """Cancel what runs, wait for its end and end the thread; what is closed already stays so.

        Args:
            last: runs after what other threads wait for has ended.
        """
        with self._lock:
            first, self._closed = not self._closed, True
        if not first:
            self._thread.join()
            return
        try:
            asyncio.run_coroutine_threadsafe(self._end(last), self._loop).result()
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()

    async def _end(self, last: Callable[[], Coroutine[Any, Any, None]] | None) -> None:
        try:
            await _let_end(self._tasks)
            if last is not None:
                await last()
        finally:
            await _let_end(asyncio.all_tasks() - {asyncio.current_task()})
            await self._loop.shutdown_asyncgens()

    def _begun(self, work: Coroutine[Any, Any, _T]) -> _Running[_T]:
        running = _Running(work)
        try:
            self._call(running.begin, self._tasks)
        except ClosedError:
            work.close()
            raise
        return running

    def _result(self, running: _Running[_T]) -> _T:
        try:
            return running.ended.result()
        except CancelledError:
            if not self._closed:
                raise
            raise ClosedError(
                f"The {self._of} was closed while it was in use.",
                why="Another thread closed it. Whether what was asked of it has been done is not known.",
                remedy="Close it when no thread uses it any more.",
            ) from None

    def _cancel(self, running: _Running[Any]) -> None:
        if not running.ended.done():
            with suppress(ClosedError):  # then it is cancelled already
                self._call(running.cancel)

    def _call(self, function: Callable[[*_A], object], *args: *_A) -> None:
        """Have it called in the loop's thread."""
        with self._lock:
            if self._closed:
                raise ClosedError(
                    f"The {self._of} is closed.",
                    why="close() was called, or its `with` has ended.",
                    remedy="Open another one.",
                )
            self._loop.call_soon_threadsafe(function, *args)


class _Running(Generic[_T]):
    """A task of the loop for another thread, which, unlike a cancelled future, also sees when it has really ended."""

    def __init__(self, work: Coroutine[Any, Any, _T]) -> None:
        self.ended: Future[_T] = Future()
        self._work = work
        self._task: asyncio.Task[_T] | None = None

    def begin(self, tasks: set[asyncio.Task[Any]]) -> None:
        self._task = asyncio.get_running_loop().create_task(self._work)
        tasks.add(self._task)
        self._task.add_done_callback(tasks.discard)
        self._task.add_done_callback(self._tell)

    def cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()

    def _tell(self, task: asyncio.Task[_T]) -> None:
        error = CancelledError() if task.cancelled() else task.exception()
        if error is None:
            self.ended.set_result(task.result())
        else:
            self.ended.set_exception(error)


def _nothing() -> tuple[()]:
    return ()


def _release(wanted: asyncio.Semaphore, times: int) -> None:
    for _ in range(times):
        wanted.release()


async def _let_end(tasks: Collection[asyncio.Task[Any]]) -> None:
    """Cancel tasks and wait for them; those that are cancelled already have some time in which they are not disturbed."""
    ending = {task for task in tasks if task.cancelling()}
    if ending:
        await asyncio.wait(ending, timeout=_LAST_SECONDS)
    await ended(*(task for task in tasks if not task.done()))


@asynccontextmanager
async def _closing(items: AsyncIterator[Any]) -> AsyncGenerator[None]:
    """Of a generator; other iterators belong to who made them."""
    try:
        yield
    finally:
        if isinstance(items, AsyncGenerator):
            await items.aclose()


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
    """A method that gives an asynchronous iterator as one that gives an iterator.

    Args:
        method: the asynchronous one.
        ahead: how many items may be taken before they are asked for: more than none for a stream, which comes anyway.
    """

    def __init__(self, method: Callable[Concatenate[_S, _P], AsyncIterator[_R]], *, ahead: int = 0) -> None:
        self._method = method
        self._ahead = ahead
        self.__doc__ = method.__doc__

    @overload
    def __get__(self, instance: None, owner: type) -> Self: ...
    @overload
    def __get__(self, instance: Part[_S], owner: type) -> Callable[_P, Iterator[_R]]: ...
    def __get__(self, instance: Part[_S] | None, owner: type) -> Self | Callable[_P, Iterator[_R]]:
        if instance is None:
            return self
        loop, bound, ahead = instance.loop, MethodType(self._method, instance.part), self._ahead

        @functools.wraps(bound)
        def call(*args: _P.args, **kwargs: _P.kwargs) -> Iterator[_R]:
            return loop.iterate(bound(*args, **kwargs), ahead=ahead)

        return call
