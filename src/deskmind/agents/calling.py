"""One call of a tool: refused, handed to a person, or done once and written down."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from uuid import uuid4

from deskmind.agents.effects import claim, settle
from deskmind.agents.events import ApprovalWanted, ToolAnswered
from deskmind.agents.failures import remedy_of
from deskmind.agents.gate import judge
from deskmind.agents.journal import Journal
from deskmind.agents.marking import marked
from deskmind.agents.measuring import count_call
from deskmind.agents.proposals import Proposed, add_proposal, find_proposal
from deskmind.agents.room import AgentRoom
from deskmind.agents.switches import stopped
from deskmind.agents.tool import Preview, Tool, ToolContext
from deskmind.connectors import Change, Outcome
from deskmind.errors import AgentError, DeskmindError, OutcomeUnknownError, PermissionDeniedError
from deskmind.governance.audit import record
from deskmind.observability import logger, span

__all__ = ["Caller", "WaitingForPerson"]

_log = logger("deskmind.agents")
_UNKNOWN = "It is not known whether this was done. Do not try it again; a person has to look."


class WaitingForPerson(Exception):
    """The run ends here for now: a person has to decide."""


@dataclass(frozen=True, slots=True)
class _Answer:
    outcome: str
    text: str
    tainted: bool = False


class Caller:
    """Calls tools for one run."""

    def __init__(self, journal: Journal, room: AgentRoom) -> None:
        self._journal = journal
        self._room = room
        self._desk = room.desk_of(journal.scope)
        self._settings = room.settings.agents

    async def call(self, tool: Tool, call_id: str, arguments: Mapping[str, Any]) -> str:
        """The result as the model gets it: the one that is written down, where there is one.

        Raises:
            WaitingForPerson: a person has to decide first.
            AgentError: the run ends.
        """
        if (known := self._journal.results.get(call_id)) is not None:
            return str(known.content["text"])
        self._journal.definition.limits.check(self._journal.used, calling=True)
        context = ToolContext(
            self._desk, self._journal.run_id, call_id, self._journal.confirm, epoch=self._journal.row.epoch
        )
        with span(f"tool {tool.name}") as current:
            answer = await self._refusal(tool, context, arguments) or await self._decided(
                tool, context, arguments
            )
            current.set_attribute("deskmind.outcome", answer.outcome)
        await self._write(tool, call_id, answer)
        return answer.text

    async def _refusal(
        self, tool: Tool, context: ToolContext, arguments: Mapping[str, Any]
    ) -> _Answer | None:
        """What forbids the call whatever a person says."""
        scope = self._journal.scope
        async with context.desk.database.transaction(scope) as connection:
            reason = await stopped(connection, scope, tool.name)
        if reason is not None:
            return _Answer("refused", f"The tool {tool.name} is stopped. {reason}".strip())
        authority = context.desk.database.authority
        if tool.permission is not None and authority is not None:
            try:
                await authority.admit(scope, tool.permission)
            except PermissionDeniedError as error:
                return _Answer("refused", f"{error.what} {error.why}".strip())
        if tool.audience == "outside" and "personal" not in tool.receives:
            redactor = await self._room.tenant_redactor(scope.tenant_id)
            if redactor.find(json.dumps(arguments, ensure_ascii=False)):
                return _Answer("refused", "Personal data or secrets may not be given to this tool.")
        return None

    async def _decided(self, tool: Tool, context: ToolContext, arguments: Mapping[str, Any]) -> _Answer:
        """Do it, once it is decided that it may be done."""
        if tool.effect == "read" and not (tool.audience == "outside" and self._journal.tainted):
            return await self._done(tool, context, arguments)
        proposal = await self._proposal(context)
        if proposal is None:
            try:
                preview = await _preview(tool, context, arguments)
            except DeskmindError as error:
                return _failed(error)
            verdict = judge(
                tool,
                [change.field for change in preview.changes],
                tainted=self._journal.tainted,
                rules=self._settings.approvals,
            )
            if verdict.approval == "never":
                return _Answer("refused", "The policy forbids this.")
            if verdict.needed:
                await self._propose(tool, context, arguments, preview, verdict.reason, verdict.needed)
            return await self._done(tool, replace(context, prepared=preview.prepared), arguments)
        match proposal.state:
            case "open":
                raise WaitingForPerson
            case "approved" if tool.effect == "ask":
                return _Answer("ok", proposal.answer or "yes")
            case "approved":
                return await self._done(tool, replace(context, prepared=proposal.prepared or {}), arguments)
            case state:
                said = f" {proposal.answer}" if proposal.answer else ""
                return _Answer("refused", f"A person was asked: {state}.{said}")

    async def _proposal(self, context: ToolContext) -> Proposed | None:
        async with context.desk.database.transaction(self._journal.scope) as connection:
            return await find_proposal(
                connection, self._journal.scope, call=(context.run_id, context.call_id)
            )

    async def _propose(
        self,
        tool: Tool,
        context: ToolContext,
        arguments: Mapping[str, Any],
        preview: Preview,
        reason: str,
        needed: int,
    ) -> None:
        journal = self._journal
        changes = [
            {"field": change.field, "before": change.before, "after": change.after}
            for change in preview.changes
        ]
        made = Proposed(
            uuid4(),
            context.run_id,
            context.call_id,
            journal.row.principal_id,
            journal.row.agent_id,
            journal.row.agent,
            tool.name,
            "question" if tool.effect == "ask" else "write",
            arguments,
            changes,
            preview.prepared,
            reason,
            needed,
            "open",
            "",
            journal.row.started_at,
            journal.row.started_at,
            0,
        )
        async with journal.writing() as connection:
            await add_proposal(connection, journal.scope, made, self._settings.approval_hours * 3600)
            await record(
                connection,
                journal.scope,
                "agents.propose",
                resource=f"proposals/{made.proposal_id}",
                tool=tool.name,
                run=str(context.run_id),
                needed=needed,
            )
        journal.emit(ApprovalWanted(made.proposal_id, tool.name, reason))
        raise WaitingForPerson

    async def _done(self, tool: Tool, context: ToolContext, arguments: Mapping[str, Any]) -> _Answer:
        if tool.effect in ("read", "ask"):
            try:
                return self._said(tool, await tool.function(context, **arguments))
            except (DeskmindError, OSError, ValueError) as error:
                return _failed(error)
        return await self._effected(tool, context, arguments)

    async def _effected(self, tool: Tool, context: ToolContext, arguments: Mapping[str, Any]) -> _Answer:
        """A write: claimed, then sent; one that was claimed before is looked for, never sent blindly again."""
        async with self._journal.writing() as connection:
            fresh = await claim(connection, self._journal, context.call_id, tool.name)
        if not fresh:
            outcome = await self._reconciled(tool, context, arguments)
            if outcome != Outcome.ABSENT:
                return await self._settled(tool, context, outcome)
            async with self._journal.writing() as connection:
                await claim(connection, self._journal, context.call_id, tool.name, again=True)
        self._journal.still_held()
        try:
            answer = self._said(tool, await tool.function(context, **arguments))
        except AgentError:
            raise
        except Exception as error:  # whatever happened, the write may have been done
            return await self._after_failure(tool, context, arguments, error)
        async with self._journal.writing() as connection:
            await settle(connection, self._journal, context.call_id, "applied")
            await record(
                connection,
                self._journal.scope,
                "agents.effect",
                resource=f"runs/{context.run_id}",
                tool=tool.name,
                call=context.call_id,
            )
        return answer

    async def _after_failure(
        self, tool: Tool, context: ToolContext, arguments: Mapping[str, Any], error: Exception
    ) -> _Answer:
        if not isinstance(error, DeskmindError):
            _log.warning("agents.tool_failed", tool=tool.name, exc_info=error)
        plain = isinstance(error, DeskmindError) and not isinstance(error, OutcomeUnknownError)
        refused = isinstance(error, PermissionDeniedError)
        if plain and (refused or remedy_of(error) == "replan"):
            async with self._journal.writing() as connection:
                await settle(connection, self._journal, context.call_id, "absent")
            return _failed(error)
        return await self._settled(tool, context, await self._reconciled(tool, context, arguments))

    async def _reconciled(self, tool: Tool, context: ToolContext, arguments: Mapping[str, Any]) -> Outcome:
        if tool.reconcile is None:
            return Outcome.UNCERTAIN
        try:
            return await tool.reconcile(context, arguments)
        except DeskmindError:
            return Outcome.UNCERTAIN

    async def _settled(self, tool: Tool, context: ToolContext, outcome: Outcome) -> _Answer:
        state = {"applied": "applied", "absent": "absent", "uncertain": "unknown"}[outcome.value]
        async with self._journal.writing() as connection:
            await settle(connection, self._journal, context.call_id, state)
            await record(
                connection,
                self._journal.scope,
                "agents.effect",
                resource=f"runs/{context.run_id}",
                outcome="done" if state == "applied" else "failed",
                tool=tool.name,
                call=context.call_id,
                state=state,
            )
        match state:
            case "applied":
                return _Answer("ok", "It was done.")
            case "absent":
                return _Answer("failed", "It was not done: the system did not answer.")
            case _:
                return _Answer("unknown", _UNKNOWN)

    def _said(self, tool: Tool, result: Any) -> _Answer:
        text = result if isinstance(result, str) else json.dumps(result, ensure_ascii=False, default=str)
        most = self._settings.result_chars
        if tool.untrusted and tool.effect == "read":
            return _Answer("ok", marked(text, tool.name, most), tainted=True)
        return _Answer("ok", text[:most])

    async def _write(self, tool: Tool, call_id: str, answer: _Answer) -> None:
        journal = self._journal
        journal.used.tool_calls += 1
        journal.used.cost += tool.cost if answer.outcome == "ok" else 0
        async with journal.writing(tainted=answer.tainted) as connection:
            await journal.answered(connection, call_id, tool.name, answer.outcome, answer.text)
            if answer.outcome == "refused":
                await record(
                    connection,
                    journal.scope,
                    "agents.tool",
                    resource=f"runs/{journal.run_id}",
                    outcome="denied",
                    tool=tool.name,
                    call=call_id,
                )
        count_call(answer.outcome)
        journal.emit(ToolAnswered(call_id, tool.name, answer.outcome, answer.text))


async def _preview(tool: Tool, context: ToolContext, arguments: Mapping[str, Any]) -> Preview:
    if tool.preview is not None:
        return await tool.preview(context, arguments)
    return Preview(tuple(Change(name, None, value) for name, value in arguments.items()))


def _failed(error: BaseException) -> _Answer:
    if isinstance(error, PermissionDeniedError):
        return _Answer("refused", f"{error.what} {error.why}".strip())
    if isinstance(error, DeskmindError):
        return _Answer("failed", " ".join(part for part in (error.what, error.why, error.remedy) if part))
    return _Answer("failed", "The tool failed.")
