"""The gateway alone: named models, fallback, a budget, and an account of every call. No database, no key.

A server of ours stands in for the providers; put your own ``base_url`` and ``api_key`` in its place.
"""

from __future__ import annotations

import asyncio
from decimal import Decimal

from deskmind.errors import BudgetExceededError
from deskmind.gateway import Budget, BudgetKeeper, Gateway, MemoryLedger
from deskmind.sandbox.models import DEFAULT_KEY, ModelSandbox

QUESTION = [{"role": "user", "content": "Where is the nearest printer?"}]


async def main() -> None:
    """One model, two deployments, of which the first is broken."""
    async with ModelSandbox() as provider:
        provider.faults.add("server_error", model="echo-broken")
        endpoint = {"base_url": f"{provider.base_url}/v1", "api_key": DEFAULT_KEY}
        price = {"input": "0.15", "output": "0.60"}
        models = {
            "fast": [
                {"name": "first", "model": "echo-broken", "price": price, **endpoint},
                {"name": "second", "model": "echo", "price": price, **endpoint},
            ]
        }
        ledger = MemoryLedger()
        keeper = BudgetKeeper([Budget("today", "day", usd=Decimal("0.0001"))])
        async with Gateway(models, ledger=ledger, keeper=keeper) as gateway:
            reply = await gateway.chat("fast", QUESTION, max_tokens=50)
            print(f"{reply.deployment}: {reply.text}")
            print([f"{attempt.deployment}: {attempt.outcome}" for attempt in reply.attempts])
            async with await gateway.stream("fast", QUESTION, max_tokens=50) as stream:
                async for piece in stream:
                    print(piece.text, end="")
            print()
            try:
                await gateway.chat("fast", QUESTION, max_tokens=5_000)
            except BudgetExceededError as error:
                print(error.what)
        for row in ledger.entries:
            print(row.outcome, row.usage.input_tokens, row.usage.output_tokens, f"{row.cost:f} US dollars")


if __name__ == "__main__":
    asyncio.run(main())
