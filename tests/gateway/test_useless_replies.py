"""Replies that a provider gave, and charges for, but that hold nothing of what was asked."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from aiohttp import web

from deskmind.errors import ModelUnavailableError
from deskmind.gateway import Gateway, MemoryLedger

_USAGE = {"prompt_tokens": 7, "total_tokens": 7}
_REPLIES: dict[str, bytes] = {
    "none": json.dumps(
        {"data": [], "results": [{"index": 99, "relevance_score": 1}], "usage": _USAGE}
    ).encode(),
    "words": json.dumps({"data": "x", "results": "x", "usage": _USAGE}).encode(),
    "deep": b'{"data": ' + b"[" * 200_000 + b"]" * 200_000 + b"}",
}

Open = Callable[[str], Gateway]


@pytest.fixture
async def address() -> AsyncIterator[str]:
    """A server whose path says what it replies."""

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        return web.Response(body=_REPLIES[request.path.split("/")[1]], content_type="application/json")

    runner = web.ServerRunner(web.Server(answer))  # type: ignore[arg-type]
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


@pytest.mark.parametrize("operation", ["embed", "rerank"])
@pytest.mark.parametrize("kind", ["none", "words"])
async def test_what_cannot_be_used_is_charged_all_the_same(address: str, operation: str, kind: str) -> None:
    ledger = MemoryLedger()
    model: Any = {"deployments": [{"model": "m", "base_url": f"{address}/{kind}"}], "retries": 0}
    async with Gateway({"m": model}, ledger=ledger) as gateway:
        call = gateway.embed("m", ["one"]) if operation == "embed" else gateway.rerank("m", "q", ["one"])
        with pytest.raises(ModelUnavailableError):
            await call
    (entry,) = ledger.entries
    assert (entry.outcome, entry.usage.input_tokens) == ("settled", 7)


async def test_a_reply_nested_too_deeply_is_a_failure_of_the_provider(address: str) -> None:
    ledger = MemoryLedger()
    model: Any = {"deployments": [{"model": "m", "base_url": f"{address}/deep"}], "retries": 0}
    async with Gateway({"m": model}, ledger=ledger) as gateway:
        with pytest.raises(ModelUnavailableError, match="not JSON"):
            await gateway.chat("m", [{"role": "user", "content": "hi"}])
    (entry,) = ledger.entries
    assert entry.outcome == "estimated"
