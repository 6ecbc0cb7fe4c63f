"""One run: what comes out, what is kept of it, and where it ends."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

import pytest
from pydantic import BaseModel
from tests.agents.conftest import Person

from deskmind.agents import Limits, ModelReplied, RunEnded, Tool, ToolAnswered, ToolContext, tool
from deskmind.desk import Desk
from deskmind.errors import (
    AgentLimitError,
    AgentOutputError,
    InvalidRequestError,
    ModelUnavailableError,
    NotFoundError,
    PermissionDeniedError,
)
from deskmind.sandbox.models import Fault, ModelSandbox, Reply, ToolCall


@tool()
async def look(context: ToolContext, what: str, times: int = 1) -> str:
    """Look something up.

    Args:
        context: of the call.
        what: to look for.
        times: how often.
    """
    del context
    return f"{what} found " * times


class Verdict(BaseModel):
    """What the agent decides."""

    category: str
    sure: bool


@dataclass
class Note:
    """A note."""

    text: str


def wants(name: str, **arguments: object) -> Reply:
    return Reply(tool_calls=(ToolCall(name, arguments),))


async def test_a_run_calls_its_tool_and_answers(ann: Desk, sandbox: ModelSandbox) -> None:
    sandbox.script([wants("look", what="the cause"), "The spooler hangs."])
    agent = ann.agent("helper", instructions="Find causes.", tools=[look], model="fast")
    run = await agent.run("Why does it not print?")
    assert (run.state, run.output) == ("done", "The spooler hangs.")
    assert (run.steps, run.tool_calls, run.tainted) == (2, 1, True)
    assert run.cost == sum(
        (Decimal(one.input_tokens) + 2 * one.output_tokens) / 1_000_000 for one in sandbox.book.entries
    )
    details = await ann.agents.show(run.run_id)
    assert [step.kind for step in details.steps] == ["request", "response", "result", "request", "response"]
    assert "the cause found" in details.steps[2].content["text"]
    assert [one.run_id for one in await ann.agents.list()] == [run.run_id]


async def test_the_model_is_told_the_tools_by_their_hints_and_docstrings(
    ann: Desk, sandbox: ModelSandbox
) -> None:
    sandbox.script(["nothing"])
    await ann.agent("helper", instructions="Find causes.", tools=[look], model="fast").run("Why?")
    (offered,) = sandbox.book.entries[0].body["tools"]
    assert offered["function"]["description"] == "Look something up."
    assert offered["function"]["parameters"]["properties"] == {
        "what": {"description": "to look for.", "type": "string"},
        "times": {"default": 1, "description": "how often.", "type": "integer"},
    }
