"""Who does a workflow's work: tools, agents and other workflows, each under its own rules."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any
from uuid import UUID

from deskmind.agents.agent import Agent
from deskmind.agents.calling import Caller
from deskmind.agents.events import AgentEvent, ToolAnswered
from deskmind.agents.journal import Journal
from deskmind.agents.store import RunRow, add_run, find_run
from deskmind.agents.tool import Tool
from deskmind.agents.workflows.recording import Made, Parked, Place, call_of
from deskmind.agents.workflows.records import NewRun, add_workflow_run
from deskmind.agents.workflows.room import WorkflowRoom
from deskmind.agents.workflows.systems import Systems
from deskmind.agents.workflows.telling import Told
from deskmind.database import Database
from deskmind.errors import ConflictError, NotFoundError, StepFailedError
from deskmind.governance.access import Permission
from deskmind.governance.audit import record
from deskmind.observability import correlation_id

if TYPE_CHECKING:
    from deskmind.desk import Desk

__all__ = ["Parties"]

_BUSY_PAUSE = 0.2
Drive = Callable[[UUID], Awaitable[RunRow]]


class Parties:
    """For one run.

    Args:
        desk: of whose run it is.
        room: the application.
        drive: goes on with a workflow's run, to its end or until it waits.
    """

    def __init__(self, desk: Desk, room: WorkflowRoom, drive: Drive) -> None:
        self.desk = desk
        self.systems = Systems.of(desk, room)
        self.undos: list[tuple[Place, Callable[[Any, Any], Awaitable[Any]], Any]] = []
        self.default_model = room.settings.agents.workflow_model
        self._room = room
        self._drive = drive
        self._answered: dict[str, ToolAnswered] = {}

    def heard(self, event: AgentEvent) -> None:
        """Told what happens in the run."""
        if isinstance(event, ToolAnswered):
            self._answered[event.call_id] = event

    async def called(
        self, journal: Journal, tool: Tool | str, path: str, arguments: Mapping[str, Any]
    ) -> dict[str, str]:
        """Call a tool as an agent would: what ``Called`` has.

        Raises:
            NotFoundError: there is no such tool.
            WaitingForPerson: somebody has to decide first.
        """
        known = tool if isinstance(tool, Tool) else self._room.agent_tools.get(tool)
        if known is None:
            raise NotFoundError(
                f"There is no tool '{str(tool)[:80]}'.", remedy="Register it with app.register_tool."
            )
        call_id = call_of(path)
        told = Told()
        text = await Caller(journal, self._room).call(told.of(known), call_id, arguments)
        event = self._answered.get(call_id)
        outcome = journal.results[call_id].outcome if event is None else event.outcome
        return {"outcome": outcome, "text": text, "problem": told.problem if outcome == "failed" else ""}

    async def ran(
        self, journal: Journal, child_id: UUID, agent: Agent[Any], prompt: str, untrusted: str
    ) -> Made:
        """Run an agent below this run, or go on with it.

        Raises:
            Parked: it waits for a person.
        """
        await self._begun(journal, child_id, agent, prompt, untrusted)
        row = await self._row(child_id)
        if row.state not in ("done", "failed", "cancelled") or (row.state, row.remedy) == ("failed", "retry"):
            await self._freed(journal, lambda: self.desk.agents.resume(child_id, agent))
            row = await self._row(child_id)
        return self._gave(row)

    async def went(self, journal: Journal, child_id: UUID, workflow: str, given: Mapping[str, Any]) -> Made:
        """Run another workflow below this run, or go on with it.

        Raises:
            Parked: it waits.
        """
        known = self._room.workflow_catalogue.newest(workflow)
        new = NewRun(
            child_id,
            known.name,
            known.version,
            known.stored(given),
            journal.tainted,
            parent_id=journal.run_id,
        )
        async with journal.writing() as connection:
            if await add_workflow_run(connection, journal.scope, new, correlation_id()):
                await record(
                    connection,
                    journal.scope,
                    Permission.WORKFLOWS_RUN,
                    resource=f"runs/{child_id}",
                    workflow=known.name,
                    state="queued",
                    parent=str(journal.run_id),
                )
        row = await self._row(child_id)
        if row.state not in ("done", "failed", "cancelled"):
            row = await self._freed(journal, lambda: self._drive(child_id))
        return self._gave(row)

    async def _begun(
        self, journal: Journal, child_id: UUID, agent: Agent[Any], prompt: str, untrusted: str
    ) -> None:
        scope = journal.scope
        async with journal.writing() as connection:
            if await find_run(connection, scope, child_id) is not None:
                return
            await add_run(
                connection,
                scope,
                child_id,
                agent.definition,
                prompt,
                untrusted,
                correlation_id(),
                parent_id=journal.run_id,
                tainted=journal.tainted,
            )
            await record(
                connection,
                scope,
                Permission.AGENTS_RUN,
                resource=f"runs/{child_id}",
                agent=agent.definition.name,
                state="queued",
                parent=str(journal.run_id),
            )

    async def _freed(self, journal: Journal, act: Callable[[], Awaitable[Any]]) -> Any:
        """Do it as soon as the worker that had the run, and is gone, has lost its lease."""
        while True:
            try:
                return await act()
            except ConflictError:
                await journal.confirm()
                await asyncio.sleep(_BUSY_PAUSE)

    async def _row(self, child_id: UUID) -> RunRow:
        database: Database = self.desk.database
        async with database.transaction(self.desk.scope) as connection:
            row = await find_run(connection, self.desk.scope, child_id)
        if row is None:
            raise NotFoundError(f"There is no run {child_id}.", run=str(child_id))
        return row

    def _gave(self, row: RunRow) -> Made:
        if row.state == "done":
            return Made(row.output["value"], row.tainted, row.tokens, row.cost)
        if row.state in ("failed", "cancelled"):
            problem = row.problem or row.state
            raise StepFailedError(f"The run below ended: {problem}.", problem=problem, run=str(row.run_id))
        raise Parked(wake_at=row.wake_at)
