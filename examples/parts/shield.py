"""The gateway with a shield: the model is told placeholders, the caller gets the values back. No database.

Run it: python examples/parts/shield.py
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

from deskmind.errors import ContentBlockedError
from deskmind.gateway import Gateway, MemoryLedger, RedactionShield
from deskmind.governance.redaction import Action, EntityType, PatternDetector, RedactionPolicy, Redactor
from deskmind.sandbox.models import DEFAULT_KEY, ModelSandbox, Reply


async def main() -> None:
    policy = RedactionPolicy({EntityType.CARD: Action.BLOCK})
    shield = RedactionShield(Redactor([PatternDetector()], policy=policy))

    def reply(body: dict[str, Any]) -> Reply:
        print("the model is told:", json.dumps(body["messages"][-1]["content"]))
        return Reply(text="I wrote to <EMAIL_ADDRESS_1>.")

    async with ModelSandbox() as sandbox:  # a stand-in for a provider
        sandbox.manner.reply = reply
        models = {"fast": {"model": "m", "base_url": f"{sandbox.base_url}/v1", "api_key": DEFAULT_KEY}}
        async with Gateway(models, ledger=MemoryLedger(), shield=shield) as gateway:
            ask = [{"role": "user", "content": "Write to ann@example.com, please."}]
            print("the caller reads:", (await gateway.chat("fast", ask)).text)
            try:
                await gateway.chat("fast", [{"role": "user", "content": "Pay with 4111 1111 1111 1111."}])
            except ContentBlockedError as refused:
                print("refused:", refused)


if __name__ == "__main__":
    asyncio.run(main())
