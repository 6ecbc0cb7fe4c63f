"""What stories cost: processor time of this process for a search and an ask over HTTP, with stories and without.

Blocks with and without follow each other, so that a busy machine slows both. The writing of a block's stories is in its
time; the database's own work is not.
"""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager, nullcontext
from typing import Any, cast

from fastapi import FastAPI

from benchmarks.asking import _QUESTIONS
from deskmind import Deskmind
from deskmind.api import application, create_app, middleware
from deskmind.demo import load_company, prepare


async def run(*, quick: bool) -> list[dict[str, Any]]:
    """The rows."""
    blocks, requests = (4, 10) if quick else (24, 60)
    with tempfile.TemporaryDirectory() as home:
        async with Deskmind.open(home=home, knowledge={"embedder": "hashing"}) as app:
            company = load_company()
            await prepare(app, company)
            operator = await app.desk(tenant=company.tenant)
            key = (await operator.keys.create(company.askers[0])).secret
            service = create_app(app=app)
            service.state.deskmind = app
            await app.gateway()
            application._settle()  # as `deskmind serve` does
            return [
                await _compared(app, service, key, path, field, blocks, requests)
                for path, field in (("/v1/search", "query"), ("/v1/ask", "question"))
            ]


async def _compared(
    app: Deskmind, service: FastAPI, key: str, path: str, field: str, blocks: int, requests: int
) -> dict[str, Any]:
    bodies = [json.dumps({field: question}).encode() for question in _QUESTIONS]
    seconds: dict[bool, list[float]] = {True: [], False: []}
    for block in range(-2, blocks):
        for told in (True, False) if block % 2 else (False, True):
            with _stories(app, on=told):
                spent = await _block(app, service, key, path, bodies, requests)
            if block >= 0:
                seconds[told].append(spent / requests * 1000)
    shares = [told / untold - 1 for told, untold in zip(seconds[True], seconds[False], strict=True)]
    return {
        "case": f"{path}, hashing embedder, 78 documents",
        "cpu_ms_with": round(statistics.median(seconds[True]), 3),
        "cpu_ms_without": round(statistics.median(seconds[False]), 3),
        "overhead_percent": round(statistics.median(shares) * 100, 1),
    }


@contextmanager
def _stories(app: Deskmind, *, on: bool) -> Generator[None]:
    telling, sink = middleware.telling, app.database.stories
    if not on:
        middleware.telling = cast("Any", lambda kind: nullcontext())
        app.database.stories = None
    try:
        yield
    finally:
        middleware.telling, app.database.stories = telling, sink


async def _block(
    app: Deskmind, service: FastAPI, key: str, path: str, bodies: list[bytes], requests: int
) -> float:
    started = time.process_time()
    for number in range(requests):
        await _post(service, key, path, bodies[number % len(bodies)])
    await app.stories.flush()
    return time.process_time() - started


async def _post(service: FastAPI, key: str, path: str, body: bytes) -> None:
    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        assert message.get("status", 200) == 200, message

    headers = [
        (b"authorization", f"Bearer {key}".encode()),
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
    ]
    await service(
        {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "POST",
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "root_path": "",
            "headers": headers,
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 80),
        },
        cast("Any", receive),
        send,
    )
