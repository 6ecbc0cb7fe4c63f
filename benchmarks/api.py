"""A read over HTTP against FastAPI alone: authenticated, authorised, limited, traced, measured, logged and explained.

All servers run with the same event loop, HTTP parser and settings, one process each, and answer as many bytes of JSON; they
take turns in rounds before wrk, so that what else the machine does falls on all of them alike, and a ratio is the median
of the rounds' ratios. CPU a request, of the serving process alone, hardly feels the others.

The reads: the list of models, whose endpoint is plain ASGI; whether one may ask questions, by FastAPI's own ways; both ask no
table. And one document, in a transaction under row-level security that also writes the event of the read, against a route that reads as
much by one query on a connection pool. ``bare`` has none of what ours has, nor the framework's own telemetry; beside it stands the same with the access log
that uvicorn writes unless it is told not to. A ratio is always to ``bare`` without it.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from soak.valkey import Valkey
from soak.wrk import Run, wrk

from benchmarks.gateway_peers import answering, free_port, stop
from benchmarks.recording import collector
from deskmind import Deskmind
from deskmind.settings import Settings, load_settings

_TICKS = os.sysconf("SC_CLK_TCK")
_CONNECTIONS = 16
_ROUNDS, _SECONDS = 5, 4
_TEXT = "Restart the spooler of the printer, then print a test page. " * 4
_RATES = {"tenant": "1000000/second", "user": "1000000/second", "key:read": "1000000/second"}
_MODELS = {
    name: {"deployments": [{"model": name, "base_url": "http://127.0.0.1:9/v1", "api_key": "none"}]}
    for name in ("fast", "careful")
}

_BARE = """
import json, os, sys
from contextlib import asynccontextmanager
import uvicorn
from fastapi import FastAPI
from psycopg_pool import AsyncConnectionPool
from pydantic import BaseModel

given = json.loads(sys.argv[1])
pool = AsyncConnectionPool(given["database"], open=False, min_size=2, max_size=10)

@asynccontextmanager
async def lifespan(app):
    async with pool:
        yield

unwatched = {"tracing": False, "metrics": False, "logs": False, "auto_configure": False}
app = FastAPI(lifespan=lifespan, telemetry=unwatched)

@app.get("/models")
async def models() -> dict:
    return given["models"]

class Decision(BaseModel):
    allowed: bool
    permission: str
    because: list[str]

@app.get("/access/check")
async def check(permission: str) -> Decision:
    return Decision(allowed=True, permission=permission, because=given["check"]["because"])

@app.get("/documents/{document_id}")
async def document(document_id: str) -> dict:
    async with pool.connection() as connection:
        cursor = await connection.execute(given["query"], (document_id,))
        row = await cursor.fetchone()
    return {**given["document"], "title": row[0], "text": row[1]}

logged = {} if given["logged"] else {"log_config": None, "access_log": False}
uvicorn.run(app, port=given["port"], server_header=False, **logged)
"""


@dataclass(frozen=True)
class _Server:
    """A server, the reads it answers, and its process."""

    name: str
    base: str
    paths: dict[str, str]
    headers: dict[str, str]
    process: int


async def run(*, quick: bool = False) -> list[dict[str, Any]]:
    """Rows by read and server."""
    with ExitStack() as parts, tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        home.chmod(0o755)
        telemetry = parts.enter_context(collector())
        valkey = Valkey()
        parts.callback(valkey.kill)
        settings = load_settings(home=home, knowledge={"embedder": "hashing"}, models=_MODELS)
        async with Deskmind.open(settings) as app, AsyncExitStack() as running:
            key, document = await _prepare(app)
            ours = [
                await running.enter_async_context(_ours(settings, name, more, key, document, telemetry))
                for name, more in (
                    ("Deskmind", {}),
                    ("Deskmind, limits in Valkey", {"DESKMIND_REDIS_URL": valkey.url}),
                )
            ]
            bare = [
                await running.enter_async_context(_bare(app, ours[0], document, logged=logged))
                for logged in (False, True)
            ]
            return await _measured([*bare, *ours], quick=quick)


async def _prepare(app: Deskmind) -> tuple[str, str]:
    await app.tenants.create("bench")
    desk = await app.desk(tenant="bench")
    await desk.knowledge.add("printing.md", _TEXT.encode())
    await desk.principals.add_user("ann")
    (document,) = await desk.knowledge.documents()
    return (await desk.keys.create("ann")).secret, str(document.document_id)


@asynccontextmanager
async def _ours(
    settings: Settings, name: str, more: dict[str, str], key: str, document: str, telemetry: str
) -> AsyncGenerator[_Server]:
    port = free_port()
    environment = {
        **os.environ,
        "DESKMIND_HOME": str(settings.home),
        "DESKMIND_KNOWLEDGE_EMBEDDER": "hashing",
        "DESKMIND_MODELS": json.dumps(_MODELS),
        "DESKMIND_LIMITS_RATES": json.dumps(_RATES),
        "DESKMIND_TELEMETRY_METRICS_PORT": str(free_port()),
        "DESKMIND_TELEMETRY_TRACES": "otlp",
        "DESKMIND_TELEMETRY_ENDPOINT": telemetry,
        "DESKMIND_TELEMETRY_SAMPLE_RATIO": "0.05",
        "DESKMIND_API_DRAIN_SECONDS": "0",
        "DESKMIND_LOG_FORMAT": "json",
        **more,
    }
    words = ("-m", "deskmind.cli", "serve", "--port", str(port))
    with (settings.home / f"serve-{port}.log").open("w") as log:
        process = subprocess.Popen([sys.executable, *words], env=environment, stdout=log, stderr=log)
    try:
        base = f"http://127.0.0.1:{port}"
        await answering(f"{base}/healthz", process)
        paths = {
            "models": "/v1/models",
            "check": "/v1/access/check?permission=knowledge:ask",
            "document": f"/v1/documents/{document}",
        }
        yield _Server(name, base, paths, {"Authorization": f"Bearer {key}"}, process.pid)
    finally:
        stop(process)


@asynccontextmanager
async def _bare(app: Deskmind, ours: _Server, document: str, *, logged: bool) -> AsyncGenerator[_Server]:
    """FastAPI alone, answering what ours answers."""
    async with httpx.AsyncClient(base_url=ours.base, headers=ours.headers) as client:
        answers = {
            name: (await client.get(path)).raise_for_status().json() for name, path in ours.paths.items()
        }
    port = free_port()
    schema = app.database.endpoints.schema
    given = {
        **answers,
        "port": port,
        "logged": logged,
        "database": app.database.endpoints.admin,
        "query": f"SELECT title, body FROM {schema}.documents WHERE document_id = %s",
    }
    process = subprocess.Popen(
        [sys.executable, "-c", _BARE, json.dumps(given)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL if logged else None,
    )
    try:
        base = f"http://127.0.0.1:{port}"
        await answering(f"{base}/models", process)
        paths = {
            "models": "/models",
            "check": "/access/check?permission=knowledge:ask",
            "document": f"/documents/{document}",
        }
        name = "bare with an access log" if logged else "bare"
        yield _Server(name, base, paths, {}, process.pid)
    finally:
        stop(process)


async def _measured(servers: list[_Server], *, quick: bool) -> list[dict[str, Any]]:
    rounds, seconds = (1, 1) if quick else (_ROUNDS, _SECONDS)
    rows: list[dict[str, Any]] = []
    for read in ("models", "check", "document"):
        for server in servers:
            await _load(server, read, 1)
        found = [
            {server.name: await _load(server, read, seconds) for server in servers} for _ in range(rounds)
        ]
        rows += [_row(read, server, found) for server in servers]
        for server in servers[2:]:
            most = statistics.median(each[server.name][0].rate for each in found)
            rows.append(await _at_half(server, read, most, seconds * 2))
    return rows


async def _load(server: _Server, read: str, seconds: int, pause_ms: float = 0.0) -> tuple[Run, float]:
    """One run, and the CPU milliseconds of the server for each request."""
    before = _cpu(server.process)
    done = await wrk(
        server.base + server.paths[read],
        seconds=seconds,
        connections=_CONNECTIONS,
        headers=server.headers,
        pause_ms=pause_ms,
    )
    assert not done.broken
    assert not done.unsuccessful
    return done, 1000 * (_cpu(server.process) - before) / max(done.requests, 1)


def _row(read: str, server: _Server, rounds: list[dict[str, tuple[Run, float]]]) -> dict[str, Any]:
    mine = [each[server.name] for each in rounds]
    ratio = statistics.median(each[server.name][0].rate / each["bare"][0].rate for each in rounds)
    return {
        "case": f"GET {read}, {server.name}",
        "requests_per_s": round(statistics.median(done.rate for done, _ in mine)),
        "cpu_ms_a_request": round(statistics.median(cpu for _, cpu in mine), 3),
        "p50_ms": round(statistics.median(done.p50_ms for done, _ in mine), 2),
        "p99_ms": round(statistics.median(done.p99_ms for done, _ in mine), 2),
        "of_bare": round(ratio, 3),
    }


async def _at_half(server: _Server, read: str, most: float, seconds: int) -> dict[str, Any]:
    """Requests at half of the most that it answered, at random moments."""
    done, _ = await _load(server, read, seconds, pause_ms=1000 * _CONNECTIONS / (most / 2))
    return {
        "case": f"GET {read}, {server.name}, at half of the load",
        "requests_per_s": round(done.rate),
        "p50_ms": round(done.p50_ms, 2),
        "p99_ms": round(done.p99_ms, 2),
    }


def _cpu(process: int) -> float:
    """CPU seconds of a process so far."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS
