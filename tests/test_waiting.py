"""Code that waits for an event loop in another thread: who takes what when, and what happens when it is closed."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from contextvars import ContextVar
from signal import SIGINT

import pytest

from deskmind.errors import ClosedError
from deskmind.waiting import Loop

_MINUTE = 60


@pytest.fixture
def loop() -> Iterator[Loop]:
    made = Loop()
    yield made
    made.close()


class Counting:
    """Many numbers, which tell how many of them were taken, and in which task."""

    def __init__(self) -> None:
        self.taken = 0
        self.tasks: set[asyncio.Task[object] | None] = set()
        self.closed = threading.Event()

    async def numbers(self) -> AsyncIterator[int]:
        token = _CONTEXT.set("inside")
        try:
            for _ in range(100_000):
                self.tasks.add(asyncio.current_task())
                self.taken += 1
                yield self.taken
        finally:
            self.tasks.add(asyncio.current_task())
            _CONTEXT.reset(token)  # fails in another context than that of the beginning
            self.closed.set()


_CONTEXT: ContextVar[str] = ContextVar("context", default="outside")


async def _nothing() -> None:
    """What is scheduled before it has begun when it is through."""


def test_an_item_is_taken_when_it_is_asked_for(loop: Loop) -> None:
    counting = Counting()
    items = loop.iterate(counting.numbers())
    for number in (1, 2, 3):
        assert next(items) == number
        loop.run(_nothing())
        assert counting.taken == number


def test_no_more_are_taken_ahead_than_may_be(loop: Loop) -> None:
    counting = Counting()
    items = loop.iterate(counting.numbers(), ahead=4)
    for number in range(1, 50):
        assert next(items) == number
        loop.run(_nothing())
        assert number <= counting.taken <= number + 4


def test_leaving_early_closes_the_generator_in_its_own_task(loop: Loop) -> None:
    counting = Counting()
    for number in loop.iterate(counting.numbers()):
        if number == 2:
            break
    assert counting.closed.wait(_MINUTE)
    assert len(counting.tasks) == 1


def test_closing_waits_until_generators_are_closed() -> None:
    loop, counting = Loop(), Counting()
    items = loop.iterate(counting.numbers())
    next(items)
    loop.close()
    assert counting.closed.is_set()
    with pytest.raises(ClosedError):
        next(items)


def test_what_a_generator_raises_comes_after_its_items(loop: Loop) -> None:
    async def broken() -> AsyncIterator[int]:
        yield 1
        raise LookupError("gone")

    items = loop.iterate(broken())
    assert next(items) == 1
    with pytest.raises(LookupError, match="gone"):
        next(items)
    assert list(items) == []


def test_who_is_inside_is_told_that_it_was_closed() -> None:
    loop, begun, told, last = Loop("thing"), threading.Event(), list[BaseException](), list[bool]()
    ended = False

    async def work() -> None:
        nonlocal ended
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended = True

    async def end() -> None:
        last.append(ended)

    def inside() -> None:
        try:
            loop.run(work())
        except BaseException as error:
            told.append(error)

    thread = threading.Thread(target=inside, daemon=True)
    thread.start()
    assert begun.wait(_MINUTE)
    loop.close(end)
    thread.join(_MINUTE)
    assert [type(error) for error in told] == [ClosedError]
    assert "The thing was closed" in str(told[0])
    assert last == [True]


def test_what_is_closed_stays_closed() -> None:
    loop = Loop("thing")
    loop.close()
    loop.close()
    with pytest.raises(ClosedError, match="The thing is closed"):
        loop.run(_nothing())
    with pytest.raises(ClosedError, match="The thing is closed"):
        next(loop.iterate(Counting().numbers()))


_INTERRUPTED = """
import asyncio
from deskmind.waiting import Loop

async def work():
    print("begun", flush=True)
    try:
        await asyncio.Event().wait()
    finally:
        await asyncio.sleep(0)
        print("ended", flush=True)

try:
    Loop().run(work())
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


def test_an_interrupted_call_ends_what_it_waited_for() -> None:
    with subprocess.Popen([sys.executable, "-c", _INTERRUPTED], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        process.send_signal(SIGINT)
        assert process.communicate(timeout=_MINUTE)[0] == "ended\ninterrupted\n"
