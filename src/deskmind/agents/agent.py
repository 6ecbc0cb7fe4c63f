"""An agent of a desk: instructions, tools, a model, and what comes out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import suppress
from typing import Any, Generic, TypeVar, cast
from uuid import UUID

from deskmind.agents.events import AgentEvent
from deskmind.agents.limits import Limits
from deskmind.agents.memory.use import MemoryUse
from deskmind.agents.run import Definition, Run, ToolCalling
from deskmind.agents.service import Agents
from deskmind.agents.tool import Tool
from deskmind.errors import InvalidRequestError

__all__ = ["Agent", "make_agent"]

T = TypeVar("T")


class Agent(Generic[T]):
    """Made by ``desk.agent(…)``; it does what the desk's user may do and no more.

    >>> agent = desk.agent("helper", instructions="Answer from the knowledge base.", tools=["knowledge_search"], model="fast")
    >>> run = await agent.run("How do I reset my password?")
    >>> run.output
    """

    def __init__(
        self,
        service: Agents,
        name: str,
        *,
        instructions: str,
        model: str,
        output_type: type[T],
        tools: Iterable[Tool | str],
        limits: Limits,
        tool_calling: ToolCalling,
        memory: MemoryUse | None,
        known: dict[str, Tool],
        checks: Iterable[str] = (),
    ) -> None:
        if not name or len(name) > 100 or not name.isprintable():
            raise InvalidRequestError("An agent's name has 1 to 100 printable characters.")
        self._service = service
        self.output_type: Any = output_type
        self.tools = {one.name: one for one in (_resolved(item, known) for item in tools)}
        self.definition = Definition(
            name,
            instructions,
            model,
            tuple(self.tools),
            limits,
            _schema(output_type),
            tool_calling,
            memory,
            checks=tuple(checks),
        )

    @classmethod
    def of(cls, service: Agents, definition: Definition, known: dict[str, Tool]) -> Agent[Any]:
        """The agent that a definition describes, such as a stored one; its output is what the schema says."""
        made: Agent[Any] = make_agent(
            service,
            known,
            definition.name,
            instructions=definition.instructions,
            model=definition.model,
            output_type=cast("type[Any]", str),
            tools=definition.tools,
        )
        made.definition = definition
        made.output_type = None if definition.output is not None else str
        return made

    async def run(self, prompt: str, *, untrusted: str = "") -> Run[T]:
        """Run here, to the end or until a person is needed (then ``state`` is ``waiting``).

        Args:
            prompt: what the user wants; it is an instruction.
            untrusted: text that others wrote and the prompt is about, such as a ticket's. It is no instruction, and what
                the run writes after it needs approval.

        Raises:
            AgentLimitError: a limit is reached.
            AgentOutputError: the model gave no output of the wanted form.
            ModelError: the model could not be had; the run may be resumed where ``remedy`` is ``retry``.
            PermissionDeniedError: the user may not run agents, or not call models.
        """
        return await self._service.run(self, prompt, untrusted=untrusted)

    async def stream(self, prompt: str, *, untrusted: str = "") -> AsyncIterator[AgentEvent]:
        """The same as events: pieces of text as they arrive, all others when they are written down; the last one is ``RunEnded``.

        Leaving early cancels the work.
        """
        events: asyncio.Queue[AgentEvent | None] = asyncio.Queue()

        async def work() -> None:
            try:
                await self._service.run(
                    self, prompt, untrusted=untrusted, emit=events.put_nowait, pieces=True
                )
            finally:
                events.put_nowait(None)

        task = asyncio.create_task(work())
        try:
            while (event := await events.get()) is not None:
                yield event
            await task
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def start(self, prompt: str, *, untrusted: str = "") -> UUID:
        """Have a worker run it; gives the run's id at once. Its tools must be known to workers, see ``app.register_tool``."""
        return await self._service.start(self, prompt, untrusted=untrusted)

    async def resume(self, run_id: UUID) -> Run[T]:
        """Go on with a run here; see ``desk.agents.resume``."""
        return await self._service.resume(run_id, self)


def make_agent(
    service: Agents,
    known: dict[str, Tool],
    name: str,
    *,
    instructions: str,
    output_type: type[T] | None = None,
    tools: Iterable[Tool | str] = (),
    model: str,
    limits: Limits | None = None,
    tool_calling: ToolCalling = "native",
    memory: MemoryUse | None = None,
    checks: Iterable[str] = (),
) -> Agent[T]:
    """An agent; see ``Desk.agent``."""
    return Agent(
        service,
        name,
        instructions=instructions,
        model=model,
        output_type=cast("type[T]", output_type if output_type is not None else str),
        tools=tools,
        limits=limits or Limits(),
        tool_calling=tool_calling,
        memory=memory,
        known=known,
        checks=checks,
    )


def _resolved(item: Tool | str, known: dict[str, Tool]) -> Tool:
    if isinstance(item, Tool):
        return item
    if item not in known:
        raise InvalidRequestError(
            f"There is no tool '{item[:80]}'.", why=f"There are: {', '.join(sorted(known))}."
        )
    return known[item]


def _schema(output_type: Any) -> dict[str, Any] | None:
    if output_type is str:
        return None
    from pydantic import TypeAdapter

    schema: dict[str, Any] = TypeAdapter(output_type).json_schema()
    if schema.get("type") != "object":
        raise InvalidRequestError(
            "The output type is not an object.", remedy="Use str, a dataclass or a pydantic model."
        )
    return schema
