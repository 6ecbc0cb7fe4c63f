"""What a run of two model calls and one tool costs, beside pydantic-ai's bare loop in the same run.

The model server is a process of its own, and so is PostgreSQL: the figures are this process's processor time.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from tempfile import TemporaryDirectory
from typing import Any

from deskmind.agents import ToolContext, tool
from deskmind.app import Deskmind
from deskmind.desk import Desk
from deskmind.sandbox.models import DEFAULT_KEY

_PROMPT = "use look to find out why it does not print"


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
    """The rows: milliseconds of processor time for one run."""
    count = 20 if quick else 200
    with TemporaryDirectory() as home:
        async with _model_server() as url:
            deployment = {"model": "echo", "base_url": f"{url}/v1", "api_key": DEFAULT_KEY}
            async with Deskmind.open(
                home=home, knowledge={"embedder": "hashing"}, models={"fast": {"deployments": [deployment]}}
            ) as app:
                desk = await _technician(app)
                chat = await _cost(lambda: _two_calls(desk), count)
                ours = await _cost(lambda: _ours(desk), count)
    bare = await _cost(_bare(), count)
    return [
        {"case": "pydantic-ai's loop alone, model a function", "ms of CPU": bare},
        {"case": "two calls of desk.models.chat alone", "ms of CPU": chat},
        {"case": "a run: policy, gateway, durable", "ms of CPU": ours},
    ]


async def _ours(desk: Desk) -> None:
    agent = desk.agent("bench", instructions="Find causes.", model="fast", tools=[look])
    done = await agent.run(_PROMPT)
    assert (done.steps, done.tool_calls) == (2, 1)


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
