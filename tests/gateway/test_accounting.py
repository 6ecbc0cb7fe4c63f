"""A thousand calls with faults and hang-ups: a row for each, the provider's own count, estimates close to it."""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from deskmind.errors import ModelError
from deskmind.gateway import Gateway, MemoryLedger
from deskmind.gateway.tokens import estimate_text, likely_text
from deskmind.prompts.tokens import token_counter
from deskmind.sandbox.models import ModelSandbox
from deskmind.sandbox.models.book import Entry

CALLS, AT_ONCE = 1_000, 32
WORDS = (
    "the printer on the third floor does not answer and the vpn asks for a token that was never sent "
    "please reset my password and tell the service desk when the laptop is ready to be collected"
).split()

Open = Callable[..., Gateway]
Make = Callable[..., dict[str, Any]]


def question(draw: random.Random) -> list[dict[str, str]]:
    """A message of 5 to 40 words."""
    return [{"role": "user", "content": " ".join(draw.choices(WORDS, k=draw.randint(5, 40)))}]


async def converse(gateway: Gateway, number: int, draw: random.Random) -> None:
    """A call as users make them: whole or streamed, some leave in the middle."""
    leaves = draw.random() < 0.1
    asked = question(draw)
    if number % 2:
        task = asyncio.create_task(gateway.chat("m", asked))
        if leaves:
            await asyncio.sleep(draw.random() * 0.004)
            task.cancel()
        with suppress(ModelError, asyncio.CancelledError):
            await task
        return
    stop = draw.randint(1, 5) if leaves else 10_000
    with suppress(ModelError):
        async with await gateway.stream("m", asked) as stream:
            seen = 0
            async for piece in stream:
                seen += bool(piece.text)
                if seen >= stop:
                    break


@pytest.mark.parametrize("restart", [False, True])
async def test_the_ledger_equals_the_providers_book(
    open_gateway: Open, named: Make, sandbox: ModelSandbox, restart: bool
) -> None:
    ledger = MemoryLedger()
    models = {
        "m": {
            "deployments": [named("one"), named("two")],
            "policy": "weighted",
            "retries": 2,
            "backoff": 0.001,
            "breaker_failures": 1_000,
            "drain": 0.5,
            "restart_broken_streams": restart,
        }
    }
    gateway = open_gateway(models, ledger=ledger)
    for seed, kind in enumerate(("rate_limit", "server_error", "bad_json", "cut_after")):
        more = {"after": 3} if kind in {"bad_json", "cut_after"} else {}
        sandbox.faults.add(kind, rate=0.05, seed=seed, **more)  # type: ignore[arg-type]
    draw = random.Random(11)
    turns = asyncio.Semaphore(AT_ONCE)

    async def call(number: int) -> None:
        async with turns:
            await converse(gateway, number, random.Random(draw.random()))

    await asyncio.gather(*(call(number) for number in range(CALLS)))
    await gateway.close()
    await sandbox.book.settled()

    booked: dict[str, list[Entry]] = defaultdict(list)
    for entry in sandbox.book:
        assert entry.headers is not None
        if entry.billed:
            booked[entry.headers["x-client-request-id"]].append(entry)

    assert len(ledger.entries) == CALLS
    assert not ledger.pending
    rows = {str(row.intent.call_id): row for row in ledger.entries}
    assert len(rows) == CALLS
    assert booked.keys() <= rows.keys()
    by_outcome: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for call_id, row in rows.items():
        read = sum(entry.input_tokens for entry in booked[call_id])
        written = sum(entry.output_tokens for entry in booked[call_id])
        if row.outcome == "settled":
            assert (row.usage.input_tokens, row.usage.output_tokens) == (read, written), row
        elif row.outcome == "free":
            assert (read, written) == (0, 0), row
        elif row.outcome == "unsettled":
            assert row.intent.tokens >= read + written, row
        by_outcome[row.outcome].append((row.usage.input_tokens + row.usage.output_tokens, read + written))
    counts = {outcome: len(pairs) for outcome, pairs in by_outcome.items()}
    assert counts["settled"] > 700
    assert counts["estimated"] > 50
    ours, theirs = (sum(side) for side in zip(*by_outcome["estimated"], strict=True))
    assert abs(ours - theirs) <= 0.05 * theirs, (ours, theirs, counts)


async def test_a_provider_that_never_counts_leaves_estimates_near_what_it_would_have_counted(
    open_gateway: Open, sandbox: ModelSandbox
) -> None:
    ledger = MemoryLedger()
    gateway = open_gateway(ledger=ledger)
    draw = random.Random(3)
    for _ in range(50):
        await gateway.chat("m", question(draw))
    sandbox.faults.add("no_usage")
    for _ in range(50):
        assert (await gateway.chat("m", question(draw))).outcome == "estimated"
    estimated = [row.usage for row in ledger.entries if row.outcome == "estimated"]
    ours = sum(usage.input_tokens + usage.output_tokens for usage in estimated)
    theirs = sum(entry.input_tokens + entry.output_tokens for entry in sandbox.book.entries[50:])
    assert abs(ours - theirs) <= 0.05 * theirs


async def test_a_deployment_that_never_counted_is_estimated_by_others_of_its_model(
    open_gateway: Open, sandbox: ModelSandbox, named: Make
) -> None:
    async with ModelSandbox() as silent:
        silent.faults.add("no_usage")
        ledger = MemoryLedger()
        models = {
            "counts": {"deployments": [named()], "retries": 0},
            "silent": {
                "deployments": [named(name="silent", base_url=f"{silent.base_url}/v1")],
                "retries": 0,
            },
        }
        gateway = open_gateway(models, ledger=ledger)
        draw = random.Random(4)
        for model in ("counts", "silent"):
            for _ in range(50):
                await gateway.chat(model, question(draw))
        estimated = [row.usage for row in ledger.entries if row.outcome == "estimated"]
        assert len(estimated) == 50
        for ours, theirs in (
            (sum(usage.input_tokens for usage in estimated), silent.book.billed_input_tokens),
            (sum(usage.output_tokens for usage in estimated), silent.book.billed_output_tokens),
        ):
            assert abs(ours - theirs) <= 0.05 * theirs


@pytest.mark.parametrize("streamed", [False, True])
async def test_an_uncounted_reply_cut_for_its_length_has_exactly_that_length(
    open_gateway: Open, sandbox: ModelSandbox, streamed: bool
) -> None:
    ledger = MemoryLedger()
    gateway = open_gateway(ledger=ledger)
    sandbox.faults.add("no_usage")
    asked: Any = [{"role": "user", "content": "internationalization " * 40}]
    if streamed:
        async with await gateway.stream("m", asked, max_tokens=7) as stream:
            assert [piece async for piece in stream][-1].finish_reason == "length"
    else:
        await gateway.chat("m", asked, max_tokens=7)
    (row,) = ledger.entries
    assert (row.outcome, row.usage.output_tokens) == ("estimated", 7)
    assert sandbox.book.billed_output_tokens == 7


async def test_an_uncounted_reply_is_never_longer_than_it_might_be(
    open_gateway: Open, sandbox: ModelSandbox
) -> None:
    ledger = MemoryLedger()
    gateway = open_gateway(ledger=ledger)
    sandbox.faults.add("no_usage")
    asked: Any = [{"role": "user", "content": "(((((((((((((((((((((( ))))))))))))))))))))"}]
    await gateway.chat("m", asked, max_tokens=5)
    assert ledger.entries[0].usage.output_tokens == 5


@pytest.mark.parametrize("folder", ["docs", "src/deskmind/gateway"])
def test_the_likely_estimate_is_near_a_real_tokenizer(folder: str) -> None:
    counter = token_counter("gpt-4o")
    assert counter.exact
    root = Path(__file__).parents[2] / folder
    texts = [file.read_text("utf-8") for file in root.rglob("*") if file.suffix in {".md", ".py"}]
    parts = [part for text in texts for part in text.split("\n\n") if part.strip()]
    counted = sum(counter.count(part) for part in parts)
    assert abs(sum(likely_text(part) for part in parts) - counted) <= 0.07 * counted
    assert sum(estimate_text(part) for part in parts) > 1.2 * counted
