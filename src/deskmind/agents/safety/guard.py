"""What forbids a call, an effect or an answer whatever a person says: switches, blocks, rights, rules of flow, checks."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from deskmind.agents.safety.blocks import agent_subject, block, blocked, call_subject
from deskmind.agents.safety.checks import Check, CheckedText
from deskmind.agents.safety.flow import Flow
from deskmind.agents.switches import stopped, stopped_now
from deskmind.agents.tool import Preview, Tool
from deskmind.errors import ConfigurationError, PermissionDeniedError
from deskmind.governance.audit import record

if TYPE_CHECKING:
    from deskmind.agents.journal import Journal
    from deskmind.agents.room import AgentRoom

__all__ = ["Guard", "Refusal"]


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why something is not done, in words for the model.

    Attributes:
        rule: which of them: ``stopped``, ``blocked``, ``permission``, ``flow`` or ``check``.
    """

    text: str
    rule: str


class Guard:
    """Of one run."""

    def __init__(self, journal: Journal, room: AgentRoom) -> None:
        self._journal = journal
        self._room = room
        self._flow = Flow(journal.scope, room)
        self._checks = [_named(room, name) for name in journal.definition.checks]

    async def of_call(self, tool: Tool, arguments: Mapping[str, Any]) -> Refusal | None:
        """What forbids the call."""
        scope = self._journal.scope
        if refusal := await self._switched_off(tool, arguments):
            return refusal
        authority = self._room.database.authority
        if tool.permission is not None and authority is not None:
            try:
                await authority.admit(scope, tool.permission)
            except PermissionDeniedError as error:
                return Refusal(f"{error.what} {error.why}".strip(), "permission")
        return _refused(await self._flow.of_arguments(tool, arguments, self._journal.readers), "flow")

    async def _switched_off(self, tool: Tool, arguments: Mapping[str, Any]) -> Refusal | None:
        """Whether the tool is stopped, or what it would do outside is blocked."""
        scope, database = self._journal.scope, self._room.database
        if tool.effect == "read" and tool.audience != "outside":
            return _stopped(tool, await stopped_now(database, scope, tool.name))
        async with database.transaction(scope) as connection:
            if refusal := _stopped(tool, await stopped(connection, scope, tool.name)):
                return refusal
            call = call_subject(scope, tool.name, arguments)
            reason = await blocked(connection, scope, call, self._agent)
        return None if reason is None else Refusal(f"This is blocked. {reason}".strip(), "blocked")

    async def of_effect(self, tool: Tool, arguments: Mapping[str, Any], preview: Preview) -> Refusal | None:
        """What forbids a write that was looked at."""
        if reason := await self._flow.of_preview(tool, preview, self._journal.readers):
            return Refusal(reason, "flow")
        if tool.effect in ("read", "ask") or tool.audience == "agent":
            return None
        return _refused(await self._checked("\n".join(_texts(arguments)), "write"), "check")

    async def of_answer(self, answer: Any) -> str | None:
        """Why the user may not be given an answer."""
        text = answer if isinstance(answer, str) else json.dumps(answer, ensure_ascii=False, default=str)
        return await self._checked(text, "answer")

    async def strike(self, tool: Tool, refusal: Refusal) -> None:
        """Block the agent once it was refused too often in this run for what no honest agent keeps trying."""
        journal, settings = self._journal, self._room.settings.agents
        if refusal.rule != "flow":
            return
        journal.strikes += 1
        if journal.strikes != settings.block_after:
            return
        reason = f"It was refused {settings.block_after} times in one run by a rule of safety."
        async with journal.writing() as connection:
            await block(
                connection,
                journal.scope,
                "agent",
                self._agent,
                principal_id=journal.row.principal_id,
                tool=tool.name,
                agent=journal.row.agent,
                reason=reason,
                seconds=settings.block_hours * 3600,
            )
            await record(
                connection, journal.scope, "agents.block", resource=f"runs/{journal.run_id}", tool=tool.name
            )

    async def _checked(self, text: str, where: Any) -> str | None:
        if not self._checks or not text:
            return None
        journal = self._journal
        redactor = await self._room.tenant_redactor(journal.scope.tenant_id)
        instructions = journal.definition.instructions
        checked = CheckedText(text, where, tuple(journal.texts), instructions, redactor)
        for check in self._checks:
            if reason := await check(checked):
                return reason
        return None

    @property
    def _agent(self) -> str:
        return agent_subject(self._journal.row.principal_id, self._journal.row.agent)


def _stopped(tool: Tool, reason: str | None) -> Refusal | None:
    return (
        None if reason is None else Refusal(f"The tool {tool.name} is stopped. {reason}".strip(), "stopped")
    )


def _refused(reason: str | None, rule: str) -> Refusal | None:
    return Refusal(reason, rule) if reason else None


def _named(room: AgentRoom, name: str) -> Check:
    if name not in room.agent_checks:
        raise ConfigurationError(
            f"There is no check '{name[:80]}'.",
            remedy="Register it with app.register_check, in the workers too.",
        )
    return room.agent_checks[name]


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, Mapping):
        return [text for one in value.values() for text in _texts(one)]  # pyright: ignore[reportUnknownVariableType]
    if isinstance(value, Sequence):
        return [text for one in value for text in _texts(one)]  # pyright: ignore[reportUnknownVariableType]
    return []
