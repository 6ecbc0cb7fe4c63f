"""The loop is pydantic-ai's; ours are the model it asks, the tools it calls, and what it starts from."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, cast

from pydantic_ai import Agent as Loop
from pydantic_ai import RunContext, StructuredDict
from pydantic_ai import Tool as LoopTool
from pydantic_ai.capabilities import AbstractCapability
from pydantic_ai.exceptions import AgentRunError, ModelRetry
from pydantic_ai.messages import ModelMessagesTypeAdapter
from pydantic_ai.run import AgentRun
from pydantic_ai.tools import ToolDefinition
from pydantic_ai.toolsets import AbstractToolset
from pydantic_ai.toolsets.abstract import ToolsetTool
from pydantic_ai.usage import UsageLimits
from pydantic_core import SchemaValidator, core_schema
from pydantic_graph import End

from deskmind.agents.calling import Caller
from deskmind.agents.journal import Journal
from deskmind.agents.marking import MANNER, marked
from deskmind.agents.memory.runs import remembered
from deskmind.agents.model import GatewayModel
from deskmind.agents.room import AgentRoom
from deskmind.agents.safety.guard import Guard
from deskmind.agents.tool import Tool, ToolFunction
from deskmind.errors import AgentLimitError, AgentOutputError

if TYPE_CHECKING:
    from deskmind.desk import Desk

__all__ = ["drive"]

_REPAIRS = 2
_MOST_UNTRUSTED = 100_000
_ANY_OBJECT = SchemaValidator(core_schema.dict_schema(core_schema.str_schema(), core_schema.any_schema()))
"""Whoever brought the tool checks its arguments."""


class _Tools(AbstractToolset[None]):
    """An agent's tools, each call of which goes through the caller."""

    def __init__(self, tools: Mapping[str, Tool], caller: Caller) -> None:
        self._tools = tools
        self._caller = caller
        self._offered: dict[str, ToolsetTool[None]] = {}

    @property
    def id(self) -> str:
        """Its name among toolsets."""
        return "deskmind"

    async def get_tools(self, ctx: RunContext[None]) -> dict[str, ToolsetTool[None]]:
        """The tools with their schemas; one call after the other, so that each result is written before the next."""
        del ctx
        if not self._offered:
            self._offered = {name: self._offer(one) for name, one in self._tools.items()}
        return self._offered

    def withdraw(self) -> None:
        """Let go of what was offered, which knows these tools: a run leaves no circle of objects behind."""
        self._offered = {}

    async def call_tool(
        self, name: str, tool_args: dict[str, Any], ctx: RunContext[None], tool: ToolsetTool[None]
    ) -> str:
        """One call."""
        del tool
        return await self._caller.call(self._tools[name], ctx.tool_call_id or "", tool_args)

    def _offer(self, one: Tool) -> ToolsetTool[None]:
        if one.schema is not None:
            return ToolsetTool(
                toolset=self,
                tool_def=ToolDefinition(
                    name=one.name,
                    description=one.told,
                    parameters_json_schema=dict(one.schema),
                    sequential=True,
                ),
                max_retries=_REPAIRS,
                args_validator=_ANY_OBJECT,
            )
        definition, validator = _described(one.function, one.name)
        return ToolsetTool(toolset=self, tool_def=definition, max_retries=_REPAIRS, args_validator=validator)


@dataclass
class _Instead(AbstractCapability[None]):
    """Tools in the place of those that the loop keeps of its own, which are none: of two sets, each is asked in a task of its own."""

    tools: _Tools

    def get_wrapper_toolset(self, toolset: AbstractToolset[None]) -> AbstractToolset[None]:
        """The tools."""
        del toolset
        return self.tools


@lru_cache(maxsize=1_000)
def _described(function: ToolFunction, name: str) -> tuple[ToolDefinition, Any]:
    """What a model is told of a function, and what checks its arguments; making it takes milliseconds."""
    bare = Tool(name, function).bare()
    made: LoopTool[None] = LoopTool(bare, takes_ctx=False, name=name, sequential=True)
    return made.tool_def, made.function_schema.validator


async def drive(journal: Journal, tools: Mapping[str, Tool], room: AgentRoom, output_type: Any) -> Any:
    """Go on with a run to its output, from its last row.

    Args:
        journal: the run, taken.
        tools: by name.
        room: the application.
        output_type: of the output; None takes the stored schema.

    Raises:
        WaitingForPerson: a person has to decide first.
        AgentError: a limit is reached, the run was cancelled or taken over, or there is no output of the wanted form.
    """
    desk = room.desk_of(journal.scope)
    guard = Guard(journal, room)
    offered = _Tools(tools, Caller(journal, room))
    loop = Loop(
        GatewayModel(desk.models, journal),
        output_type=output_type if output_type is not None else _stored_output(journal),
        instructions=f"{MANNER}\n\n{journal.definition.instructions}",
        deps_type=type(None),
        capabilities=[_Instead(offered)],
        retries={"tools": _REPAIRS, "output": _REPAIRS},
    )
    if journal.definition.checks:
        loop.output_validator(_checked(guard))  # pyright: ignore[reportUnknownMemberType]
    try:
        return await journal.while_held(_ran(loop, journal, desk))
    finally:
        offered.withdraw()


def _checked(guard: Guard) -> Any:
    async def checked(output: Any) -> Any:
        """Have the model say it otherwise where a check refuses it."""
        if reason := await guard.of_answer(output):
            raise ModelRetry(f"{reason} Say it without that, or say what you do not know.")
        return output

    return checked


async def _ran(loop: Any, journal: Journal, desk: Desk) -> Any:
    history = ModelMessagesTypeAdapter.validate_python(journal.history)
    before = "" if history else await remembered(journal, desk)
    left = journal.definition.limits.seconds - journal.used.seconds
    try:
        async with asyncio.timeout(max(left, 0)):
            return await _walked(
                loop.iter(
                    None if history else _prompt(journal, before),
                    message_history=history or None,
                    usage_limits=UsageLimits(request_limit=None),
                    infer_name=False,
                )
            )
    except TimeoutError as error:
        raise AgentLimitError(
            "The run was ended: its limit of seconds is reached.",
            why=f"It may use {journal.definition.limits.seconds:g}.",
            remedy="Raise the limit, or ask for less at once.",
            limit="seconds",
        ) from error
    except AgentRunError as error:
        raise AgentOutputError(
            "The model gave no output of the wanted form.",
            why=f"It was asked again {_REPAIRS} times ({type(error).__name__}).",
            remedy="Simplify the output type, or use a model that is better at it.",
        ) from error


async def _walked(begun: AbstractAsyncContextManager[AgentRun[None, Any]]) -> Any:
    """The output of a run, going from node to node as they say.

    pydantic-ai's own way hands each node to a graph's runner, which begins tasks and streams for what could be a branch; here
    nothing branches, and that takes a third of the loop's time.
    """
    async with begun as run:
        node = run.next_node
        while not isinstance(node, End):
            node = cast("Any", await node.run(run.ctx))
        return cast("Any", node).data.output


def _prompt(journal: Journal, before: str) -> str:
    """What is remembered, what is wanted, and the text of others that it is about."""
    given = journal.row.untrusted
    about = marked(given, "prompt", _MOST_UNTRUSTED) if given else ""
    return "\n\n".join(part for part in (before, journal.row.prompt, about) if part)


def _stored_output(journal: Journal) -> Any:
    schema = journal.definition.output
    return str if schema is None else StructuredDict(dict(schema))
