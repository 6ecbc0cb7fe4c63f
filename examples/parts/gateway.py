"""The gateway alone: fallback, a stream, a budget, and what it all cost. No database, no key: a local server answers.

Run it: python examples/parts/gateway.py
With a model of your own: Gateway({"fast": {"model": "gpt-4o-mini", "api_key": "…"}})
"""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

from deskmind.errors import BudgetExceededError
from deskmind.gateway import Budget, BudgetKeeper, Caller, Gateway, MemoryLedger
from deskmind.sandbox.models import DEFAULT_KEY, ModelSandbox

ASKED = [{"role": "user", "content": "Restart the print spooler on the server."}]


def served(url: str, name: str) -> dict[str, Any]:
    price = {"input": "0.15", "output": "0.60"}  # US dollars for a million tokens
    return {"name": name, "model": name, "base_url": f"{url}/v1", "api_key": DEFAULT_KEY, "price": price}


async def main() -> None:
    ledger = MemoryLedger()
    keeper = BudgetKeeper([Budget("daily", "day", usd=Decimal("0.0001"), per=("feature",))])
    async with ModelSandbox() as sandbox:
        models = {"fast": {"deployments": [served(sandbox.base_url, name) for name in ("north", "south")]}}
        async with Gateway(models, ledger=ledger, keeper=keeper) as gateway:
            sandbox.faults.add("server_error", model="north", at=(1,))
            reply = await gateway.chat("fast", ASKED, max_tokens=50)
            print(f"{reply.text} ({reply.usage.input_tokens} + {reply.usage.output_tokens} tokens)")
            print(", then ".join(f"{item.deployment}: {item.outcome}" for item in reply.attempts))

            async with await gateway.stream("fast", ASKED, max_tokens=50) as stream:
                async for piece in stream:
                    print(piece.text, end="|" if piece.text else "\n")
                    if "spooler" in piece.text:
                        break  # who leaves is charged for what was produced
            print()

            draft = Caller(feature="draft")
            try:
                await gateway.chat("fast", ASKED, max_tokens=1_000, caller=draft)
            except BudgetExceededError as refused:
                print(refused.what)

    for row in ledger.entries:
        print(f"{row.outcome} {row.deployment}: {row.cost} US dollars {row.error}".rstrip())


if __name__ == "__main__":
    asyncio.run(main())
