"""A gateway over a server that speaks the providers' wire formats."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from deskmind.gateway import BudgetKeeper, Gateway, MemoryLedger
from deskmind.sandbox.models import DEFAULT_KEY, ModelSandbox

MakeGateway = Callable[..., Gateway]

PRICE = {"input": "1", "output": "2"}


@pytest.fixture
def deployment(sandbox: ModelSandbox) -> Callable[..., dict[str, Any]]:
    """A deployment of the sandbox; the direct provider unless told otherwise."""

    def make(model: str = "echo", **more: Any) -> dict[str, Any]:
        return {
            "model": model,
            "base_url": f"{sandbox.base_url}/v1",
            "api_key": DEFAULT_KEY,
            "price": PRICE,
            **more,
        }

    return make


@pytest.fixture
async def make_gateway() -> AsyncIterator[MakeGateway]:
    """Makes gateways that are closed at the end."""
    made: list[Gateway] = []

    def make(models: dict[str, Any], keeper: BudgetKeeper | None = None) -> Gateway:
        gateway = Gateway(models, ledger=MemoryLedger(), keeper=keeper)
        made.append(gateway)
        return gateway

    yield make
    for gateway in made:
        await gateway.close()
