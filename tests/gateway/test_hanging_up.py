"""Callers that leave: the provider's connection is closed, and what was produced is booked."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from deskmind.gateway import Budget, BudgetKeeper, Gateway, MemoryBudgetStore, MemoryLedger, Usage
from deskmind.sandbox.models import ModelSandbox

HELLO = [{"role": "user", "content": "hello there my friend"}]

Open = Callable[..., Gateway]
Make = Callable[..., dict[str, Any]]


@pytest.fixture
def ledger() -> MemoryLedger:
    """Where the calls of a test are booked."""
    return MemoryLedger()


@pytest.fixture
def make(open_gateway: Open, named: Make, ledger: MemoryLedger) -> Callable[..., Gateway]:
    """A gateway that drains as long as told; ``long`` answers 50 words."""

    def made(drain: float, **more: Any) -> Gateway:
        models = {
            name: {"deployments": [named(model)], "retries": 0, "drain": drain}
            for name, model in (("m", "echo"), ("long", "echo-50"))
        }
        return open_gateway(models, ledger=ledger, **more)

    return made


async def cancelled(task: asyncio.Task[Any]) -> None:
    """Its caller leaves."""
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_cancelled_chat_closes_the_connection_and_stands_with_its_maximum(
    make: Open, ledger: MemoryLedger, sandbox: ModelSandbox, until: Any
) -> None:
    gateway = make(0)
    slow = sandbox.faults.add("slow_headers", seconds=30)
    task = asyncio.create_task(gateway.chat("m", HELLO, max_tokens=40))
    await until(lambda: slow.struck)
    await cancelled(task)
    assert (await sandbox.book.settled())[0].client_hung_up
    await gateway.close()
    (row,) = ledger.entries
    assert (row.outcome, row.error) == ("unsettled", "cancelled")
    assert row.usage == Usage(output_tokens=row.intent.tokens)
    assert row.cost == row.intent.cost
    assert not ledger.pending


async def test_a_reply_that_comes_while_draining_is_settled_exactly(
    make: Open, ledger: MemoryLedger, sandbox: ModelSandbox, until: Any
) -> None:
    gateway = make(10)
    released = asyncio.Event()

    async def reply(body: Any) -> str:
        del body
        await released.wait()
        return "one two three"

    sandbox.manner.reply = reply
    task = asyncio.create_task(gateway.chat("m", HELLO))
    await until(lambda: sandbox.book.in_flight)
    await cancelled(task)
    released.set()
    await gateway.close()
    (row,) = ledger.entries
    assert (row.outcome, row.error, row.usage) == ("settled", "cancelled", Usage(4, 3))


async def test_who_leaves_while_nothing_is_under_way_is_charged_nothing(
    make: Open, named: Make, ledger: MemoryLedger, sandbox: ModelSandbox, until: Any
) -> None:
    gateway = make(0)
    gateway.models["m"] = gateway.models["m"].model_copy(
        update={"retries": 5, "backoff": 10, "max_backoff": 10}
    )
    refused = sandbox.faults.add("rate_limit", retry_after=20)
    task = asyncio.create_task(gateway.chat("m", HELLO))
    await until(lambda: refused.struck and not sandbox.book.in_flight)
    await until(lambda: gateway.board.of(gateway.models["m"].deployments[0]).failures)
    await cancelled(task)
    await gateway.close()
    (row,) = ledger.entries
    assert (row.outcome, row.cost, row.usage) == ("free", 0, Usage())


async def test_a_left_stream_is_read_on_for_its_count(
    make: Open, ledger: MemoryLedger, sandbox: ModelSandbox
) -> None:
    gateway = make(10)
    async with await gateway.stream("long", HELLO) as stream:
        async for piece in stream:
            if piece.text:
                break
    await gateway.close()
    (row,) = ledger.entries
    (entry,) = sandbox.book
    assert (row.outcome, row.error) == ("settled", "cancelled")
    assert row.usage == Usage(entry.input_tokens, entry.output_tokens) == Usage(4, 50)


async def test_a_left_stream_whose_count_does_not_come_is_estimated_and_ended(
    make: Open, ledger: MemoryLedger, sandbox: ModelSandbox, until: Any
) -> None:
    gateway = make(0.02)
    await gateway.chat("long", HELLO)  # what the provider counts as input is known then
    sandbox.faults.add("stall_after", after=30)
    stream = await gateway.stream("long", HELLO)
    await until(lambda: sandbox.book[1].output_tokens == 30)
    await anext(stream)
    await stream.aclose()
    await gateway.close()
    entry = (await sandbox.book.settled())[1]
    assert entry.client_hung_up
    row = ledger.entries[1]
    assert row.outcome == "estimated"
    assert row.usage.output_tokens == entry.output_tokens == 30
    assert row.usage.input_tokens == entry.input_tokens
    assert not ledger.pending


async def test_a_reader_cancelled_between_pieces_is_one_row(
    make: Open, ledger: MemoryLedger, sandbox: ModelSandbox, until: Any
) -> None:
    gateway = make(0.02)
    sandbox.faults.add("stall_after", after=3)
    seen: list[str] = []

    async def reader() -> None:
        async with await gateway.stream("m", HELLO) as stream:
            async for piece in stream:
                seen.append(piece.text)  # noqa: PERF401 - read while it grows

    task = asyncio.create_task(reader())
    await until(lambda: len([text for text in seen if text]) == 3)
    await cancelled(task)
    assert (await sandbox.book.settled())[0].client_hung_up
    await gateway.close()
    (row,) = ledger.entries
    assert (row.outcome, row.usage.output_tokens) == ("estimated", 3)


async def test_who_leaves_before_the_first_piece_is_one_row(
    make: Open, ledger: MemoryLedger, sandbox: ModelSandbox, until: Any
) -> None:
    gateway = make(0.02)
    slow = sandbox.faults.add("slow_first_token", seconds=30)
    task = asyncio.create_task(gateway.stream("m", HELLO))
    await until(lambda: slow.struck)
    await cancelled(task)
    assert (await sandbox.book.settled())[0].client_hung_up
    await gateway.close()
    (row,) = ledger.entries
    assert (row.outcome, row.error) == ("unsettled", "cancelled")


async def test_a_stream_that_opens_after_its_caller_left_is_counted(
    make: Open, ledger: MemoryLedger, sandbox: ModelSandbox, until: Any
) -> None:
    gateway = make(10)
    released = asyncio.Event()

    async def reply(body: Any) -> str:
        del body
        await released.wait()
        return "one two three"

    sandbox.manner.reply = reply
    task = asyncio.create_task(gateway.stream("m", HELLO))
    await until(lambda: sandbox.book.in_flight)
    await cancelled(task)
    released.set()
    await gateway.close()
    (row,) = ledger.entries
    assert (row.outcome, row.usage) == ("settled", Usage(4, 3))
    assert gateway.board.of(gateway.models["m"].deployments[0]).in_flight == 0


async def test_nothing_is_pending_after_close_whatever_was_left_open(
    make: Open, ledger: MemoryLedger, sandbox: ModelSandbox
) -> None:
    store = MemoryBudgetStore()
    gateway = make(5, keeper=BudgetKeeper([Budget("day", "day", tokens=100_000)], store=store))
    held = [await gateway.stream("m", HELLO) for _ in range(3)]
    await anext(held[0])
    await gateway.close()
    assert not ledger.pending
    assert [row.outcome for row in ledger.entries] == ["settled"] * 3
    spent = sum(entry.input_tokens + entry.output_tokens for entry in sandbox.book)
    assert list(store._leased.values()) == [spent]


async def test_a_dropped_stream_is_settled_all_the_same(
    make: Open, ledger: MemoryLedger, sandbox: ModelSandbox, until: Any
) -> None:
    gateway = make(5)
    stream = await gateway.stream("m", HELLO)
    await anext(stream)
    del stream
    gc.collect()
    await until(lambda: ledger.entries)
    assert [(row.outcome, row.error, row.usage) for row in ledger.entries] == [
        ("settled", "cancelled", Usage(4, 4))
    ]


async def test_closing_a_stream_twice_or_after_its_end_changes_nothing(
    make: Open, ledger: MemoryLedger
) -> None:
    gateway = make(1)
    stream = await gateway.stream("m", HELLO)
    async for _ in stream:
        pass
    await stream.aclose()
    await stream.aclose()
    await gateway.close()
    assert [(row.outcome, row.error) for row in ledger.entries] == [("settled", "")]


async def test_many_that_leave_at_any_moment_are_one_row_each(
    make: Open, ledger: MemoryLedger, sandbox: ModelSandbox
) -> None:
    gateway = make(0.5)
    sandbox.manner.gap = 0.0005

    async def call(number: int) -> None:
        with suppress(asyncio.CancelledError, TimeoutError):
            async with asyncio.timeout(number * 0.0004):
                if number % 2:
                    await gateway.chat("long", HELLO)
                else:
                    async with await gateway.stream("long", HELLO) as stream:
                        async for _ in stream:
                            pass

    await asyncio.gather(*(call(number) for number in range(100)))
    await gateway.close()
    assert not ledger.pending
    ids = [str(row.intent.call_id) for row in ledger.entries]
    assert len(ids) == len(set(ids))
    reached = {entry.headers["x-client-request-id"] for entry in sandbox.book if entry.headers}
    assert reached <= set(ids)
    assert all(health.in_flight == 0 for health in gateway.board._known.values())
