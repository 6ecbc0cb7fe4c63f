"""The same run by other libraries, in an environment of their own: ``python agent_loops.py URL KEY COUNT`` prints a row for each.

Two calls of a model and one of a tool. Each builds its agent once, as its documentation shows, and keeps nothing of a run.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

_PROMPT = "use look to find out why it does not print"
_INSTRUCTIONS = "Find causes."


async def look(what: str) -> str:
    """Look something up.

    Args:
        what: to look for.
    """
    return f"{what}: the spooler hangs"


def langgraph(url: str, key: str) -> Callable[[], Awaitable[Any]]:
    from langchain_openai import ChatOpenAI
    from langgraph.prebuilt import create_react_agent

    model = ChatOpenAI(model="echo", base_url=url, api_key=key)
    agent = create_react_agent(model, [look], prompt=_INSTRUCTIONS)

    async def one() -> None:
        given = await agent.ainvoke({"messages": [{"role": "user", "content": _PROMPT}]})
        assert [one.type for one in given["messages"]] == ["human", "ai", "tool", "ai"]

    return one


def langgraph_durable(url: str, key: str) -> Callable[[], Awaitable[Any]]:
    """With checkpoints in memory: what a step costs without the database."""
    from langchain_openai import ChatOpenAI
    from langgraph.checkpoint.memory import InMemorySaver
    from langgraph.prebuilt import create_react_agent

    model = ChatOpenAI(model="echo", base_url=url, api_key=key)
    saver = InMemorySaver()
    agent = create_react_agent(model, [look], prompt=_INSTRUCTIONS, checkpointer=saver)
    count = 0

    async def one() -> None:
        nonlocal count
        count += 1
        thread = str(count)
        await agent.ainvoke(
            {"messages": [{"role": "user", "content": _PROMPT}]}, {"configurable": {"thread_id": thread}}
        )
        await saver.adelete_thread(thread)

    return one


def agno(url: str, key: str) -> Callable[[], Awaitable[Any]]:
    from agno.agent import Agent
    from agno.models.openai.like import OpenAILike

    agent = Agent(
        model=OpenAILike(id="echo", base_url=url, api_key=key),
        tools=[look],
        instructions=_INSTRUCTIONS,
        telemetry=False,
    )

    async def one() -> None:
        given = await agent.arun(_PROMPT)
        assert [one.tool_name for one in given.tools or []] == ["look"]

    return one


def openai_agents(url: str, key: str) -> Callable[[], Awaitable[Any]]:
    from openai import AsyncOpenAI

    from agents import Agent, OpenAIChatCompletionsModel, Runner, function_tool, set_tracing_disabled

    set_tracing_disabled(True)
    model = OpenAIChatCompletionsModel("echo", AsyncOpenAI(base_url=url, api_key=key))
    agent = Agent("bench", instructions=_INSTRUCTIONS, model=model, tools=[function_tool(look)])

    async def one() -> None:
        given = await Runner.run(agent, _PROMPT)
        assert len(given.raw_responses) == 2

    return one


def pydantic_ai(url: str, key: str) -> Callable[[], Awaitable[Any]]:
    from pydantic_ai import Agent
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.providers.openai import OpenAIProvider

    model = OpenAIChatModel("echo", provider=OpenAIProvider(base_url=url, api_key=key))
    agent = Agent(model, tools=[look], instructions=_INSTRUCTIONS)

    async def one() -> None:
        given = await agent.run(_PROMPT)
        assert given.usage.requests == 2

    return one


PEERS: dict[str, Callable[[str, str], Callable[[], Awaitable[Any]]]] = {
    "LangGraph": langgraph,
    "LangGraph, checkpoints in memory": langgraph_durable,
    "Agno": agno,
    "OpenAI Agents": openai_agents,
    "pydantic-ai": pydantic_ai,
}


async def measured(name: str, url: str, key: str, count: int) -> dict[str, Any]:
    """Milliseconds of this process's processor time for one run, and MB that 300 at once add."""
    one = PEERS[name](url, key)
    for _ in range(5):
        await one()
    gc.collect()
    started = time.process_time()
    for _ in range(count):
        await one()
    return {"case": name, "ms of CPU": round((time.process_time() - started) / count * 1000, 2)}


def main() -> None:
    """One library after the other, each in a process of its own."""
    url, key, count, *names = sys.argv[1:]
    os.environ["AGNO_TELEMETRY"] = os.environ["LANGSMITH_TRACING"] = "false"
    for name in names or PEERS:
        print(json.dumps(asyncio.run(measured(name, url, key, int(count)))), flush=True)


if __name__ == "__main__":
    main()
