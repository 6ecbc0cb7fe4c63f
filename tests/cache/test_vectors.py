"""Vectors through a desk's models: made once for a tenant, by text, model and options."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from deskmind.app import Deskmind
from deskmind.desk import Desk
from deskmind.gateway import WordShield
from deskmind.sandbox.models import DEFAULT_KEY, ModelSandbox


@pytest.fixture
async def embedding(desk_home: Path, app: Deskmind, sandbox: ModelSandbox) -> AsyncIterator[Deskmind]:
    """An application with two embedding models, and a name that no model sees."""
    deployment = {
        "base_url": f"{sandbox.base_url}/v1",
        "api_key": DEFAULT_KEY,
        "price": {"input": "1", "output": "0"},
    }
    async with Deskmind.open(
        home=desk_home,
        knowledge={"embedder": "hashing"},
        models={"e": {"model": "echo-embed", **deployment}, "f": {"model": "other-embed", **deployment}},
        shield=WordShield(["Ada", "Bob"]),
    ) as started:
        yield started


@pytest.fixture
async def desk(embedding: Deskmind, operator: Desk) -> Desk:
    """The operator's desk."""
    return await embedding.desk(tenant=operator.scope.tenant)


def _sent(sandbox: ModelSandbox) -> int:
    return len(sandbox.book.entries)


async def test_a_text_is_sent_once(desk: Desk, sandbox: ModelSandbox) -> None:
    first = await desk.models.embed("e", ["reset the printer", "vpn", "vpn"])
    again = await desk.models.embed("e", ["vpn", "reset the printer"])
    np.testing.assert_array_equal(again.vectors, first.vectors[[1, 0]])
    np.testing.assert_array_equal(first.vectors[1], first.vectors[2])
    assert (_sent(sandbox), again.outcome, again.cost, again.attempts) == (1, "free", Decimal(0), ())
    assert first.usage.input_tokens == sandbox.book.billed_input_tokens == 4  # the second "vpn" was not sent
    (row,) = await desk.usage.report(["feature"])
    assert (row.calls, row.input_tokens) == (1, 4)


async def test_only_what_is_new_is_sent_and_paid(desk: Desk, sandbox: ModelSandbox) -> None:
    await desk.models.embed("e", ["vpn"])
    mixed = await desk.models.embed("e", ["badge reader", "vpn", "mail"])
    assert mixed.usage.input_tokens == sandbox.book.entries[-1].input_tokens == 3
    plain = await desk.models.embed("e", ["badge reader", "vpn", "mail"], cached=False)
    np.testing.assert_array_equal(mixed.vectors, plain.vectors)
    assert _sent(sandbox) == 3


async def test_another_model_option_or_tenant_has_vectors_of_its_own(
    desk: Desk, embedding: Deskmind, sandbox: ModelSandbox, new_tenant: Callable[[], Awaitable[str]]
) -> None:
    other = await embedding.desk(tenant=await new_tenant())
    calls: list[Any] = [
        lambda: desk.models.embed("e", ["vpn"]),
        lambda: desk.models.embed("f", ["vpn"]),
        lambda: desk.models.embed("e", ["vpn"], dimensions=8),
        lambda: other.models.embed("e", ["vpn"]),
    ]
    for call in calls:
        await call()
    assert _sent(sandbox) == len(calls)
    assert (await desk.models.embed("e", ["vpn"], dimensions=8)).vectors.shape == (1, 8)
    assert (
        await desk.models.embed("e", ["vpn"], user="ann")
    ).outcome == "free"  # who asks makes no other vector
    assert _sent(sandbox) == len(calls)


async def test_vectors_are_remembered_by_what_the_model_sees(desk: Desk, sandbox: ModelSandbox) -> None:
    await desk.models.embed("e", ["unlock Ada"])
    assert (await desk.models.embed("e", ["unlock Bob"])).outcome == "free"
    assert _sent(sandbox) == 1


async def test_many_at_once_are_always_sent(desk: Desk, sandbox: ModelSandbox) -> None:
    texts = [f"text {number}" for number in range(257)]
    for _ in range(2):
        assert (await desk.models.embed("e", texts)).vectors.shape[0] == 257
    assert _sent(sandbox) == 2
