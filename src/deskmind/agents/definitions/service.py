"""``desk.stored_agents``: versions of agents that a tenant keeps, tested before they are published."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from uuid import UUID

from deskmind.agents.agent import Agent
from deskmind.agents.definitions.cases import Case, Report
from deskmind.agents.definitions.rehearsing import rehearse
from deskmind.agents.definitions.spec import AgentSpec, spec_from_file
from deskmind.agents.definitions.versions import (
    PRODUCTION,
    AgentSummary,
    AgentVersion,
    insert_agent,
    list_agents,
    move_agent_label,
    read_agent,
    read_agents,
)
from deskmind.agents.memory.use import MemoryUse
from deskmind.agents.room import AgentRoom
from deskmind.agents.run import Definition, Run
from deskmind.database import Connection, Database
from deskmind.errors import InvalidRequestError, NotFoundError
from deskmind.governance.access import Permission, operation
from deskmind.governance.audit import record
from deskmind.scope import Scope

if TYPE_CHECKING:
    from deskmind.desk import Desk

__all__ = ["StoredAgents"]

_LABEL = re.compile(r"[a-z][a-z0-9_.-]{0,79}")
_MOST_NOTE = 2_000


class StoredAgents:
    """The tenant's agents. Who may run agents reads and tests them; who may define them keeps and publishes versions."""

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
        """Where agents are kept."""
        return self._database

    @operation(Permission.AGENTS_READ)
    async def list(self) -> list[AgentSummary]:
        """Every stored agent, by name."""
        async with self._database.transaction(self._scope) as connection:
            return await list_agents(connection, self._scope)

    @operation(Permission.AGENTS_READ)
    async def get(self, name: str, *, version: int | None = None, label: str | None = None) -> AgentVersion:
        """One version: that of the number, of the label, or the published one.

        Raises:
            NotFoundError: there is none.
        """
        async with self._database.transaction(self._scope) as connection:
            return await read_agent(connection, self._scope, name, version=version, label=label)

    @operation(Permission.AGENTS_READ)
    async def versions(self, name: str) -> list[AgentVersion]:
        """All versions, newest first.

        Raises:
            NotFoundError: there is no such agent.
        """
        async with self._database.transaction(self._scope) as connection:
            found = await read_agents(connection, self._scope, name)
        if not found:
            raise NotFoundError(
                f"There is no agent '{name[:80]}'.", remedy="`deskmind agents list` shows the agents."
            )
        return found

    @operation(Permission.AGENTS_DEFINE)
    async def save(self, agent: AgentSpec | str, *, note: str = "") -> AgentVersion:
        """Keep an agent as a new version; content that is there already gets no second one.

        Args:
            agent: the agent, or the text of a file of YAML or JSON.
            note: why, for the history.

        Raises:
            InvalidRequestError: it does not describe an agent, or the note is too long.
        """
        spec = spec_from_file(agent) if isinstance(agent, str) else agent
        if len(note) > _MOST_NOTE or "\x00" in note + spec.content:
            raise InvalidRequestError(f"A note has at most {_MOST_NOTE:,} characters, none of them NUL.")
        async with self._database.transaction(self._scope) as connection:
            version = await insert_agent(connection, self._scope, spec, note)
            await self._recorded(
                connection, spec.name, act="save", version=version, content_hash=spec.content_hash
            )
            return await read_agent(connection, self._scope, spec.name, version=version)

    @operation(Permission.AGENTS_DEFINE)
    async def publish(
        self, name: str, version: int | None = None, *, label: str = PRODUCTION
    ) -> AgentVersion:
        """Put a version to use: point the label at it, the newest where none is named. An earlier one takes it back.

        Raises:
            NotFoundError: there is no such version.
            InvalidRequestError: that cannot be a label.
            ConflictError: somebody moved the label at the same time.
        """
        if not _LABEL.fullmatch(label):
            raise InvalidRequestError(
                f"'{label[:80]}' cannot be a label.",
                why="A label has 1 to 80 of a-z, 0-9, '_', '.' and '-', and begins with a letter.",
            )
        async with self._database.transaction(self._scope) as connection:
            known = await read_agents(connection, self._scope, name)
            wanted = version if version is not None else known[0].version if known else 1
            await read_agent(connection, self._scope, name, version=wanted)
            before = await move_agent_label(connection, self._scope, name, label, wanted)
            await self._recorded(connection, name, act="publish", label=label, version=wanted, before=before)
            return await read_agent(connection, self._scope, name, version=wanted)

    @operation(Permission.AGENTS_RUN)
    async def agent(
        self, name: str, *, version: int | None = None, label: str | None = None, conversation: str = ""
    ) -> Agent[Any]:
        """The agent, to be run or streamed as the desk's user.

        Args:
            name: of the agent.
            version: that of the number; by default that of the label.
            label: by default the published one.
            conversation: id of a conversation of the user's that its runs go on with.

        Raises:
            NotFoundError: there is no such version, or no such prompt.
            InvalidRequestError: a tool is not known here.
        """
        desk = self._room.desk_of(self._scope)
        return await self._made(desk, name, version, label, conversation)

    @operation(Permission.AGENTS_RUN)
    async def run(
        self,
        name: str,
        prompt: str,
        *,
        untrusted: str = "",
        version: int | None = None,
        label: str | None = None,
        conversation: str = "",
    ) -> Run[Any]:
        """Run it here, to its end or until it waits for a person; arguments as for ``agent``, errors as for ``Agent.run``."""
        desk = self._room.desk_of(self._scope)
        agent = await self._made(desk, name, version, label, conversation)
        return await agent.run(prompt, untrusted=untrusted)

    @operation(Permission.AGENTS_RUN)
    async def start(
        self,
        name: str,
        prompt: str,
        *,
        untrusted: str = "",
        version: int | None = None,
        label: str | None = None,
        conversation: str = "",
    ) -> UUID:
        """Have a worker run it; the run's id. It ends as the version it began with, whatever is published meanwhile."""
        desk = self._room.desk_of(self._scope)
        agent = await self._made(desk, name, version, label, conversation)
        return await agent.start(prompt, untrusted=untrusted)

    @operation(Permission.AGENTS_RUN)
    async def test(
        self, name: str, cases: Sequence[Case], *, version: int | None = None, label: str | None = None
    ) -> Report:
        """Run cases with a scripted model, before publishing: by default the newest version. Nothing is written outside.

        Raises:
            NotFoundError: there is no such version.
            InvalidRequestError: a tool is not known here.
        """
        desk = self._room.desk_of(self._scope)
        if version is None and label is None:
            version = (await self.versions(name))[0].version
        found = await self._stored(name, version, label)
        definition = await self._definition(desk, found)
        results = [
            await rehearse(self._database, self._scope, self._room, definition, case) for case in cases
        ]
        return Report(name, found.version, tuple(results))

    async def _made(
        self, desk: Desk, name: str, version: int | None, label: str | None, conversation: str
    ) -> Agent[Any]:
        definition = await self._definition(desk, await self._stored(name, version, label))
        if conversation:
            use = definition.memory or MemoryUse(kinds=(), extract="none")
            definition = replace(definition, memory=replace(use, conversation=conversation))
        return Agent[Any].of(desk.agents, definition, dict(self._room.agent_tools))

    async def _stored(self, name: str, version: int | None, label: str | None) -> AgentVersion:
        async with self._database.transaction(self._scope) as connection:
            return await read_agent(connection, self._scope, name, version=version, label=label)

    async def _definition(self, desk: Desk, found: AgentVersion) -> Definition:
        spec = found.spec
        for tool in spec.tools:
            if tool not in self._room.agent_tools:
                raise InvalidRequestError(
                    f"There is no tool '{tool}' here.",
                    remedy="Register it with app.register_tool, in workers too.",
                )
        instructions = spec.instructions
        if spec.prompt:
            messages = await desk.prompts.render(spec.prompt, {})
            instructions = "\n\n".join(message.content for message in messages)
        return spec.definition(instructions, found.version)

    async def _recorded(self, connection: Connection, name: str, **details: Any) -> None:
        await record(connection, self._scope, Permission.AGENTS_DEFINE, resource=f"agents/{name}", **details)
