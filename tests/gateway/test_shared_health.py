"""Replicas share their circuit breakers through a real Valkey, and do without it when it is gone."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from typing import Any

import pytest
from tests.cache.conftest import Valkey

from deskmind.errors import ModelUnavailableError
from deskmind.gateway import Gateway
from deskmind.gateway.shared_health import ValkeyHealth
from deskmind.sandbox.models import ModelSandbox

_HELLO = [{"role": "user", "content": "hello there"}]


@pytest.fixture
def valkey() -> Iterator[Valkey]:
    server = Valkey()
    yield server
    server.kill()


def _model(deployment: Any) -> dict[str, Any]:
    return {
        "m": {
            "deployments": [deployment("echo", name="first"), deployment("echo-3", name="second")],
            "retries": 0,
            "breaker_failures": 1,
            "cooldown": 60,
        }
    }


async def test_what_one_replica_finds_broken_another_leaves_alone(
    valkey: Valkey, sandbox: ModelSandbox, deployment: Any
) -> None:
    sandbox.faults.add("server_error", model="echo")
    one, other = (ValkeyHealth(valkey.url, every=0.02) for _ in range(2))
    async with (
        Gateway(_model(deployment), shared=one) as here,
        Gateway(_model(deployment), shared=other) as there,
    ):
        assert there.board.of(there.models["m"].deployments[0]).available(time.time())
        await here.chat("m", _HELLO)
        async with asyncio.timeout(60):
            while there.board.of(there.models["m"].deployments[0]).available(time.time()):
                await asyncio.sleep(0.01)
        reply = await there.chat("m", _HELLO)
    assert [(item.deployment, item.outcome) for item in reply.attempts] == [
        ("first", "skipped"),
        ("second", "ok"),
    ]


async def test_without_the_server_calls_go_on(valkey: Valkey, sandbox: ModelSandbox, deployment: Any) -> None:
    async with Gateway(_model(deployment), shared=ValkeyHealth(valkey.url, every=0.02)) as gateway:
        assert (await gateway.chat("m", _HELLO)).deployment == "first"
        valkey.kill()
        sandbox.faults.add("server_error", model="echo")
        for _ in range(3):
            assert (await gateway.chat("m", _HELLO)).deployment == "second"
        sandbox.faults.add("server_error", model="echo-3")
        with pytest.raises(ModelUnavailableError):
            await gateway.chat("m", _HELLO)


async def test_times_that_make_no_sense_are_not_believed(valkey: Valkey) -> None:
    with valkey.client as client:
        client.hset(
            "deskmind:breakers:deskmind",
            mapping={"never": "inf", "past": "1", "words": "soon", "good": repr(time.time() + 30)},
        )
    health = ValkeyHealth(valkey.url, every=0.02)
    async with asyncio.timeout(60):
        while "good" not in health.known():
            await asyncio.sleep(0.01)
    assert set(health.known()) == {"good"}
    await health.close()
