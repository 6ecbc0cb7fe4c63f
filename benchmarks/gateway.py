"""What the gateway adds to a model call: beside a bare aiohttp client, and other clients where they are installed."""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp

from benchmarks import gateway_http
from benchmarks.gateway_peers import in_process_peer
from benchmarks.recording import recording
from deskmind import Deskmind
from deskmind.gateway import Budget, BudgetKeeper, Gateway, MemoryLedger

_HELLO = [{"role": "user", "content": "hello there my friend"}]
_PERSONAL = [
    {
        "role": "user",
        "content": "Annabeth Leeuwenhoek (ann.lee@example.com, +31 20 555 0173) cannot print on 192.0.2.17 since this morning.",
    }
]


async def run(*, quick: bool) -> list[dict[str, Any]]:
    """The rows; ratios are against the bare client of the same run."""
    calls = 800 if quick else 6_000
    server = subprocess.Popen(
        [sys.executable, "-m", "deskmind.sandbox.models"], stdout=subprocess.PIPE, text=True
    )
    try:
        assert server.stdout is not None
        known = json.loads(server.stdout.readline())
        base, key = known["base_url"], known["key"]
        rows = await _in_process(base, key, calls)
        return rows + await gateway_http.run(base, key, _models(base, key), calls // 2)
    finally:
        server.terminate()
        server.wait()


async def _in_process(base: str, key: str, calls: int) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {key}"}) as session:

        async def bare() -> None:
            body = {"model": "echo", "messages": _HELLO}
            async with session.post(f"{base}/v1/chat/completions", json=body) as reply:
                await reply.json()

        rows.append(await _measure("aiohttp, bare", bare, calls))
    models = _models(base, key)
    keeper = BudgetKeeper([Budget("all", "day", usd=Decimal(10_000), tokens=10**12)])
    async with Gateway(models, ledger=MemoryLedger(), keeper=keeper) as gateway:
        rows.append(await _measure("gateway, ledger in memory", lambda: gateway.chat("fast", _HELLO), calls))
    with tempfile.TemporaryDirectory() as home:
        Path(home).chmod(0o755)
        async with Deskmind.open(
            home=home,
            knowledge={"embedder": "hashing"},
            models=models,
            budgets={"all": {"window": "day", "usd": 10_000, "tokens": 10**12}},
        ) as app:
            whole = await app.gateway()
            case = "gateway, journal on disk and PostgreSQL"
            rows.append(await _measure(case, lambda: whole.chat("fast", _HELLO), calls))
            case += ", spans and metrics recorded"
            with recording():
                rows.append(await _measure(case, lambda: whole.chat("fast", _HELLO), calls))
            rows += await _governed(models, home, calls)
            # the others last: what they import stays in this process, and every collection of garbage walks it
            rows += await _clients(base, key, calls // 6)
            rows += in_process_peer(base, key, Path(home), calls)
    for row in rows[1:]:
        row["p50_to_bare"] = round(row["p50_ms"] / rows[0]["p50_ms"], 2)
        row["rate_to_bare"] = round(row["calls_per_s"] / rows[0]["calls_per_s"], 3)
    return rows


async def _governed(models: dict[str, Any], home: str, calls: int) -> list[dict[str, Any]]:
    """Through a user's desk: permission, span, story, redaction both ways, budgets, ledger; calls become audit events."""
    rows: list[dict[str, Any]] = []
    case = "desk of a user, redaction and audit on"
    async with Deskmind.open(
        home=home,
        knowledge={"embedder": "hashing"},
        models=models,
        redaction={"local_models": True},
        budgets={"all": {"window": "day", "usd": 10_000, "tokens": 10**12}},
    ) as app:
        await app.tenants.create("bench")
        operator = await app.desk(tenant="bench")
        await operator.principals.add_user("ann.lee", display_name="Annabeth Leeuwenhoek")
        desk = await app.desk(tenant="bench", user="ann.lee")
        reply = await desk.models.chat("fast", _PERSONAL)
        if reply.text != _PERSONAL[0]["content"]:
            raise RuntimeError(f"the reply was not restored: {reply.text}")
        sealing = asyncio.create_task(_sealing(app))
        for told, messages in ((case, _HELLO), (f"{case}, personal data in it", _PERSONAL)):
            rows.append(await _measure(told, partial(desk.models.chat, "fast", messages), calls))
        sealing.cancel()
    return rows


async def _sealing(app: Deskmind) -> None:
    """As ``deskmind serve`` does, only more often."""
    while True:
        await app.sealing.seal()
        await asyncio.sleep(1)


async def _clients(base: str, key: str, calls: int) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    try:
        import openai

        async with openai.AsyncOpenAI(base_url=f"{base}/v1", api_key=key, max_retries=0) as client:
            rows.append(
                await _measure(
                    "openai client",
                    lambda: client.chat.completions.create(model="echo", messages=_HELLO),  # type: ignore[arg-type]
                    calls,
                )
            )
    except ImportError:
        pass
    try:
        os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
        import litellm

        litellm.suppress_debug_info = True
        rows.append(
            await _measure(
                "litellm.acompletion",
                lambda: litellm.acompletion(
                    model="openai/echo", messages=_HELLO, api_base=f"{base}/v1", api_key=key
                ),
                calls,
            )
        )
    except ImportError:
        pass
    return rows


def _models(base: str, key: str) -> dict[str, Any]:
    deployment = {"base_url": f"{base}/v1", "api_key": key, "price": {"input": "1", "output": "2"}}
    return {"fast": {"model": "echo", **deployment}, "long": {"model": "echo-50", **deployment}}


async def _measure(case: str, call: Callable[[], Awaitable[Any]], calls: int) -> dict[str, Any]:
    """One after the other, then 32 at a time."""
    for _ in range(50):
        await call()
    seconds: list[float] = []
    for _ in range(min(calls, 1_000)):
        started = time.perf_counter()
        await call()
        seconds.append(time.perf_counter() - started)

    async def some() -> None:
        for _ in range(calls // 32):
            await call()

    made = calls // 32 * 32
    started, used = time.perf_counter(), time.process_time()
    await asyncio.gather(*(some() for _ in range(32)))
    rate = made / (time.perf_counter() - started)
    return {
        "case": case,
        "p50_ms": round(statistics.median(seconds) * 1000, 3),
        "calls_per_s": round(rate),
        "cpu_ms_a_call": round((time.process_time() - used) / made * 1000, 3),
    }
