"""What LiteLLM only translates stays ours: waits, time limits, hang-ups, broken streams, counts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from decimal import Decimal
from importlib.util import find_spec
from typing import Any

import pytest

from deskmind.errors import (
    ContentFilteredError,
    ContextTooLongError,
    ModelTimeoutError,
    ModelUnavailableError,
    RateLimitedError,
    StreamBrokenError,
)
from deskmind.gateway import Gateway, MemoryLedger, Usage
from deskmind.sandbox.models import DEFAULT_KEY, ModelSandbox, Reply

if find_spec("litellm") is None:
    pytest.skip("LiteLLM is optional", allow_module_level=True)

HELLO = [{"role": "user", "content": "hello there my friend"}]

Open = Callable[..., Gateway]


@pytest.fixture(params=["openai", "anthropic", "gemini"])
def way(request: pytest.FixtureRequest) -> str:
    """Which wire format is spoken."""
    return request.param


@pytest.fixture
def ledger() -> MemoryLedger:
    """Where the calls of a test are booked."""
    return MemoryLedger()


@pytest.fixture
def make(open_gateway: Open, sandbox: ModelSandbox, way: str, ledger: MemoryLedger) -> Callable[..., Gateway]:
    """A gateway with the models ``m`` and ``long``."""
    path = {"openai": "/v1", "anthropic": "", "gemini": "/v1beta"}[way]

    def made(**more: Any) -> Gateway:
        def config(model: str) -> dict[str, Any]:
            deployment = {
                "provider": "litellm",
                "model": f"{way}/{model}",
                "base_url": sandbox.base_url + path,
                "api_key": DEFAULT_KEY,
                "price": {"input": "1", "output": "2"},
            }
            return {"deployments": [deployment], "retries": 0, "backoff": 0, **more}

        return open_gateway({"m": config("echo"), "long": config("echo-50")}, ledger=ledger)

    return made


async def test_another_gateway_of_the_process_works_after_one_was_closed(make: Open) -> None:
    for _ in range(2):
        gateway = make()
        assert (await gateway.chat("m", HELLO)).text
        await gateway.close()


@pytest.mark.parametrize("operation", ["chat", "stream"])
async def test_the_wait_it_asks_for_is_passed_on(make: Open, sandbox: ModelSandbox, operation: str) -> None:
    sandbox.faults.add("rate_limit", retry_after=30)
    with pytest.raises(RateLimitedError) as raised:
        await getattr(make(), operation)("m", HELLO)
    assert raised.value.details["provider"] == "litellm"
    assert raised.value.details["retry_after"] == 30


@pytest.mark.parametrize("operation", ["chat", "stream"])
async def test_silence_is_given_up_in_time_and_the_connection_closed(
    make: Open, sandbox: ModelSandbox, operation: str
) -> None:
    gateway = make(timeouts={"first_token": 0.3, "total": 0.3})
    sandbox.faults.add("slow_headers", seconds=30)
    with pytest.raises(ModelTimeoutError):
        await getattr(gateway, operation)("m", HELLO)
    assert (await sandbox.book.settled())[-1].client_hung_up


async def test_a_cancelled_chat_closes_the_connection(
    make: Open, sandbox: ModelSandbox, ledger: MemoryLedger, until: Any
) -> None:
    gateway = make(drain=0)
    slow = sandbox.faults.add("slow_headers", seconds=30)
    task = asyncio.create_task(gateway.chat("m", HELLO))
    await until(lambda: slow.struck)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (await sandbox.book.settled())[-1].client_hung_up
    await gateway.close()
    assert [row.outcome for row in ledger.entries] == ["unsettled"]


async def test_a_left_stream_is_closed_and_booked(
    make: Open, sandbox: ModelSandbox, ledger: MemoryLedger, until: Any
) -> None:
    gateway = make(drain=0.05)
    await gateway.chat("long", HELLO)
    sandbox.faults.add("stall_after", after=20)
    stream = await gateway.stream("long", HELLO)
    await until(lambda: sandbox.book[-1].output_tokens == 20)
    await stream.aclose()
    await gateway.close()
    entry = (await sandbox.book.settled())[-1]
    assert entry.client_hung_up
    row = ledger.entries[-1]
    assert (row.outcome, row.error) == ("estimated", "cancelled")
    assert abs(row.usage.output_tokens - entry.output_tokens) <= 1
    assert not ledger.pending


async def test_a_left_stream_that_goes_on_is_counted_by_the_provider(
    make: Open, sandbox: ModelSandbox, ledger: MemoryLedger
) -> None:
    gateway = make(drain=10)
    async with await gateway.stream("long", HELLO) as stream:
        await anext(stream)
    await gateway.close()
    (row,) = ledger.entries
    (entry,) = sandbox.book
    assert (row.outcome, row.usage) == ("settled", Usage(entry.input_tokens, entry.output_tokens))


async def test_a_stream_that_breaks_says_so(make: Open, sandbox: ModelSandbox, ledger: MemoryLedger) -> None:
    gateway = make()
    sandbox.faults.add("cut_after", after=3)
    stream = await gateway.stream("long", HELLO)
    with pytest.raises(StreamBrokenError):
        async for _ in stream:
            pass
    (row,) = ledger.entries
    assert (row.outcome, row.error) == ("estimated", "stream-broken")


@pytest.mark.parametrize("operation", ["chat", "stream"])
@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("rate_limit", RateLimitedError),
        ("server_error", ModelUnavailableError),
        ("context_length", ContextTooLongError),
    ],
)
async def test_a_refusal_has_its_error_and_costs_nothing(
    make: Open, sandbox: ModelSandbox, ledger: MemoryLedger, operation: str, fault: Any, error: Any
) -> None:
    sandbox.faults.add(fault)
    with pytest.raises(error) as raised:
        await getattr(make(), operation)("m", HELLO)
    assert type(raised.value) is error
    (row,) = ledger.entries
    assert (row.outcome, row.cost, row.error) == ("free", 0, error.code)


@pytest.mark.parametrize("fault", ["bad_json", "empty_body", "cut_after"])
async def test_a_reply_that_cannot_be_read_is_charged_and_asked_for_again(
    make: Open, sandbox: ModelSandbox, ledger: MemoryLedger, fault: Any
) -> None:
    sandbox.faults.add(fault, at=(1,))
    reply = await make(retries=1).chat("m", HELLO)
    assert [item.outcome for item in reply.attempts] == ["model-unavailable", "ok"]
    assert reply.outcome == "estimated"
    assert reply.usage == Usage(sandbox.book.billed_input_tokens, sandbox.book.billed_output_tokens)
    assert ledger.entries[0].usage == reply.usage


async def test_filtered_content_has_its_error(make: Open, sandbox: ModelSandbox) -> None:
    sandbox.faults.add("content_filter")
    with pytest.raises(ContentFilteredError):
        await make().chat("m", HELLO)


async def test_cached_input_is_counted(make: Open, sandbox: ModelSandbox) -> None:
    sandbox.script([Reply("fine", cached_tokens=3)])
    reply = await make().chat("m", HELLO)
    assert reply.usage == Usage(4, 1, cached_tokens=3)
    assert reply.cost == Decimal("0.000006")


async def test_many_at_once_are_each_booked_as_counted(
    make: Open, sandbox: ModelSandbox, ledger: MemoryLedger
) -> None:
    gateway = make(retries=3)
    sandbox.faults.add("server_error", rate=0.1)
    await asyncio.gather(*(gateway.chat("m", HELLO) for _ in range(40)))
    assert [row.outcome for row in ledger.entries] == ["settled"] * 40
    assert sum(row.usage.input_tokens for row in ledger.entries) == sandbox.book.billed_input_tokens
    assert sum(row.usage.output_tokens for row in ledger.entries) == sandbox.book.billed_output_tokens


@pytest.mark.parametrize(
    ("vendor", "path", "counts"),
    [
        ("jina_ai", "/v1", True),
        ("cohere", "", False),
        ("hosted_vllm", "/v1", False),
    ],
)
async def test_a_ranking_has_the_providers_order_and_count(
    open_gateway: Open, sandbox: ModelSandbox, ledger: MemoryLedger, vendor: str, path: str, counts: bool
) -> None:
    deployment = {
        "provider": "litellm",
        "model": f"{vendor}/echo-rerank",
        "base_url": sandbox.base_url + path,
        "api_key": DEFAULT_KEY,
        "price": {"input": "1", "output": "0"},
    }
    gateway = open_gateway({"r": {"deployments": [deployment], "retries": 0}}, ledger=ledger)
    documents = ["the vpn token", "reset the printer", "printer"]
    ranking = await gateway.rerank("r", "reset printer", documents, limit=2)
    assert ranking.results == ((1, 1.0), (2, 0.5))
    (entry,) = sandbox.book.entries
    (row,) = ledger.entries
    assert row.outcome == ("settled" if counts else "estimated")  # Cohere's format bills searches, not tokens
    if counts:
        assert row.usage == Usage(entry.input_tokens)
    sandbox.faults.add("rate_limit")
    with pytest.raises(RateLimitedError):
        await gateway.rerank("r", "reset printer", documents)
