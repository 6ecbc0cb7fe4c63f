"""A stored agent under its cases: the real loop and rules, a model that says what the case says, and no write."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID, uuid4

from deskmind.agents.agent import Agent
from deskmind.agents.definitions.cases import Case, CaseResult, Rehearsed, ScriptedReply, judged
from deskmind.agents.gate import judge
from deskmind.agents.room import AgentRoom
from deskmind.agents.run import Definition
from deskmind.agents.service import Agents
from deskmind.agents.store import find_run
from deskmind.agents.tool import Tool, ToolContext
from deskmind.database import Database
from deskmind.errors import DeskmindError, InvalidRequestError
from deskmind.gateway.messages import ChatResponse, ToolCall, Usage
from deskmind.scope import Scope

if TYPE_CHECKING:
    from deskmind.desk import Desk
    from deskmind.gateway.service import Models
    from deskmind.governance.redaction import Redactor
    from deskmind.settings import Settings

__all__ = ["rehearse"]

_STRICTNESS = ("auto", "one", "two", "never")


async def rehearse(
    database: Database, scope: Scope, room: AgentRoom, definition: Definition, case: Case
) -> CaseResult:
    """Run a case as the scope's user. The run is kept as one of ``NAME (test …)``; it has no memory and costs nothing."""
    rehearsal = _Rehearsal(room, case, definition)
    tools = {name: rehearsal.tool(room.agent_tools[name]) for name in definition.tools}
    agents = Agents(database, scope, rehearsal)
    tested = replace(definition, name=f"{definition.name} (test {uuid4().hex[:8]})", memory=None)
    agent = Agent[Any].of(agents, tested, tools)
    problem, output = "", None
    try:
        run = await agents.run(agent, case.prompt, untrusted=case.untrusted)
        output = run.output
    except DeskmindError as error:
        problem = rehearsal.script.problem or error.code
    last = next((run for run in await agents.list(limit=100) if run.agent == tested.name), None)
    return judged(
        case,
        Rehearsed(
            problem,
            output,
            tuple(rehearsal.calls),
            rehearsal.writes,
            last.steps if last is not None else 0,
            last is not None and last.tainted,
        ),
    )


class _Rehearsal:
    """The application as a test sees it: another model, and tools that write nothing."""

    def __init__(self, room: AgentRoom, case: Case, definition: Definition) -> None:
        self._room = room
        self._case = case
        self.script = _Script(case.script, schema=definition.tool_calling == "schema")
        self.settings: Settings = room.settings
        self.calls: list[str] = []
        self.writes: dict[str, str] = {}

    @property
    def agent_tools(self) -> Mapping[str, Tool]:
        return self._room.agent_tools

    def desk_of(self, scope: Scope) -> Desk:
        desk = self._room.desk_of(scope)
        desk.models = cast("Models", self.script)
        return desk

    async def tenant_redactor(self, tenant_id: UUID) -> Redactor:
        return await self._room.tenant_redactor(tenant_id)

    def tool(self, one: Tool) -> Tool:
        """A tool that notes its calls; it answers what the case says, and is only really called where it reads."""
        answer = self._case.results.get(one.name)

        @functools.wraps(one.function)
        async def noted(context: ToolContext, **arguments: Any) -> Any:
            self.calls.append(one.name)
            if one.effect != "read":
                approval = await self._approval(one, context, arguments)
                known = self.writes.get(one.name, "auto")
                self.writes[one.name] = max(known, approval, key=_STRICTNESS.index)
                return answer if answer is not None else "done (a test: nothing was written)"
            return answer if answer is not None else await one.function(context, **arguments)

        reads = one.effect == "read"
        return replace(
            one,
            function=noted,
            effect="read",
            untrusted=one.untrusted and reads,
            audience=one.audience if reads else "agent",
            preview=None,
            reconcile=None,
        )

    async def _approval(self, one: Tool, context: ToolContext, arguments: Mapping[str, Any]) -> str:
        scope = context.desk.scope
        async with context.desk.database.transaction(scope) as connection:
            row = await find_run(connection, scope, context.run_id)
        tainted = row is None or row.tainted
        return judge(one, arguments, tainted=tainted, rules=self.settings.agents.approvals).approval


class _Script:
    """A model that says what a case says."""

    def __init__(self, replies: Sequence[ScriptedReply], *, schema: bool) -> None:
        self._replies = list(replies)
        self._schema = schema
        self.problem = ""

    async def chat(self, model: str, messages: Sequence[Any], **options: Any) -> ChatResponse:
        del messages, options
        if not self._replies:
            self.problem = "no further reply in the script"
            raise InvalidRequestError("The script has no further reply.")
        reply = self._replies.pop(0)
        name = reply.call or ("final_result" if reply.output is not None else "")
        arguments = reply.arguments if reply.call else reply.output or {}
        text, calls = reply.text, tuple[ToolCall, ...]()
        if name and self._schema:
            text = json.dumps({"tool": name, "arguments": arguments})
        elif name:
            calls = (ToolCall("scripted", name, json.dumps(arguments)),)
        return ChatResponse(
            text, calls, "stop", model, "script", "script", Usage(), None, "free", (), 0.0, None, uuid4()
        )
