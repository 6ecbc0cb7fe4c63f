"""One call of a tool: refused, handed to a person, or done once and written down."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from uuid import UUID

from deskmind.agents.answers import Answer, edited, failed, refused
from deskmind.agents.asking import hand_over
from deskmind.agents.effects import Claimed, claim, claimed, settle
from deskmind.agents.events import ToolAnswered
from deskmind.agents.failures import remedy_of
from deskmind.agents.gate import Circumstances, Verdict, judge
from deskmind.agents.journal import Journal
from deskmind.agents.marking import marked
from deskmind.agents.measuring import count_call
from deskmind.agents.proposals import Proposed, find_proposal
from deskmind.agents.room import AgentRoom
from deskmind.agents.safety.guard import Guard, Refusal
from deskmind.agents.tool import Material, Preview, Tool, ToolContext
from deskmind.connectors import Change, Outcome
from deskmind.errors import AgentError, DeskmindError, OutcomeUnknownError, PermissionDeniedError
from deskmind.governance.audit import record
from deskmind.observability import logger, span
from deskmind.observability.story import storable
from deskmind.scope import NO_ONE

__all__ = ["Caller", "WaitingForPerson"]

_log = logger("deskmind.agents")
_DONE = "It was done."
_UNKNOWN = "It is not known whether this was done. Do not try it again; a person has to look."


class WaitingForPerson(Exception):
    """The run ends here for now: a person has to decide."""


class Caller:
    """Calls tools for one run."""

    def __init__(self, journal: Journal, room: AgentRoom) -> None:
        self._journal = journal
        self._room = room
        self._desk = room.desk_of(journal.scope)
        self._settings = room.settings.agents
        self._guard = Guard(journal, room)

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
            self._desk,
            self._journal.run_id,
            call_id,
            self._journal.confirm,
            epoch=self._journal.row.epoch,
            room=self._room,
        )
        with span(f"tool {tool.name}") as current:
            answer = await self._answered(tool, context, arguments)
            answer = replace(answer, text=storable(answer.text))
            current.set_attribute("deskmind.outcome", answer.outcome)
        await self._write(tool, call_id, answer)
        return answer.text

    async def _answered(self, tool: Tool, context: ToolContext, arguments: Mapping[str, Any]) -> Answer:
        proposal, held = await self._before(tool, context)
        if held is not None:
            context = replace(context, prepared=held.prepared or {})
            given = arguments if proposal is None else proposal.arguments
            answer = await self._found(tool, context, given, held)
            if answer is not None:
                return answer if proposal is None else edited(proposal, answer)
        if self._journal.ending:
            return Answer("refused", "The run is being cancelled.")
        if refusal := await self._guard.of_call(tool, arguments):
            return refused(refusal)
        if held is not None and held.prepared is not None and proposal is None:
            return await self._effected(tool, context, arguments)  # the same write, which was let pass before
        return await self._decided(tool, context, arguments, proposal)

    async def _decided(
        self, tool: Tool, context: ToolContext, arguments: Mapping[str, Any], proposal: Proposed | None
    ) -> Answer:
        """Do it, once it is decided that it may be done."""
        if tool.effect == "read" and self._judged(tool, Preview(())).approval == "auto":
            return await self._done(tool, context, arguments)
        if proposal is None:
            try:
                preview = await _preview(tool, context, arguments)
            except DeskmindError as error:
                return failed(error)
            if refusal := await self._guard.of_effect(tool, arguments, preview):
                return refused(refusal)
            verdict = self._judged(tool, preview)
            if verdict.approval == "never":
                return Answer("refused", "The policy forbids this.")
            if verdict.needed:
                call = (tool, context.call_id, arguments, preview, verdict)
                await hand_over(self._journal, self._settings, *call)
                raise WaitingForPerson
            return await self._done(tool, replace(context, prepared=preview.prepared), arguments)
        match proposal.state:
            case "open":
                raise WaitingForPerson
            case "approved" if tool.effect == "ask":
                return Answer("ok", proposal.answer or "yes")
            case "approved":
                context = replace(context, prepared=proposal.prepared or {})
                return edited(proposal, await self._done(tool, context, proposal.arguments))
            case state:
                said = f" {proposal.answer}" if proposal.answer else ""
                return Answer("refused", f"A person was asked: {state}.{said}")

    def _judged(self, tool: Tool, preview: Preview) -> Verdict:
        circumstances = Circumstances(self._journal.tainted, preview.confidence)
        fields = [change.field for change in preview.changes]
        return judge(tool, fields, circumstances, rules=self._settings.approvals)

    async def _before(self, tool: Tool, context: ToolContext) -> tuple[Proposed | None, Claimed | None]:
        """What is there of the call from before it was interrupted: its proposal, and the claim of its effect."""
        if tool.effect == "read" and self._judged(tool, Preview(())).approval == "auto":
            return None, None
        journal = self._journal
        async with context.desk.database.transaction(journal.scope) as connection:
            call = (context.run_id, context.call_id)
            proposal = await find_proposal(connection, journal.scope, call=call)
            return proposal, await claimed(connection, journal, context.call_id)

    async def _done(self, tool: Tool, context: ToolContext, arguments: Mapping[str, Any]) -> Answer:
        if tool.effect in ("read", "ask"):
            try:
                return self._said(tool, await tool.function(context, **arguments))
            except (DeskmindError, OSError, ValueError) as error:
                return failed(error)
        return await self._effected(tool, context, arguments)

    async def _found(
        self, tool: Tool, context: ToolContext, arguments: Mapping[str, Any], held: Claimed
    ) -> Answer | None:
        """What became of a write that was claimed before; None where it is known that it was not done."""
        match held:
            case Claimed("applied"):
                return Answer("ok", _DONE)
            case Claimed("absent"):
                return None
            case Claimed(prepared=None):  # of an older release: what it was about to send is not known
                outcome = Outcome.UNCERTAIN
            case _:
                outcome = await self._reconciled(tool, context, arguments)
        return None if outcome is Outcome.ABSENT else await self._settled(tool, context, outcome)

    async def _effected(self, tool: Tool, context: ToolContext, arguments: Mapping[str, Any]) -> Answer:
        """A write: claimed with what is sent, then sent."""
        async with self._journal.writing() as connection:
            await claim(connection, self._journal, context.call_id, tool.name, context.prepared)
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
    ) -> Answer:
        if not isinstance(error, DeskmindError):
            _log.warning("agents.tool_failed", tool=tool.name, exc_info=error)
        plain = isinstance(error, DeskmindError) and not isinstance(error, OutcomeUnknownError)
        refused = isinstance(error, PermissionDeniedError)
        if plain and (refused or remedy_of(error) == "replan"):
            async with self._journal.writing() as connection:
                await settle(connection, self._journal, context.call_id, "absent")
            return failed(error)
        return await self._settled(tool, context, await self._reconciled(tool, context, arguments))

    async def _reconciled(self, tool: Tool, context: ToolContext, arguments: Mapping[str, Any]) -> Outcome:
        if tool.reconcile is None:
            return Outcome.UNCERTAIN
        try:
            return await tool.reconcile(context, arguments)
        except DeskmindError:
            return Outcome.UNCERTAIN

    async def _settled(self, tool: Tool, context: ToolContext, outcome: Outcome) -> Answer:
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
                return Answer("ok", _DONE)
            case "absent":
                return Answer("failed", "It was not done: the system did not answer.")
            case _:
                return Answer("unknown", _UNKNOWN)

    def _said(self, tool: Tool, result: Any) -> Answer:
        untrusted = tool.untrusted and tool.effect == "read"
        readers = frozenset({NO_ONE}) if untrusted and tool.shown == "user" else frozenset[UUID]()
        if isinstance(result, Material):
            untrusted, readers, result = untrusted and not result.trusted, result.readers, result.value
        text = result if isinstance(result, str) else json.dumps(result, ensure_ascii=False, default=str)
        most = self._settings.result_chars
        if untrusted:
            return Answer("ok", marked(text, tool.name, most), tainted=True, readers=readers)
        return Answer("ok", text[:most], readers=readers)

    async def _write(self, tool: Tool, call_id: str, answer: Answer) -> None:
        journal = self._journal
        journal.used.tool_calls += 1
        journal.used.cost += tool.cost if answer.outcome == "ok" else 0
        if answer.outcome == "refused":
            await self._refused(tool, call_id, answer)
        else:
            said = (answer.outcome, answer.text, answer.readers)
            await journal.answered(call_id, tool.name, *said, tainted=answer.tainted)
        if answer.rule:
            await self._guard.strike(tool, Refusal(answer.text, answer.rule))
        count_call(answer.outcome)
        journal.emit(ToolAnswered(call_id, tool.name, answer.outcome, answer.text))

    async def _refused(self, tool: Tool, call_id: str, answer: Answer) -> None:
        journal = self._journal
        async with journal.refusing(call_id, tool.name, answer.text, answer.rule) as connection:
            await record(
                connection,
                journal.scope,
                "agents.tool",
                resource=f"runs/{journal.run_id}",
                outcome="denied",
                tool=tool.name,
                call=call_id,
                rule=answer.rule,
            )


async def _preview(tool: Tool, context: ToolContext, arguments: Mapping[str, Any]) -> Preview:
    if tool.preview is not None:
        return await tool.preview(context, arguments)
    return Preview(tuple(Change(name, None, value) for name, value in arguments.items()))
