"""Which deployment is called, what happens when it fails, and that every decision can be seen."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deskmind.errors import ConfigurationError, ModelUnavailableError, StreamBrokenError
from deskmind.gateway import Gateway, MemoryLedger, ModelConfig, Usage
from deskmind.gateway.models import Price, model_configs
from deskmind.gateway.prices import PriceList, cost_of
from deskmind.gateway.routing import HealthBoard, choose
from deskmind.sandbox.models import ModelSandbox

MakeGateway = Callable[..., Gateway]
_HELLO = [{"role": "user", "content": "hello there my friend"}]


def _config(policy: str = "order", **more: Any) -> ModelConfig:
    return ModelConfig.model_validate(
        {
            "policy": policy,
            "deployments": [
                {
                    "name": "a",
                    "model": "a",
                    "base_url": "http://a.test",
                    "weight": 3,
                    "price": {"input": "5"},
                },
                {"name": "b", "model": "b", "base_url": "http://b.test", "weight": 1},
                {
                    "name": "c",
                    "model": "c",
                    "base_url": "http://c.test",
                    "weight": 0,
                    "price": {"input": "1"},
                },
            ],
            **more,
        }
    )


def _order(config: ModelConfig, board: HealthBoard) -> list[str]:
    return [item.name for item in choose(config, board, PriceList().blended)]


def test_policies_order_the_deployments() -> None:
    board = HealthBoard()
    a, b, c = _config().deployments
    assert _order(_config("order"), board) == ["a", "b", "c"]
    assert _order(_config("least-cost"), board) == ["c", "a", "b"]
    for item, seconds in ((a, 0.5), (b, 0.1), (c, 0.3)):
        board.started(item)
        board.succeeded(item, seconds)
    assert _order(_config("least-latency"), board) == ["b", "c", "a"]
    board.started(b)
    board.started(b)
    board.started(a)
    assert _order(_config("least-busy"), board) == ["c", "a", "b"]


def test_weights_are_shares_of_the_calls() -> None:
    random.seed(5)
    first = Counter(_order(_config("weighted"), HealthBoard())[0] for _ in range(4_000))
    assert first["c"] == 0
    assert 2.6 < first["a"] / first["b"] < 3.5


def test_a_breaker_opens_is_probed_by_one_call_and_closes() -> None:
    now = [1_000.0]
    board = HealthBoard(clock=lambda: now[0])
    config = _config(breaker_failures=2, cooldown=10)
    item = config.deployments[0]
    for _ in range(2):
        assert board.of(item).available(now[0])
        board.started(item)
        board.failed(item, config, unhealthy=True)
    assert not board.of(item).available(now[0])
    now[0] += 11
    assert board.of(item).available(now[0])
    board.started(item)
    assert not board.of(item).available(now[0])
    board.succeeded(item, 0.1)
    assert board.of(item).available(now[0])


async def test_the_next_deployment_answers_and_the_attempts_tell(
    sandbox: ModelSandbox, make_gateway: MakeGateway, deployment: Any
) -> None:
    sandbox.faults.add("server_error", model="echo")
    gateway = make_gateway({"m": [deployment("echo", name="one"), deployment("echo-3", name="two")]})
    reply = await gateway.chat("m", _HELLO)
    assert (reply.deployment, len(reply.text.split())) == ("two", 3)
    assert [(item.deployment, item.outcome) for item in reply.attempts] == [
        ("one", "model-unavailable"),
        ("two", "ok"),
    ]


async def test_a_round_is_repeated_after_a_wait(
    sandbox: ModelSandbox, make_gateway: MakeGateway, deployment: Any
) -> None:
    sandbox.faults.add("server_error", at=(1, 2))
    gateway = make_gateway({"m": {"deployments": [deployment()], "retries": 2, "backoff": 0.001}})
    reply = await gateway.chat("m", _HELLO)
    assert [item.outcome for item in reply.attempts] == ["model-unavailable", "model-unavailable", "ok"]
    sandbox.faults.add("server_error")
    with pytest.raises(ModelUnavailableError) as raised:
        await gateway.chat("m", _HELLO)
    assert len(raised.value.details["attempts"]) == 3


async def test_a_provider_that_asks_to_wait_is_waited_for(
    sandbox: ModelSandbox, make_gateway: MakeGateway, deployment: Any
) -> None:
    sandbox.faults.add("rate_limit", at=(1,), retry_after=0.2, retry_form="milliseconds")
    gateway = make_gateway({"m": {"deployments": [deployment()], "retries": 1, "backoff": 0.0}})
    reply = await gateway.chat("m", _HELLO)
    assert reply.attempts[-1].waited >= 0.2


async def test_a_stream_that_fails_before_its_first_piece_goes_on_elsewhere_unseen(
    sandbox: ModelSandbox, make_gateway: MakeGateway, deployment: Any
) -> None:
    sandbox.faults.add("cut_before_first_token", model="echo")
    gateway = make_gateway({"m": [deployment("echo", name="one"), deployment("echo-5", name="two")]})
    async with await gateway.stream("m", _HELLO) as stream:
        text = "".join([piece.text async for piece in stream])
    assert len(text.split()) == 5
    assert stream.response is not None
    assert stream.response.deployment == "two"
    assert [item.outcome for item in stream.response.attempts] == ["stream-broken", "ok"]


@pytest.mark.parametrize("kind", ["cut_after", "error_in_stream", "bad_json"])
async def test_a_stream_that_breaks_later_says_so_and_is_charged(
    sandbox: ModelSandbox, make_gateway: MakeGateway, deployment: Any, kind: Any
) -> None:
    sandbox.faults.add(kind, after=4)
    gateway = make_gateway({"m": deployment("echo-9")})
    seen: list[str] = []

    async def read() -> None:
        async with await gateway.stream("m", _HELLO) as stream:
            async for piece in stream:
                seen.append(piece.text)  # noqa: PERF401

    with pytest.raises(StreamBrokenError, match="broke off"):
        await read()
    assert len("".join(seen).split()) == 4
    ledger = gateway.ledger
    assert isinstance(ledger, MemoryLedger)
    (row,) = ledger.entries
    assert (row.outcome, row.usage.output_tokens, row.error) == ("estimated", 4, "stream-broken")


async def test_a_broken_stream_begins_anew_where_that_is_configured(
    sandbox: ModelSandbox, make_gateway: MakeGateway, deployment: Any
) -> None:
    sandbox.faults.add("cut_after", after=4, model="echo-9")
    gateway = make_gateway(
        {
            "m": {
                "deployments": [deployment("echo-9", name="one"), deployment("echo-6", name="two")],
                "restart_broken_streams": True,
            }
        }
    )
    text = ""
    async with await gateway.stream("m", _HELLO) as stream:
        async for piece in stream:
            text = piece.text if piece.restarted else text + piece.text
    assert len(text.split()) == 6
    assert stream.response is not None
    assert stream.response.usage.output_tokens == 4 + 6


async def test_a_cancelled_call_is_finished_and_booked_with_the_providers_count(
    sandbox: ModelSandbox, make_gateway: MakeGateway, deployment: Any
) -> None:
    sandbox.faults.add("slow_headers", seconds=0.2)
    gateway = make_gateway({"m": {"deployments": [deployment()], "drain": 5}})
    call = asyncio.create_task(gateway.chat("m", _HELLO))
    while not sandbox.book.entries:
        await asyncio.sleep(0)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    await gateway.close()
    ledger = gateway.ledger
    assert isinstance(ledger, MemoryLedger)
    (row,) = ledger.entries
    (entry,) = sandbox.book.entries
    assert (row.outcome, row.error) == ("settled", "cancelled")
    assert (row.usage.input_tokens, row.usage.output_tokens) == (entry.input_tokens, entry.output_tokens)


async def test_a_cancelled_call_that_does_not_end_stands_with_its_maximum(
    sandbox: ModelSandbox, make_gateway: MakeGateway, deployment: Any
) -> None:
    sandbox.faults.add("slow_headers", seconds=60)
    gateway = make_gateway({"m": {"deployments": [deployment()], "drain": 0.05}})
    call = asyncio.create_task(gateway.chat("m", _HELLO, max_tokens=77))
    while not sandbox.book.entries:
        await asyncio.sleep(0)
    call.cancel()
    await gateway.close()
    ledger = gateway.ledger
    assert isinstance(ledger, MemoryLedger)
    (row,) = ledger.entries
    assert row.outcome == "unsettled"
    assert row.usage.output_tokens >= 77


def test_short_forms_and_wrong_definitions() -> None:
    models = model_configs({"a": "openai/gpt-4o-mini", "b": "anthropic/claude", "c": {"model": "x"}})
    assert [config.deployments[0].provider for config in models.values()] == ["openai", "litellm", "openai"]
    for wrong in (
        {"model": "x", "base_url": "ftp://x"},
        {"model": "x", "base_url": "http://user:secret@x"},
        {"provider": "azure", "model": "x"},
        {"model": ""},
        {"model": "x", "api_key": "sk-secret", "nonsense": 1},
        {"deployments": []},
    ):
        with pytest.raises(ConfigurationError, match="not defined rightly") as raised:
            model_configs({"m": wrong})
        assert "secret" not in str(raised.value)


def test_list_prices_are_for_list_providers_only() -> None:
    prices = PriceList()
    configs = model_configs(
        {
            "openai": "openai/gpt-4o-mini",
            "own": {"model": "gpt-4o-mini", "base_url": "http://127.0.0.1:1/v1"},
            "azure": {"provider": "azure", "model": "gpt-4o-mini", "base_url": "https://x.openai.azure.com"},
            "stated": {"model": "m", "base_url": "http://127.0.0.1:1/v1", "price": {"input": "0"}},
        }
    )
    price = {name: prices.price(config.deployments[0]) for name, config in configs.items()}
    assert (
        price["openai"]
        == price["azure"]
        == Price(input=Decimal("0.15"), output=Decimal("0.6"), cached_input=Decimal("0.075"))
    )
    assert price["own"] is None
    assert price["stated"] == Price(input=Decimal(0))
    assert prices.limits(configs["openai"].deployments[0]).input_tokens == 128_000


@given(st.integers(0, 10**7), st.integers(0, 10**7), st.integers(0, 10**7))
def test_costs_are_exact(read: int, written: int, cached: int) -> None:
    price = Price(input=Decimal("0.15"), output=Decimal("0.6"), cached_input=Decimal("0.075"))
    cost = cost_of(price, Usage(read, written, min(cached, read)))
    kept = min(cached, read)
    assert cost * 10**9 == 150 * (read - kept) + 75 * kept + 600 * written
