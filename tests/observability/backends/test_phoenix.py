"""Arize Phoenix, a real one in a process of its own, shows our model calls and retrievals with their tokens."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from deskmind.app import Deskmind
from deskmind.observability import span
from deskmind.sandbox.models import DEFAULT_KEY, ModelSandbox

PROGRAM = Path(__file__).parents[3] / ".phoenix" / "bin" / "phoenix"
START_SECONDS = 240.0
pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(
        not PROGRAM.exists(), reason="Arize Phoenix is not installed (`make phoenix` installs it)"
    ),
]


@dataclass
class Phoenix:
    """A running server."""

    address: str
    grpc: str

    async def spans(self, *wanted: str) -> list[dict[str, Any]]:
        """All spans, as soon as those named are among them."""
        async with httpx.AsyncClient(base_url=self.address) as client:
            deadline = time.monotonic() + 60
            while True:
                answer = await client.get("/v1/projects/default/spans", params={"limit": 1000})
                found: list[dict[str, Any]] = answer.json()["data"] if answer.status_code == 200 else []
                if set(wanted) <= {item["name"] for item in found}:
                    return found
                assert time.monotonic() < deadline, [item["name"] for item in found]
                await asyncio.sleep(0.2)

    async def totals(self) -> dict[str, Any]:
        """What its own view of the project counts."""
        query = "{ projects { edges { node { name traceCount tokenCountTotal } } } }"
        async with httpx.AsyncClient(base_url=self.address) as client:
            answer = await client.post("/graphql", json={"query": query})
        nodes = [edge["node"] for edge in answer.json()["data"]["projects"]["edges"]]
        return next(node for node in nodes if node["name"] == "default")


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@pytest.fixture(scope="module")
async def phoenix(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Phoenix]:
    """A server with an empty data folder."""
    folder = tmp_path_factory.mktemp("phoenix")
    http, grpc = free_port(), free_port()
    environment = {
        **{
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("PHOENIX_", "OTEL_", "PYTHON"))
        },
        "PHOENIX_HOST": "127.0.0.1",
        "PHOENIX_PORT": str(http),
        "PHOENIX_GRPC_PORT": str(grpc),
        "PHOENIX_WORKING_DIR": str(folder),
        "PHOENIX_TELEMETRY_ENABLED": "false",
    }
    with (folder / "log").open("w") as log:
        process = subprocess.Popen([PROGRAM, "serve"], env=environment, stdout=log, stderr=log)
    try:
        server = Phoenix(f"http://127.0.0.1:{http}", f"http://127.0.0.1:{grpc}")
        await _answering(server, process, folder / "log")
        yield server
    finally:
        process.terminate()
        process.wait(60)


async def _answering(server: Phoenix, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    async with httpx.AsyncClient(base_url=server.address) as client:
        while True:
            try:
                if (await client.get("/healthz")).status_code == 200:
                    return
            except httpx.TransportError:
                pass
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            await asyncio.sleep(0.2)


@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
async def test_it_shows_models_and_retrievals_with_tokens(
    phoenix: Phoenix, desk_home: Path, app: Deskmind, sandbox: ModelSandbox, protocol: str
) -> None:
    del app  # keeps the home's server running
    tenant, request = f"phoenix-{protocol[:4]}", f"request over {protocol[:4]}"
    priced = {
        "base_url": f"{sandbox.base_url}/v1",
        "api_key": DEFAULT_KEY,
        "price": {"input": "1", "output": "2"},
    }
    async with Deskmind.open(
        home=desk_home,
        knowledge={"embedder": "hashing"},
        answer={"threshold": 0.0, "model": "fast"},
        models={"fast": {"deployments": [{"model": "echo", **priced}]}},
        telemetry={
            "traces": "otlp",
            "protocol": protocol,
            "endpoint": phoenix.address if protocol == "http/protobuf" else phoenix.grpc,
            "interval": 0.1,
        },
    ) as traced:
        await traced.tenants.create(tenant)
        desk = await traced.desk(tenant=tenant)
        await desk.knowledge.add("vpn.md", b"# VPN\n\nRestart the VPN client to connect again.")
        with span(request, kind="server"):
            await desk.ask("How do I restart the VPN client?")
            reply = await desk.models.chat("fast", [{"role": "user", "content": "canary greeting"}])
    spans = await phoenix.spans(request)
    trace_id = next(item for item in spans if item["name"] == request)["context"]["trace_id"]
    mine = [item for item in spans if item["context"]["trace_id"] == trace_id]
    kinds = {item["name"]: item["span_kind"] for item in mine}
    assert kinds["chat fast"] == "LLM"
    assert kinds["retrieval deskmind"] == "RETRIEVER"
    assert kinds["embeddings hashing"] == "EMBEDDING"
    chats = [item["attributes"] for item in mine if item["name"] == "chat fast"]
    assert len(chats) == 2
    assert all(item["llm.model_name"] == "fast" for item in chats)
    counted = {(item["llm.token_count.prompt"], item["llm.token_count.completion"]) for item in chats}
    assert (reply.usage.input_tokens, reply.usage.output_tokens) in counted
    found = next(item["attributes"] for item in mine if item["name"] == "retrieval deskmind")
    assert found["retrieval.documents.0.document.id"]
    assert 0 < found["retrieval.documents.0.document.score"] <= 1
    assert "canary" not in str(spans)
    totals = await phoenix.totals()
    assert totals["traceCount"] > 0
    assert totals["tokenCountTotal"] >= sum(prompt + completion for prompt, completion in counted)
