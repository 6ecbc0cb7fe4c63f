"""Prometheus over a real service under load, as long as one file needs it: they take half of a core."""

from __future__ import annotations

import asyncio
import json
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from soak.stage import MODEL, Stage, staged
from tests.triage.tickets import tickets

from deskmind.agents.definitions import AgentSpec
from deskmind.app import Deskmind
from deskmind.sandbox.servicenow import ServiceNowSandbox
from deskmind.settings import load_settings

ROOT = Path(__file__).parents[2]
RULES = ROOT / "deploy" / "prometheus"
WINDOW = "20s"
BUDGET = "everything"
_PATIENCE = 60.0


@dataclass(frozen=True)
class Backend:
    """The service, who drives it, and Prometheus."""

    stage: Stage
    client: httpx.AsyncClient
    driver: asyncio.Task[None]

    async def ask(self, expression: str) -> list[dict[str, Any]]:
        """What Prometheus says now to a panel's or a rule's expression."""
        filled = expression.replace("$__rate_interval", WINDOW).replace("$instance", ".*")
        response = await self.client.post("/api/v1/query", data={"query": filled})
        answer = response.json()
        assert answer["status"] == "success", (filled, answer)
        return answer["data"]["result"]

    async def rest(self) -> None:
        """Stop the load; what was under way is done."""
        self.driver.cancel()
        await asyncio.gather(self.driver, return_exceptions=True)


@pytest.fixture(scope="module")
def promtool() -> str:
    """The program that checks rules."""
    found = shutil.which("promtool")
    if found is None:
        pytest.skip("promtool is not installed (Debian: apt-get install prometheus)")
    return found


@pytest.fixture(scope="module")
async def backend(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Backend]:
    """A service of two processes that is asked, searched, chatted with, fed and annoyed while Prometheus looks on."""
    program = shutil.which("prometheus")
    if program is None:
        pytest.skip("Prometheus is not installed (Debian: apt-get install prometheus)")
    unreachable = {
        "model": "echo",
        "base_url": "http://127.0.0.1:9/v1",
        "api_key": "none",
        "price": {"input": "1", "output": "1"},
    }
    async with (
        staged(
            workers=2,
            knowledge={"embedder": "hashing"},
            log={"level": "error"},
            answer={"model": MODEL},
            gateway={"flush_seconds": 0.1},
            telemetry={"metrics_poll_seconds": 1, "tenant_label": "id"},
            budgets={BUDGET: {"window": "day", "usd": 100}},
            audit={"checkpoints": str(tmp_path_factory.mktemp("witness"))},
            more_models={"broken": {"deployments": [unreachable], "retries": 0}},
        ) as stage,
        _prometheus(program, stage, tmp_path_factory.mktemp("prometheus")) as address,
        httpx.AsyncClient(base_url=address, timeout=60) as client,
        ServiceNowSandbox(size="tiny") as box,
    ):
        await _learn(stage)
        overseer = await _connect(stage, box)
        driver = asyncio.create_task(_drive(stage, overseer))
        yield Backend(stage, client, driver)
        driver.cancel()
        await asyncio.gather(driver, return_exceptions=True)


async def _learn(stage: Stage) -> None:
    """Teach the company's triage, as its operator does beside the service."""
    async with Deskmind.open(load_settings(**stage.settings)) as app:
        (company,) = await app.tenants.all()
        await (await app.desk(tenant=company.slug)).triage.train(tickets(90), targets=["category"])


async def _connect(stage: Stage, box: ServiceNowSandbox) -> str:
    """Connect the company to a system; the key of who may have it read."""
    async with Deskmind.open(load_settings(**stage.settings)) as app:
        (company,) = await app.tenants.all()
        operator = await app.desk(tenant=company.slug)
        await operator.connections.add(
            "desk", box.vendor, box.url, box.credentials, kinds=("ticket",), every_seconds=60
        )
        await operator.webhooks.add("https://hooks.invalid/x")
        agent = {"name": "greeter", "instructions": "Greet.", "model": MODEL, "memory": {"tokens": 200}}
        await operator.stored_agents.save(AgentSpec.model_validate(agent))
        await operator.stored_agents.publish("greeter")
        await operator.principals.add_user("overseer", role="operator")
        return (await operator.keys.create("overseer")).secret


@asynccontextmanager
async def _prometheus(program: str, stage: Stage, folder: Path) -> AsyncIterator[str]:
    given = yaml.safe_load((RULES / "prometheus.yml").read_text("utf-8"))
    given["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    given["rule_files"] = [str(RULES / name) for name in given["rule_files"]]
    given["scrape_configs"][0]["static_configs"] = [{"targets": [stage.metrics_address]}]
    (folder / "prometheus.yml").write_text(yaml.safe_dump(given), "utf-8")
    address = f"127.0.0.1:{_free_port()}"
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [
                program,
                f"--config.file={folder / 'prometheus.yml'}",
                f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address={address}",
            ],
            stdout=log,
            stderr=log,
        )
    try:
        async with asyncio.timeout(_PATIENCE), httpx.AsyncClient() as client:
            while not await _is_ready(client, address):
                assert process.poll() is None, (folder / "log").read_text("utf-8")
                await asyncio.sleep(0.05)
        yield f"http://{address}"
    finally:
        process.terminate()
        await asyncio.to_thread(process.wait, 30)


async def _is_ready(client: httpx.AsyncClient, address: str) -> bool:
    try:
        return (await client.get(f"http://{address}/-/ready")).status_code == 200
    except httpx.TransportError:
        return False


async def _drive(stage: Stage, overseer: str) -> None:
    """One round after another of everything that a panel shows, until cancelled."""
    company = json.loads((ROOT / "src/deskmind/demo/corpus/demo.json").read_text("utf-8"))
    questions = [one["question"] for one in company["questions"]]
    names = list(stage.keys)
    async with httpx.AsyncClient(base_url=stage.base_url, timeout=60) as client:
        asked = ""
        for turn in range(10_000):
            key = {"Authorization": f"Bearer {stage.keys[names[turn % len(names)]]}"}
            question = questions[turn % len(questions)]
            found = (await client.post("/v1/search", json={"query": question}, headers=key)).json()[
                "passages"
            ]
            await _say(client, stage, found)
            asked, rated = await _asked(client, question, key), asked
            # the answer before, whose story is written by now
            await _rate(client, rated, ("up", "down")[turn % 2], stage.keys[names[(turn - 1) % len(names)]])
            await _asked(client, question, key)  # again, from memory
            unknown = company["unanswerable"][turn % len(company["unanswerable"])]
            await client.post("/v1/ask", json={"question": unknown}, headers=key)
            chat = {"model": MODEL, "messages": [{"role": "user", "content": question}]}
            await client.post("/v1/chat/completions", json=chat, headers=key)
            await client.post("/v1/chat/completions", json={**chat, "stream": True}, headers=key)
            await client.post("/v1/chat/completions", json={**chat, "model": "broken"}, headers=key)
            text = f"# Note {turn}\n\nThe {turn}th note says that the printer on floor {turn} is warm."
            await client.post("/v1/documents", json={"name": f"{turn}.md", "text": text}, headers=key)
            await client.get("/v1/documents", headers={"Authorization": "Bearer wrong"})
            await client.post("/v1/triage/predict", json={"texts": [question]}, headers=key)
            prompt = {"prompt": {"name": "mine", "messages": [{"role": "user", "content": "hello"}]}}
            await client.post("/v1/prompts", json=prompt, headers=key)
            await _use_tools(client, key)
            await _work(client, turn, {"Authorization": f"Bearer {overseer}"})


async def _work(client: httpx.AsyncClient, turn: int, key: dict[str, str]) -> None:
    """What an operator has done: a system is read, something remembered, an agent and a workflow run."""
    await client.post("/v1/connectors/desk/sync", headers=key)
    fact = {"text": f"The printer on floor {turn} is warm.", "audience": "tenant"}
    await client.post("/v1/memories", json=fact, headers=key)
    greeting = {"prompt": f"Which printer is warm, that on floor {turn}?", "wait": True}
    await client.post("/v1/agents/greeter/runs", json=greeting, headers=key)
    shift = {"input": {"connection": "desk", "hours": 1, "model": MODEL}}
    await client.post("/v1/workflows/shift-handover/runs", json=shift, headers=key)


async def _use_tools(client: httpx.AsyncClient, key: dict[str, str]) -> None:
    """What a client of the Model Context Protocol does."""
    headers = {**key, "Accept": "application/json, text/event-stream"}
    about = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "x", "version": "1"}}
    for number, (method, params) in enumerate(
        (
            ("initialize", about),
            ("tools/call", {"name": "check_access", "arguments": {"permission": "audit:read"}}),
        )
    ):
        message = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
        await client.post("/mcp", json=message, headers=headers)


async def _say(client: httpx.AsyncClient, stage: Stage, found: list[dict[str, str]]) -> None:
    """Make the model answer next with words of the best passage, cited: such an answer is remembered."""
    if found:
        words = " ".join(found[0]["text"].split(".")[0].split()[-12:])
        await client.post(f"{stage.sandbox_url}/_sandbox/script", json={"replies": [f"{words} [1]."]})


async def _asked(client: httpx.AsyncClient, question: str, key: dict[str, str]) -> str:
    answer = await client.post("/v1/ask", json={"question": question}, headers=key)
    return str(answer.headers["x-request-id"])


async def _rate(client: httpx.AsyncClient, request_id: str, rating: str, key: str) -> None:
    await client.post(
        "/v1/feedback",
        json={
            "request_id": request_id,
            "rating": rating,
            **({"reason": "wrong"} if rating == "down" else {}),
        },
        headers={"Authorization": f"Bearer {key}"},
    )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
