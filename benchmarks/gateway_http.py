"""The OpenAI-compatible endpoint of ``deskmind serve`` with one worker, between a load generator and a mock provider.

All servers stand before the same mock and take turns in rounds; a figure is the median of the rounds, and a ratio the
median of the rounds' ratios, so that what else the machine does falls on all of them alike. CPU a call hardly feels it.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from benchmarks.gateway_peers import answering, free_port, peer_servers, stop
from benchmarks.http_load import Endpoint, Load, load, stream
from benchmarks.recording import SHARE, collector

_ROUNDS = 3
_SLOW = 8
"""LiteLLM's proxy gets so many times fewer calls."""
_STREAMS = 40
_WARM_UP = 200
_DIRECT = "the provider itself"
_OURS = "Deskmind"
_GOVERNED = "Deskmind, redaction and audit on"
"""What goes to models on this machine is redacted too; calls become audit events, and are sealed, in both."""


async def run(base: str, key: str, models: dict[str, Any], calls: int) -> list[dict[str, Any]]:
    """Rows by number of connections and server, of streams, and of the ledger."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        home.chmod(0o755)
        direct = Endpoint(_DIRECT, int(base.rpartition(":")[2]), {"Authorization": f"Bearer {key}"})
        async with AsyncExitStack() as running:
            ours, rows_of_ledger = await running.enter_async_context(_service(home, models, _OURS))
            governed, _ = await running.enter_async_context(_service(home / "governed", models, _GOVERNED))
            peers = await running.enter_async_context(peer_servers(base, key, home))
            servers = [direct, ours, governed, *peers]
            for server in servers:
                await load(server, connections=4, calls=_WARM_UP)
            rows: list[dict[str, Any]] = []
            made = _WARM_UP + _ROUNDS * _STREAMS
            for connections in (16, 64):
                found = await _rounds(servers, connections, calls)
                made += sum(each[_OURS].calls for each in found)
                rows += _throughput(servers, connections, found)
            rows += await _streams(servers)
            return [*rows, {"case": "HTTP, Deskmind's ledger", "calls": made, "rows": rows_of_ledger()}]


async def _rounds(servers: list[Endpoint], connections: int, calls: int) -> list[dict[str, Load]]:
    rounds: list[dict[str, Load]] = []
    for _ in range(_ROUNDS):
        found: dict[str, Load] = {}
        for server in servers:
            share = calls // _SLOW if server.name.startswith("LiteLLM") else calls
            found[server.name] = await load(server, connections=connections, calls=share)
        rounds.append(found)
    return rounds


def _throughput(
    servers: list[Endpoint], connections: int, rounds: list[dict[str, Load]]
) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for server in servers:
        loads = [found[server.name] for found in rounds]
        row: dict[str, Any] = {
            "case": f"HTTP, {connections} connections, {server.name}",
            "calls_per_s": round(statistics.median(item.calls_per_s for item in loads)),
            "p50_ms": round(statistics.median(item.p50_ms for item in loads), 2),
            "generator_cpu_ms_a_call": round(statistics.median(item.generator_cpu_ms for item in loads), 3),
        }
        if server.process:
            row["cpu_ms_a_call"] = round(statistics.median(item.cpu_ms for item in loads), 3)
        if server.name in (_OURS, _GOVERNED):
            row["database_cpu_ms_a_call"] = round(
                statistics.median(item.database_cpu_ms for item in loads), 3
            )
            row |= {
                f"times_{other.name}": round(_ratio(rounds, server.name, other.name), 2)
                for other in servers
                if other is not server
            }
        rows.append(row)
    return rows


def _ratio(rounds: list[dict[str, Load]], name: str, other: str) -> float:
    return statistics.median(found[name].calls_per_s / found[other].calls_per_s for found in rounds)


async def _streams(servers: list[Endpoint]) -> list[dict[str, Any]]:
    found: dict[str, list[tuple[float, float]]] = {server.name: [] for server in servers}
    for _ in range(_ROUNDS):
        for server in servers:
            found[server.name].append(await stream(server, calls=_STREAMS))
    rows: list[dict[str, Any]] = []
    plain_first, plain_whole = _medians(found[_DIRECT])
    for name, measured in found.items():
        first, whole = _medians(measured)
        row = {
            "case": f"HTTP, stream of 50 pieces, {name}",
            "first_ms": round(first, 2),
            "whole_ms": round(whole, 2),
        }
        if name != _DIRECT:
            row["first_piece_adds_ms"] = round(first - plain_first, 2)
            row["stream_adds_ms"] = round(whole - plain_whole, 2)
        rows.append(row)
    return rows


def _medians(pairs: list[tuple[float, float]]) -> tuple[float, float]:
    return statistics.median(first for first, _ in pairs), statistics.median(whole for _, whole in pairs)


@asynccontextmanager
async def _service(
    home: Path, models: dict[str, Any], name: str
) -> AsyncGenerator[tuple[Endpoint, Callable[[], int]]]:
    """``deskmind serve`` with a budget, telemetry, and a look into its ledger."""
    with collector() as telemetry:
        async with _served(home, models, telemetry, name) as found:
            yield found


@asynccontextmanager
async def _served(
    home: Path, models: dict[str, Any], telemetry: str, name: str
) -> AsyncGenerator[tuple[Endpoint, Callable[[], int]]]:
    environment = {
        **os.environ,
        "DESKMIND_HOME": str(home / "home"),
        "DESKMIND_KNOWLEDGE_EMBEDDER": "hashing",
        "DESKMIND_MODELS": json.dumps(models),
        "DESKMIND_REDACTION_LOCAL_MODELS": json.dumps(name == _GOVERNED),
        "DESKMIND_TELEMETRY_METRICS_PORT": str(free_port()),
        "DESKMIND_TELEMETRY_TRACES": "otlp",
        "DESKMIND_TELEMETRY_ENDPOINT": telemetry,
        "DESKMIND_TELEMETRY_SAMPLE_RATIO": str(SHARE),
    }

    def command(*words: str) -> str:
        return subprocess.run(
            [sys.executable, "-m", "deskmind.cli", *words],
            env=environment, check=True, capture_output=True, text=True,
        ).stdout  # fmt: skip

    command("tenant", "create", "bench")
    command("user", "add", "bench", "--tenant", "bench")
    command("budget", "set", "all", "--usd", "10000", "--tenant", "bench")
    made = json.loads(command("key", "create", "--user", "bench", "--tenant", "bench", "--json"))
    port = free_port()
    home.mkdir(mode=0o755, exist_ok=True)
    with (home / "serve.log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "deskmind.cli", "serve", "--port", str(port), "--workers", "1"],
            env=environment, stdout=log, stderr=log,
        )  # fmt: skip
    try:
        await answering(f"http://127.0.0.1:{port}/healthz", process)
        headers = {"Authorization": f"Bearer {made['key']}"}
        postmaster = int(next((home / "home").rglob("postmaster.pid")).read_text().splitlines()[0])
        endpoint = Endpoint(name, port, headers, "fast", "long", process=process.pid, database=postmaster)

        def rows_of_ledger() -> int:
            report = json.loads(command("usage", "report", "--by", "model", "--tenant", "bench", "--json"))
            return sum(row["calls"] for row in report)

        yield endpoint, rows_of_ledger
    finally:
        stop(process)
