"""What a run of two model calls and one tool costs, beside other libraries in the same run, and what 300 at once take of memory.

The model server is a process of its own, and so are PostgreSQL and each of the others (``make agent-peers`` installs them): the
figures are a process's processor time. Ours is the whole: policy, gateway with redaction, budgets and ledger, memory recalled and
learned, each step a row.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from soak.processes import Worker

from deskmind.agents import MemoryUse, ToolContext, tool
from deskmind.app import Deskmind
from deskmind.desk import Desk
from deskmind.sandbox.models import DEFAULT_KEY, ModelSandbox, Reply, ToolCall

_PROMPT = "use look to find out why it does not print"
_PEERS = Path(__file__).parents[1] / ".agent-peers" / "bin" / "python"
_NAMES = ("Agno", "LangGraph", "LangGraph, checkpoints in memory", "OpenAI Agents", "pydantic-ai")


@tool()
async def look(context: ToolContext, what: str) -> str:
    """Look something up.

    Args:
        context: of the call.
        what: to look for.
    """
    del context
    return f"{what}: the spooler hangs"


async def run(*, quick: bool) -> list[dict[str, Any]]:
    """The rows: milliseconds of processor time for one run, and MB."""
    count = 20 if quick else 200
    rows: list[dict[str, Any]] = []
    async with _model_server() as url:
        with TemporaryDirectory() as home:
            deployment = {"model": "echo", "base_url": f"{url}/v1", "api_key": DEFAULT_KEY}
            async with Deskmind.open(
                home=home, knowledge={"embedder": "hashing"}, models={"fast": {"deployments": [deployment]}}
            ) as app:
                desk = await _technician(app)
                for case, work in (
                    ("two calls of desk.models.chat alone", lambda: _two_calls(desk)),
                    ("a run: policy, gateway, durable", lambda: _ours(desk, None)),
                    ("a run: policy, gateway, memory, durable", lambda: _ours(desk, MemoryUse())),
                ):
                    rows.append({"case": case, "ms of CPU": await _cost(work, count)})
        rows += [row for name in _NAMES if (row := await _peer(name, url, count)) is not None]
    loop = {"case": "pydantic-ai's loop alone, model a function", "ms of CPU": await _cost(_bare(), count)}
    return [loop, *rows, await _at_once(20 if quick else 300)]


async def _ours(desk: Desk, memory: MemoryUse | None) -> None:
    agent = desk.agent("bench", instructions="Find causes.", model="fast", tools=[look], memory=memory)
    done = await agent.run(_PROMPT)
    assert (done.steps, done.tool_calls) == (2, 1)


async def _peer(name: str, url: str, count: int) -> dict[str, Any] | None:
    """What another library takes; None where it is not installed."""
    if not _PEERS.exists():
        return None
    script = Path(__file__).with_name("agent_loops.py")
    process = await asyncio.create_subprocess_exec(
        *(str(_PEERS), "-P", str(script), f"{url}/v1", DEFAULT_KEY, str(count), name), stdout=PIPE
    )
    said, _ = await process.communicate()
    assert process.returncode == 0, name
    return json.loads(said)


async def _at_once(runs: int) -> dict[str, Any]:
    """The most memory of a worker that has so many runs under way, each waiting for its model."""

    def say(asked: dict[str, Any]) -> Reply:
        if sum(one["role"] == "tool" for one in asked["messages"]):
            return Reply(text="The spooler hangs.")
        return Reply(tool_calls=(ToolCall("knowledge_search", {"question": "why does it not print"}),))

    async with ModelSandbox(reply=say) as models:
        with TemporaryDirectory() as home:
            Path(home).chmod(0o755)
            deployment = {"model": "echo", "base_url": f"{models.base_url}/v1", "api_key": DEFAULT_KEY}
            settings: dict[str, Any] = {
                "knowledge": {"embedder": "hashing"},
                "jobs": {"concurrency": runs},
                "models": {"fast": {"deployments": [deployment]}},
            }
            async with Deskmind.open(home=home, **settings) as app:
                desk = await _technician(app)
                agent = desk.agent(
                    "bench",
                    instructions="Find causes.",
                    model="fast",
                    tools=["knowledge_search"],
                    memory=MemoryUse(),
                )
                slow = models.faults.add("slow_headers", seconds=600.0)
                async with Worker(Path(home), settings) as worker:
                    alone = worker.memory_mb()
                    begun = [await agent.start(f"{_PROMPT} {number}") for number in range(runs)]
                    await _until(lambda: models.book.in_flight >= runs)
                    waiting = worker.memory_mb()
                    models.faults.remove(slow)
                    worker.kill()
                del begun
    return {
        "case": f"a worker with {runs} runs under way",
        "MB at most": waiting,
        "MB without": alone,
    }


async def _until(reached: Callable[[], bool]) -> None:
    async with asyncio.timeout(300):
        while not reached():
            await asyncio.sleep(0.1)


async def _two_calls(desk: Desk) -> None:
    for _ in range(2):
        await desk.models.chat(
            "fast", [{"role": "user", "content": "why does it not print"}], feature="agent"
        )


def _bare() -> Callable[[], Awaitable[None]]:
    from pydantic_ai import Agent
    from pydantic_ai.messages import ModelMessage, ModelResponse, TextPart, ToolCallPart
    from pydantic_ai.models.function import AgentInfo, FunctionModel

    def say(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        del info
        part = ToolCallPart("look", {"what": "it"}) if len(messages) == 1 else TextPart("done")
        return ModelResponse(parts=[part])

    async def plain_look(what: str) -> str:
        """Look something up."""
        return what

    async def one() -> None:
        agent = Agent(FunctionModel(say), tools=[plain_look], instructions="Find causes.")
        await agent.run(_PROMPT)

    return one


async def _cost(work: Callable[[], Awaitable[None]], count: int) -> float:
    for _ in range(3):
        await work()
    started = time.process_time()
    for _ in range(count):
        await work()
    return round((time.process_time() - started) / count * 1000, 2)


async def _technician(app: Deskmind) -> Desk:
    await app.tenants.create("bench")
    admin = await app.desk(tenant="bench")
    await admin.principals.add_user("ann")
    await admin.access.grant("technician", user="ann")
    return await app.desk(tenant="bench", user="ann")


@asynccontextmanager
async def _model_server() -> AsyncIterator[str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "deskmind.sandbox.models", "--port", "0", stdout=PIPE
    )
    assert process.stdout is not None
    try:
        yield json.loads(await process.stdout.readline())["base_url"]
    finally:
        process.terminate()
        await process.wait()
