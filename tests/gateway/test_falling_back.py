"""Which deployment takes a call, what happens when it fails, and that every decision can be seen."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from deskmind.errors import ContextTooLongError, ModelTimeoutError, ModelUnavailableError
from deskmind.gateway import Deployment, Gateway, MemoryLedger, ModelConfig, Usage
from deskmind.gateway.routing import HealthBoard, choose
from deskmind.sandbox.models import ModelSandbox

HELLO = [{"role": "user", "content": "hello there my friend"}]

Open = Callable[..., Gateway]
Make = Callable[..., dict[str, Any]]


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


def config(*deployments: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A model's definition that waits for nothing."""
    return {"deployments": list(deployments), "retries": 0, "backoff": 0, **more}


def tried(attempts: Any) -> list[tuple[str, str]]:
    """The decisions."""
    return [(item.deployment, item.outcome) for item in attempts]


def policy_config(policy: str, **weights: float) -> ModelConfig:
    """Deployments by name, with weights."""
    made = [Deployment(name=name, model=name, weight=weight) for name, weight in weights.items()]
    return ModelConfig.model_validate({"deployments": made, "policy": policy})


def no_price(deployment: Deployment) -> Decimal | None:
    """Nothing is known."""
    del deployment


async def test_the_first_in_order_answers_and_the_next_when_it_fails(
    open_gateway: Open, named: Make, sandbox: ModelSandbox
) -> None:
    gateway = open_gateway({"m": config(named("one"), named("two"))})
    assert (await gateway.chat("m", HELLO)).deployment == "one"
    sandbox.faults.add("server_error", model="one")
    reply = await gateway.chat("m", HELLO)
    assert tried(reply.attempts) == [("one", "model-unavailable"), ("two", "ok")]
    assert (reply.deployment, reply.outcome, reply.usage) == ("two", "settled", Usage(4, 4))
    assert reply.attempts[0].usage is None
    assert reply.attempts[1].usage == Usage(4, 4)


async def test_when_all_fail_the_error_names_every_attempt(
    open_gateway: Open, named: Make, sandbox: ModelSandbox
) -> None:
    ledger = MemoryLedger()
    gateway = open_gateway({"m": config(named("one"), named("two"), retries=1)}, ledger=ledger)
    sandbox.faults.add("server_error")
    with pytest.raises(ModelUnavailableError) as raised:
        await gateway.chat("m", HELLO)
    named = [line.rpartition(" (")[0] for line in raised.value.details["attempts"]]
    assert named == ["one: model-unavailable", "two: model-unavailable"] * 2
    (row,) = ledger.entries
    assert (row.outcome, row.cost, row.usage, row.attempts) == ("free", 0, Usage(), 4)
    assert row.error == "model-unavailable"


async def test_a_longer_context_elsewhere_takes_what_is_too_long_here(
    open_gateway: Open, named: Make, sandbox: ModelSandbox
) -> None:
    sandbox.faults.add("context_length", model="small")
    gateway = open_gateway({"m": config(named("small"), named("large"), retries=3)})
    reply = await gateway.chat("m", HELLO)
    assert tried(reply.attempts) == [("small", "context-too-long"), ("large", "ok")]
    sandbox.faults.add("context_length", model="large")
    with pytest.raises(ContextTooLongError) as raised:
        await gateway.chat("m", HELLO)
    assert len(raised.value.details["attempts"]) == 2  # no second round: it stays too long


async def test_back_off_has_full_jitter_and_a_bound(
    open_gateway: Open, named: Make, sandbox: ModelSandbox
) -> None:
    sandbox.faults.add("server_error", at=(1, 2, 3, 4))
    gateway = open_gateway({"m": config(named(), retries=4, backoff=0.01, max_backoff=0.02)})
    reply = await gateway.chat("m", HELLO)
    waits = [item.waited for item in reply.attempts]
    assert len(waits) == 5
    assert waits[0] == 0
    assert all(0 <= wait <= bound for wait, bound in zip(waits[1:], (0.01, 0.02, 0.02, 0.02), strict=True))
    assert len(set(waits)) == 5


async def test_one_that_limits_the_rate_is_left_for_the_other(
    open_gateway: Open, named: Make, sandbox: ModelSandbox
) -> None:
    sandbox.faults.add("rate_limit", model="one", retry_after=60)
    gateway = open_gateway({"m": config(named("one"), named("two"))})
    first, second = await gateway.chat("m", HELLO), await gateway.chat("m", HELLO)
    assert tried(first.attempts) == [("one", "rate-limited"), ("two", "ok")]
    assert tried(second.attempts) == [("one", "skipped"), ("two", "ok")]


async def test_the_whole_call_is_bound_in_time(
    open_gateway: Open, named: Make, sandbox: ModelSandbox
) -> None:
    ledger = MemoryLedger()
    sandbox.faults.add("slow_headers", seconds=30, model="two")
    sandbox.faults.add("server_error", model="one")
    models = {"m": config(named("one"), named("two"), timeouts={"total": 1})}
    gateway = open_gateway(models, ledger=ledger)
    with pytest.raises(ModelTimeoutError, match=r"\(two\)"):
        await gateway.chat("m", HELLO)
    (row,) = ledger.entries
    assert row.outcome != "settled"
    assert row.error == "model-timeout"


def test_weights_are_shares_of_the_calls() -> None:
    random.seed(7)
    weighted = policy_config("weighted", a=6, b=3, c=1, never=0)
    board = HealthBoard()
    orders = [choose(weighted, board, no_price) for _ in range(4_000)]
    first = Counter(order[0].name for order in orders)
    assert first["a"] / 4_000 == pytest.approx(0.6, abs=0.03)
    assert first["b"] / 4_000 == pytest.approx(0.3, abs=0.03)
    assert first["c"] / 4_000 == pytest.approx(0.1, abs=0.03)
    assert first["never"] == 0
    assert all(order[-1].name == "never" for order in orders)  # the last resort


def test_the_quickest_is_tried_first_after_those_not_known() -> None:
    policy = policy_config("least-latency", a=1, b=1, c=1)
    board = HealthBoard()
    a, b, c = policy.deployments
    for item, seconds in ((a, 0.5), (b, 0.1)):
        board.started(item)
        board.succeeded(item, seconds)
    assert [item.name for item in choose(policy, board, no_price)] == ["c", "b", "a"]
    board.started(c)
    board.succeeded(c, 0.3)
    assert [item.name for item in choose(policy, board, no_price)] == ["b", "c", "a"]


def test_the_cheapest_is_tried_first_and_unknown_prices_last() -> None:
    policy = policy_config("least-cost", dear=1, unknown=1, free=1, cheap=1)
    prices = {"dear": Decimal(5), "cheap": Decimal(1), "free": Decimal(0)}
    order = choose(policy, HealthBoard(), lambda item: prices.get(item.name))
    assert [item.name for item in order] == ["free", "cheap", "dear", "unknown"]


async def test_the_least_busy_takes_the_call_and_open_streams_count(open_gateway: Open, named: Make) -> None:
    gateway = open_gateway({"m": config(named("one"), named("two"), policy="least-busy")})
    async with await gateway.stream("m", HELLO) as first, await gateway.stream("m", HELLO) as second:
        assert {first.deployment, second.deployment} == {"one", "two"}
        async for _ in first:
            pass
        third = await gateway.stream("m", HELLO)
        assert third.deployment == first.deployment
        await third.aclose()
    await gateway.close()
    assert {name: health.in_flight for name, health in gateway.board._known.items()} == {"one": 0, "two": 0}


async def test_a_breaker_opens_is_probed_by_one_call_and_closes(
    open_gateway: Open, named: Make, sandbox: ModelSandbox
) -> None:
    gateway = open_gateway({"m": config(named("one"), named("two"), breaker_failures=2, cooldown=20)})
    clock = gateway.board.clock = Clock()
    broken = sandbox.faults.add("server_error", model="one")
    for _ in range(2):
        assert tried((await gateway.chat("m", HELLO)).attempts)[0] == ("one", "model-unavailable")
    for _ in range(3):
        assert tried((await gateway.chat("m", HELLO)).attempts) == [("one", "skipped"), ("two", "ok")]
    assert broken.seen == 2

    clock.now += 20  # half open: one of many calls probes, and finds it still broken
    replies = await asyncio.gather(*(gateway.chat("m", HELLO) for _ in range(8)))
    outcomes = Counter(tried(reply.attempts)[0] for reply in replies)
    assert outcomes == {("one", "model-unavailable"): 1, ("one", "skipped"): 7}
    assert tried((await gateway.chat("m", HELLO)).attempts)[0] == ("one", "skipped")

    sandbox.faults.clear()
    clock.now += 20
    assert tried((await gateway.chat("m", HELLO)).attempts) == [("one", "ok")]
    replies = await asyncio.gather(*(gateway.chat("m", HELLO) for _ in range(8)))
    assert {reply.deployment for reply in replies} == {"one"}


async def test_a_call_does_not_wait_for_breakers_that_stay_open_long(
    open_gateway: Open, named: Make, sandbox: ModelSandbox
) -> None:
    gateway = open_gateway({"m": config(named(), retries=0, breaker_failures=1, cooldown=60)})
    sandbox.faults.add("server_error")
    with pytest.raises(ModelUnavailableError):
        await gateway.chat("m", HELLO)
    gateway.models["patient"] = gateway.models["m"].model_copy(update={"retries": 5})
    with pytest.raises(ModelUnavailableError, match="left alone") as raised:
        await gateway.chat("patient", HELLO)
    assert raised.value.details["retry_after"] == pytest.approx(60, abs=5)
    assert raised.value.details["attempts"] == ["echo: skipped (0 ms)"]
    assert len(sandbox.book) == 1


async def test_a_hung_up_probe_leaves_the_breaker_to_the_next_call(
    open_gateway: Open, named: Make, sandbox: ModelSandbox, until: Any
) -> None:
    gateway = open_gateway({"m": config(named(), breaker_failures=1, cooldown=20, drain=0)})
    clock = gateway.board.clock = Clock()
    fault = sandbox.faults.add("server_error")
    with pytest.raises(ModelUnavailableError):
        await gateway.chat("m", HELLO)
    sandbox.faults.remove(fault)
    clock.now += 20
    slow = sandbox.faults.add("slow_headers", seconds=30)
    probe = asyncio.create_task(gateway.chat("m", HELLO))
    await until(lambda: slow.struck)
    probe.cancel()
    with pytest.raises(asyncio.CancelledError):
        await probe
    await until(lambda: not gateway.board.of(gateway.models["m"].deployments[0]).in_flight)
    sandbox.faults.clear()
    assert (await gateway.chat("m", HELLO)).text


class Told:
    """What replicas tell each other, in one process."""

    def __init__(self) -> None:
        self.out: dict[str, float] = {}

    def announce(self, deployment: str, until: float) -> None:
        self.out[deployment] = until

    def known(self) -> dict[str, float]:
        return self.out

    async def close(self) -> None:
        """Nothing to close."""


async def test_replicas_tell_each_other_what_is_out(
    open_gateway: Open, named: Make, sandbox: ModelSandbox
) -> None:
    told = Told()
    models = {"m": config(named("one"), named("two"), breaker_failures=1)}
    north, south = (open_gateway(models, shared=told) for _ in range(2))
    fault = sandbox.faults.add("server_error", model="one")
    await north.chat("m", HELLO)
    assert tried((await south.chat("m", HELLO)).attempts) == [("one", "skipped"), ("two", "ok")]
    assert fault.seen == 1


@pytest.mark.parametrize("fault", ["cut_before_first_token", "server_error", "empty_body"])
async def test_a_stream_that_breaks_before_its_first_piece_goes_elsewhere_silently(
    open_gateway: Open, named: Make, sandbox: ModelSandbox, fault: Any
) -> None:
    gateway = open_gateway({"m": config(named("one"), named("two"))})
    sandbox.faults.add(fault, model="one")
    async with await gateway.stream("m", HELLO) as stream:
        pieces = [piece async for piece in stream]
    assert "".join(piece.text for piece in pieces) == "hello there my friend"
    assert not any(piece.restarted for piece in pieces)
    assert stream.response is not None
    assert [outcome for _, outcome in tried(stream.response.attempts)][1:] == ["ok"]
    assert stream.response.attempts[0].outcome in {"stream-broken", "model-unavailable"}


async def test_a_first_piece_that_does_not_come_sends_the_call_elsewhere(
    open_gateway: Open, named: Make, sandbox: ModelSandbox
) -> None:
    models = {"m": config(named("one"), named("two"), timeouts={"first_token": 1})}
    sandbox.faults.add("slow_first_token", model="one", seconds=30)
    async with await open_gateway(models).stream("m", HELLO) as stream:
        text = "".join([piece.text async for piece in stream])
    assert text == "hello there my friend"
    assert stream.response is not None
    assert tried(stream.response.attempts) == [("one", "model-timeout"), ("two", "ok")]
