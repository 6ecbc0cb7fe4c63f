"""A gateway over a server that speaks the providers' wire formats."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from deskmind.gateway import BudgetKeeper, Gateway, MemoryLedger
from deskmind.sandbox.models import DEFAULT_KEY, ModelSandbox

MakeGateway = Callable[..., Gateway]

PRICE = {"input": "1", "output": "2", "cached_input": "0.5"}
"""US dollars for a million tokens."""


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


@pytest.fixture
def named(deployment: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    """The same, named after its model."""

    def make(model: str = "echo", **more: Any) -> dict[str, Any]:
        return deployment(model, **{"name": model, **more})

    return make


@pytest.fixture
async def open_gateway(named: Callable[..., dict[str, Any]]) -> AsyncIterator[Callable[..., Gateway]]:
    """Makes gateways and closes them; without models there is ``m``, the sandbox's echo, tried once."""
    made: list[Gateway] = []

    def make(models: dict[str, Any] | None = None, **more: Any) -> Gateway:
        gateway = Gateway(models or {"m": {"deployments": [named()], "retries": 0}}, **more)
        made.append(gateway)
        return gateway

    yield make
    for gateway in made:
        await gateway.close()


@pytest.fixture
def until() -> Callable[[Callable[[], object]], Any]:
    """Waits until something holds; ``TimeoutError`` when it never does."""

    async def wait(holds: Callable[[], object]) -> None:
        async with asyncio.timeout(60):
            while not holds():
                await asyncio.sleep(0.005)

    return wait
