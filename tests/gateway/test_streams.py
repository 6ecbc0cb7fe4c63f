"""Streams that break after their first piece: a clear error or a restart, charged once, seen in the attempts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from deskmind.errors import ModelTimeoutError, StreamBrokenError
from deskmind.gateway import Gateway, MemoryLedger
from deskmind.sandbox.models import ModelSandbox

HELLO = [{"role": "user", "content": "hello there my friend"}]

Open = Callable[..., Gateway]
Make = Callable[..., dict[str, Any]]


async def read(stream: Any) -> tuple[str, list[Any]]:
    """The text that a reader shows who begins anew when told to, and all pieces."""
    text, pieces = "", []
    async for piece in stream:
        text = piece.text if piece.restarted else text + piece.text
        pieces.append(piece)
    return text, pieces


@pytest.mark.parametrize("fault", ["cut_after", "error_in_stream", "bad_json"])
async def test_a_broken_stream_is_a_clear_error_and_charged(
    open_gateway: Open, named: Make, sandbox: ModelSandbox, fault: Any
) -> None:
    ledger = MemoryLedger()
    models = {"m": {"deployments": [named("one"), named("two")], "retries": 0}}
    gateway = open_gateway(models, ledger=ledger)
    sandbox.faults.add(fault, after=2)
    stream = await gateway.stream("m", HELLO)
    with pytest.raises(StreamBrokenError, match="broke off") as raised:
        await read(stream)
    assert [line.rpartition(" (")[0] for line in raised.value.details["attempts"]] == ["one: stream-broken"]
    assert [piece async for piece in stream] == []  # it stays over
    (row,) = ledger.entries
    assert (row.outcome, row.error, row.deployment) == ("estimated", "stream-broken", "one")
    (entry,) = sandbox.book
    assert row.usage.output_tokens == entry.output_tokens == 2
    assert not ledger.pending


async def test_a_configured_restart_replaces_the_text_and_charges_both(
    open_gateway: Open, named: Make, sandbox: ModelSandbox
) -> None:
    ledger = MemoryLedger()
    models = {
        "m": {
            "deployments": [named("one"), named("two")],
            "retries": 0,
            "restart_broken_streams": True,
        }
    }
    gateway = open_gateway(models, ledger=ledger)
    for name in ("one", "two"):  # what each counts as input is known then
        await gateway.chat("m", HELLO)
        sandbox.faults.add("server_error", model=name, at=(1,))
    sandbox.faults.clear()
    before = len(sandbox.book)
    sandbox.faults.add("cut_after", after=3, model="one")
    async with await gateway.stream("m", HELLO) as stream:
        text, pieces = await read(stream)
    assert text == "hello there my friend"
    assert [piece.restarted for piece in pieces].count(True) == 1
    reply = stream.response
    assert reply is not None
    assert (reply.text, reply.deployment, reply.outcome) == ("hello there my friend", "two", "estimated")
    assert [(item.deployment, item.outcome) for item in reply.attempts] == [
        ("one", "stream-broken"),
        ("two", "ok"),
    ]
    entries = sandbox.book.entries[before:]
    assert reply.usage.output_tokens == sum(entry.output_tokens for entry in entries) == 3 + 4
    assert reply.usage.input_tokens == sum(entry.input_tokens for entry in entries)
    assert [item.usage.output_tokens for item in reply.attempts if item.usage] == [3, 4]


async def test_a_model_with_one_deployment_restarts_on_it(
    open_gateway: Open, named: Make, sandbox: ModelSandbox
) -> None:
    models = {"m": {"deployments": [named()], "retries": 0, "restart_broken_streams": True}}
    sandbox.faults.add("cut_after", after=1, at=(1,))
    async with await open_gateway(models).stream("m", HELLO) as stream:
        text, pieces = await read(stream)
    assert text == "hello there my friend"
    assert [piece.restarted for piece in pieces].count(True) == 1


async def test_a_restart_that_fails_too_is_an_error_with_every_attempt(
    open_gateway: Open, named: Make, sandbox: ModelSandbox
) -> None:
    ledger = MemoryLedger()
    models = {
        "m": {
            "deployments": [named("one"), named("two")],
            "retries": 0,
            "restart_broken_streams": True,
        }
    }
    gateway = open_gateway(models, ledger=ledger)
    sandbox.faults.add("cut_after", after=2, model="one")
    sandbox.faults.add("rate_limit", model="two")
    with pytest.raises(Exception, match="takes no more calls") as raised:
        await read(await gateway.stream("m", HELLO))
    assert [line.rpartition(" (")[0] for line in raised.value.details["attempts"]] == [  # type: ignore[attr-defined]
        "one: stream-broken",
        "two: rate-limited",
    ]
    (row,) = ledger.entries
    assert (row.outcome, row.error, row.usage.output_tokens) == ("estimated", "rate-limited", 2)


async def test_who_leaves_during_a_restart_is_charged_once_for_what_broke(
    open_gateway: Open, named: Make, sandbox: ModelSandbox, until: Any
) -> None:
    ledger = MemoryLedger()
    models = {
        "m": {
            "deployments": [named("one"), named("two")],
            "retries": 0,
            "restart_broken_streams": True,
        }
    }
    gateway = open_gateway(models, ledger=ledger)
    sandbox.faults.add("cut_after", after=2, model="one")
    slow = sandbox.faults.add("slow_headers", model="two", seconds=30)

    async def reader() -> None:
        async with await gateway.stream("m", HELLO) as stream:
            await read(stream)

    task = asyncio.create_task(reader())
    await until(lambda: slow.struck)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await gateway.close()
    (row,) = ledger.entries
    assert row.outcome == "unsettled"  # nobody knows what the second charges: its reserved maximum stands
    assert row.usage.output_tokens == 2 + row.intent.tokens
    assert (await sandbox.book.settled())[1].client_hung_up


async def test_a_stream_that_stalls_is_given_up_and_its_connection_closed(
    open_gateway: Open, named: Make, sandbox: ModelSandbox
) -> None:
    models = {"m": {"deployments": [named()], "retries": 0, "timeouts": {"gap": 0.05}}}
    sandbox.faults.add("stall_after", after=2)
    with pytest.raises(ModelTimeoutError):
        await read(await open_gateway(models).stream("m", HELLO))
    assert (await sandbox.book.settled())[0].client_hung_up


async def test_a_restart_does_not_outlive_the_calls_time(
    open_gateway: Open, named: Make, sandbox: ModelSandbox
) -> None:
    timeouts = {"gap": 30, "total": 0.2}
    models = {
        "m": {
            "deployments": [named()],
            "retries": 0,
            "timeouts": timeouts,
            "restart_broken_streams": True,
        }
    }
    sandbox.faults.add("stall_after", after=2)
    with pytest.raises(ModelTimeoutError):
        await read(await open_gateway(models).stream("m", HELLO))
    assert len(sandbox.book) <= 2


async def test_a_deployment_whose_streams_break_is_taken_out(
    open_gateway: Open, named: Make, sandbox: ModelSandbox
) -> None:
    models = {
        "m": {
            "deployments": [named("one"), named("two")],
            "retries": 0,
            "breaker_failures": 2,
        }
    }
    gateway = open_gateway(models)
    sandbox.faults.add("cut_after", after=1, model="one")
    for _ in range(2):
        with pytest.raises(StreamBrokenError):
            await read(await gateway.stream("m", HELLO))
    async with await gateway.stream("m", HELLO) as stream:
        assert stream.deployment == "two"
