"""``desk.agents``: runs of agents, and stopping their tools."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID, uuid4

from deskmind.agents import switches
from deskmind.agents.events import AgentEvent, RunEnded
from deskmind.agents.failures import remedy_of
from deskmind.agents.jobs import check_room, defer_run, wake_run
from deskmind.agents.journal import Journal
from deskmind.agents.measuring import count_run
from deskmind.agents.memory.runs import learn, tell_conversation
from deskmind.agents.publishing import publish_run
from deskmind.agents.refusals import refusals_recorded
from deskmind.agents.room import AgentRoom
from deskmind.agents.run import Definition, Run, RunDetails
from deskmind.agents.safety.blocks import Block, list_blocks, unblock
from deskmind.agents.store import (
    RunRow,
    add_run,
    beginning,
    end_run,
    find_run,
    list_runs,
    queue_run,
    read_effects,
    read_steps,
    run_versions,
    view_of,
)
from deskmind.agents.tool import Tool
from deskmind.database import Connection, Database
from deskmind.errors import (
    AgentCancelledError,
    ConflictError,
    DeskmindError,
    InvalidRequestError,
    LeaseLostError,
    MissingExtraError,
    NotFoundError,
)
from deskmind.governance.access import Permission, operation
from deskmind.governance.audit import record
from deskmind.observability import correlation_id, logger
from deskmind.scope import Scope

if TYPE_CHECKING:
    from deskmind.agents.agent import Agent

__all__ = ["Agents"]

T = TypeVar("T")
Emit = Callable[[AgentEvent], None]
_OPEN = ("queued", "running", "waiting")
_MOST_PROMPT = 100_000
_log = logger("deskmind.agents")


def _ignore(event: AgentEvent) -> None:
    del event


class Agents:
    """Runs of one principal's agents; operators see those of all."""

    def __init__(self, database: Database, scope: Scope, room: AgentRoom) -> None:
        self._database = database
        self._scope = scope
        self._room = room

    @property
    def scope(self) -> Scope:
        """Who acts."""
        return self._scope

    @property
    def database(self) -> Database:
        """Where runs are kept."""
        return self._database

    @operation(Permission.AGENTS_RUN)
    async def run(
        self,
        agent: Agent[T],
        prompt: str,
        *,
        untrusted: str = "",
        emit: Emit = _ignore,
        pieces: bool = False,
    ) -> Run[T]:
        """Run an agent here, to its end or until it waits for a person; see ``Agent.run`` and ``Agent.stream``."""
        journal = await self._begun(agent.definition, prompt, untrusted, emit, pieces)
        try:
            return await self._driven(journal, agent.tools, agent.output_type)
        except asyncio.CancelledError:  # whoever wanted it has gone
            await asyncio.shield(self._abandon(journal.run_id))
            raise

    @operation(Permission.AGENTS_RUN)
    async def start(self, agent: Agent[T], prompt: str, *, untrusted: str = "") -> UUID:
        """Have a worker run an agent; see ``Agent.start``.

        Raises:
            InvalidRequestError: a tool is not known to workers.
            LimitExceededError: the tenant has ``agents.most_queued`` runs waiting.
        """
        unknown = sorted(set(agent.definition.tools) - set(self._room.agent_tools))
        if unknown:
            raise _unregistered(unknown[0])
        return await self._queued(agent.definition, prompt, untrusted)

    @operation(Permission.AGENTS_RUN)
    async def resume(self, run_id: UUID, agent: Agent[T] | None = None, *, emit: Emit = _ignore) -> Run[T]:
        """Go on with a run of one's own here, from its last row.

        Args:
            run_id: one that waits, is queued, was left behind by a dead worker, or failed for something that may be over.
            agent: with tools and the output type; by default what is stored with the run and known to workers.
            emit: told what happens.

        Raises:
            NotFoundError: there is no such run.
            ConflictError: another worker has it, or it has ended.
        """
        tools, output_type = (agent.tools, agent.output_type) if agent is not None else (None, None)
        return await self._go_on(run_id, tools, output_type, emit)

    @operation(Permission.AGENTS_RUN)
    async def requeue(self, run_id: UUID) -> Run[Any]:
        """Have a worker go on with a run of one's own; the run as it stands then.

        Raises:
            NotFoundError: there is no such run.
            ConflictError: a worker has it, or it has ended.
            InvalidRequestError: a tool is not known to workers.
        """
        async with (
            self._refusals(run_id, "resume"),
            self._database.transaction(self._scope) as connection,
        ):
            found = await find_run(connection, self._scope, run_id)
            if found is None or found.kind != "agent":
                raise _no_run(run_id)
            row = await queue_run(connection, self._scope, run_id)
            if row is None:
                raise ConflictError(
                    "The run cannot be taken.", why="Another worker has it, or it has ended.", run=str(run_id)
                )
            self._tools_of(Definition.of(row.definition))
            await self._record(connection, run_id, row.agent, "queued")
            await defer_run(connection, self._scope, run_id)
        return view_of(row)

    @operation(Permission.AGENTS_RUN)
    async def cancel(self, run_id: UUID) -> None:
        """End a run; what it does right now is finished, nothing is begun after.

        Raises:
            NotFoundError: there is no such run.
            ConflictError: it has ended already.
        """
        async with (
            self._refusals(run_id, "cancel"),
            self._database.transaction(self._scope) as connection,
        ):
            row = await find_run(connection, self._scope, run_id)
            if row is None or row.kind != "agent":
                raise _no_run(run_id)
            if not await end_run(connection, self._scope, run_id, _OPEN):
                raise ConflictError("The run has ended already.", why=f"It is {row.state}.")
            await record(
                connection, self._scope, Permission.AGENTS_RUN, resource=f"runs/{run_id}", state="cancelled"
            )
            await publish_run(connection, self._scope, run_id, "cancelled", kind="agent", name=row.agent)
            if row.parent_id is not None:  # the workflow that waits for it goes on
                await wake_run(connection, self._scope, row.parent_id)
        if row.state != "running":  # a worker that has it counts it
            count_run("cancelled")

    @operation(Permission.AGENTS_READ)
    async def list(
        self, *, state: str | None = None, limit: int = 50, before: tuple[datetime, UUID] | None = None
    ) -> list[Run[Any]]:
        """The newest runs, newest first.

        Args:
            state: only those in it.
            limit: at most this many, 1 to 1000.
            before: ``place`` of the last one of the previous page.

        Raises:
            InvalidRequestError: the limit is not 1 to 1000.
        """
        if not 1 <= limit <= 1000:
            raise InvalidRequestError(f"A limit of {limit} is not possible.", remedy="Choose 1 to 1000.")
        async with self._database.transaction(self._scope) as connection:
            runs = await list_runs(connection, self._scope, state, limit, before)
            await record(connection, self._scope, Permission.AGENTS_READ, resource="runs", runs=len(runs))
            return runs

    @operation(Permission.AGENTS_READ)
    async def show(self, run_id: UUID) -> RunDetails[Any]:
        """A run with its transcript and its writes.

        Raises:
            NotFoundError: there is no such run.
        """
        async with self._database.transaction(self._scope) as connection:
            row = await find_run(connection, self._scope, run_id)
            if row is None:
                raise _no_run(run_id)
            steps = await read_steps(connection, self._scope, run_id)
            effects = await read_effects(connection, self._scope, run_id)
            await record(connection, self._scope, Permission.AGENTS_READ, resource=f"runs/{run_id}")
        return RunDetails(view_of(row), row.prompt, tuple(steps), tuple(effects))

    @operation(Permission.AGENTS_READ, told=False)
    async def versions(self, ids: Sequence[UUID]) -> dict[UUID, str]:
        """What changes whenever a run goes a step on, of those that one may see."""
        async with self._database.transaction(self._scope) as connection:
            return await run_versions(connection, self._scope, ids)

    @operation(Permission.AGENTS_STOP)
    async def stop_tool(self, tool: str = switches.ALL_TOOLS, *, reason: str = "") -> None:
        """Stop a tool for the tenant's agents, or all of them; runs under way are refused it from their next call on.

        Raises:
            InvalidRequestError: that cannot be the name of a tool.
        """
        switches.check_tool(tool)
        async with self._database.transaction(self._scope) as connection:
            await switches.stop(connection, self._scope, tool, reason)
            await record(
                connection, self._scope, Permission.AGENTS_STOP, resource=f"tools/{tool}", stopped=True
            )

    @operation(Permission.AGENTS_STOP)
    async def allow_tool(self, tool: str = switches.ALL_TOOLS) -> None:
        """Let a tool that was stopped be called again. Errors as for ``stop_tool``."""
        switches.check_tool(tool)
        async with self._database.transaction(self._scope) as connection:
            await switches.allow(connection, self._scope, tool)
            await record(
                connection, self._scope, Permission.AGENTS_STOP, resource=f"tools/{tool}", stopped=False
            )

    @operation(Permission.AGENTS_READ)
    async def stopped_tools(self) -> dict[str, str]:
        """The stopped tools with the reasons; ``*`` is all."""
        async with self._database.transaction(self._scope) as connection:
            return await switches.list_stopped(connection, self._scope)

    @operation(Permission.AGENTS_READ)
    async def blocks(self) -> list[Block]:
        """What is blocked beyond a run, the newest first."""
        async with self._database.transaction(self._scope) as connection:
            return await list_blocks(connection, self._scope)

    @operation(Permission.AGENTS_STOP)
    async def lift(self, subject: str) -> None:
        """Lift a block.

        Raises:
            NotFoundError: there is none.
        """
        async with self._database.transaction(self._scope) as connection:
            if not await unblock(connection, self._scope, subject):
                raise NotFoundError("There is no such block.", remedy="`deskmind agent blocks` shows them.")
            await record(connection, self._scope, Permission.AGENTS_STOP, resource="blocks", lifted=True)

    async def _queued(self, definition: Definition, prompt: str, untrusted: str) -> UUID:
        _check_prompt(prompt, untrusted)
        run_id = uuid4()
        async with self._database.transaction(self._scope) as connection:
            await check_room(connection, self._room.settings.agents.most_queued)
            await add_run(connection, self._scope, run_id, definition, prompt, untrusted, correlation_id())
            await self._record(connection, run_id, definition.name, "queued")
            await defer_run(connection, self._scope, run_id)
        return run_id

    async def _begun(
        self, definition: Definition, prompt: str, untrusted: str, emit: Emit, pieces: bool
    ) -> Journal:
        """A new run that this process has, in one transaction."""
        _check_prompt(prompt, untrusted)
        _loop()
        run_id, lease, taken = uuid4(), self._room.settings.agents.lease_seconds, time.monotonic()
        given = (definition, prompt, untrusted, correlation_id())
        begun = beginning(self._database, self._scope, run_id, *given, lease=lease)
        async with begun as (connection, row):
            await self._record(connection, run_id, definition.name, "queued")
        return Journal(
            self._database, self._scope, row, (), lease=lease, taken=taken, emit=emit, pieces=pieces
        )

    async def _record(self, connection: Connection, run_id: UUID, agent: str, state: str) -> None:
        resource = f"runs/{run_id}"
        await record(
            connection, self._scope, Permission.AGENTS_RUN, resource=resource, agent=agent, state=state
        )

    def _refusals(self, run_id: UUID, act: str) -> AbstractAsyncContextManager[None]:
        return refusals_recorded(self._database, self._scope, Permission.AGENTS_RUN, f"runs/{run_id}", act)

    async def _go_on(
        self, run_id: UUID, tools: Mapping[str, Tool] | None, output_type: Any, emit: Emit
    ) -> Run[Any]:
        _loop()
        lease = self._room.settings.agents.lease_seconds
        async with self._refusals(run_id, "resume"):
            await self._seen(run_id)
            journal = await Journal.take(self._database, self._scope, run_id, lease=lease, emit=emit)
        return await self._driven(journal, tools, output_type)

    async def _driven(self, journal: Journal, tools: Mapping[str, Tool] | None, output_type: Any) -> Run[Any]:
        try:
            return await self._driven_on(journal, tools, output_type)
        except AgentCancelledError:  # told while its end was written
            count_run("cancelled")
            return _told(journal, await self._row(journal.run_id), None)

    async def _driven_on(
        self, journal: Journal, tools: Mapping[str, Tool] | None, output_type: Any
    ) -> Run[Any]:
        try:
            known = self._tools_of(journal.definition) if tools is None else tools
            output = await _loop()(journal, known, self._room, output_type)
        except BaseException as error:
            state, row = await self._ended(journal, error)
            count_run(state)
            if state not in ("waiting", "cancelled"):
                raise
            return _told(journal, row or await self._row(journal.run_id), None)
        stored = _as_json(output)
        desk = self._room.desk_of(self._scope)
        await learn(journal, desk, stored)
        row = await self._close(journal, "done", output=stored)
        await tell_conversation(journal, desk, stored)
        count_run("done")
        return _told(journal, row, output)

    async def _ended(self, journal: Journal, error: BaseException) -> tuple[str, RunRow | None]:
        """Write down how a run ended that gave no output; the state it is in, and its row where that was written."""
        from deskmind.agents.calling import WaitingForPerson

        if isinstance(error, LeaseLostError):
            return "lost", None
        if isinstance(error, AgentCancelledError):
            return "cancelled", None
        if isinstance(error, WaitingForPerson):
            return "waiting", await self._close(journal, "waiting")
        if not isinstance(error, Exception):  # this process is ending: another goes on when the lease is over
            return "lost", None
        code = error.code if isinstance(error, DeskmindError) else "internal"
        return "failed", await self._close(journal, "failed", problem=code, remedy=remedy_of(error))

    async def _close(
        self, journal: Journal, state: str, *, output: Any = None, problem: str = "", remedy: str = ""
    ) -> RunRow:
        how = {"output": output, "problem": problem, "remedy": remedy}
        async with journal.closing(state, **how) as (connection, row):
            await record(
                connection,
                self._scope,
                Permission.AGENTS_RUN,
                resource=f"runs/{journal.run_id}",
                outcome="failed" if state == "failed" else "done",
                agent=journal.row.agent,
                state=state,
                problem=problem,
                steps=journal.used.steps,
                tool_calls=journal.used.tool_calls,
                tokens=journal.used.tokens,
                cost=str(journal.used.cost),
            )
            await publish_run(
                connection,
                self._scope,
                journal.run_id,
                state,
                kind="agent",
                name=journal.row.agent,
                problem=problem,
            )
        return row

    async def _abandon(self, run_id: UUID) -> None:
        async with self._database.transaction(self._scope) as connection:
            await end_run(connection, self._scope, run_id, _OPEN)

    async def _seen(self, run_id: UUID) -> None:
        if (await self._row(run_id)).kind != "agent":
            raise _no_run(run_id)

    async def _row(self, run_id: UUID) -> RunRow:
        async with self._database.transaction(self._scope) as connection:
            row = await find_run(connection, self._scope, run_id)
        if row is None:
            raise _no_run(run_id)
        return row

    def _tools_of(self, definition: Definition) -> dict[str, Tool]:
        known = self._room.agent_tools
        for name in definition.tools:
            if name not in known:
                raise _unregistered(name)
        return {name: known[name] for name in definition.tools}


def _told(journal: Journal, row: RunRow, output: Any) -> Run[Any]:
    """The run as it stands, which is the last event."""
    run = view_of(row)
    run = run if output is None else replace(run, output=output)
    journal.emit(RunEnded(run))
    return run


def _loop() -> Callable[..., Awaitable[Any]]:
    """What drives a run; seen to be there before one is begun or taken."""
    try:
        from deskmind.agents.loop import drive
    except ImportError as error:
        raise MissingExtraError("pydantic-ai", "agents") from error
    return drive


def _check_prompt(prompt: str, untrusted: str) -> None:
    if not prompt.strip() or len(prompt) > _MOST_PROMPT or len(untrusted) > _MOST_PROMPT:
        raise InvalidRequestError(
            "The prompt cannot be used.", why=f"It is empty, or longer than {_MOST_PROMPT:,} characters."
        )


def _as_json(output: Any) -> Any:
    from pydantic_core import to_jsonable_python

    return to_jsonable_python(output)


def _no_run(run_id: UUID) -> NotFoundError:
    return NotFoundError(
        f"There is no run {run_id}.", why="It does not exist, or it is another user's.", run=str(run_id)
    )


def _unregistered(name: str) -> InvalidRequestError:
    return InvalidRequestError(
        f"Workers do not know the tool '{name}'.",
        why="A run that a worker does names its tools, and the application has none of this name.",
        remedy="Register it with app.register_tool, in the workers too.",
    )
