"""An approver's change of what is proposed: looked at anew, and held to the same rules."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from deskmind.agents.gate import Circumstances, judge
from deskmind.agents.jobs import scope_of_run
from deskmind.agents.proposals import Proposed
from deskmind.agents.room import AgentRoom
from deskmind.agents.safety.flow import Flow
from deskmind.agents.store import RunRow, find_run, read_steps
from deskmind.agents.tool import Preview, Tool, ToolContext
from deskmind.connectors import Change
from deskmind.errors import ConflictError, InvalidRequestError, NotFoundError, PermissionDeniedError
from deskmind.scope import Scope

__all__ = ["Revision", "revise"]


@dataclass(frozen=True, slots=True)
class Revision:
    """What is proposed after an edit.

    Attributes:
        needed: approvals, for the new values.
        edit: who changed which values when, before and after.
    """

    arguments: Mapping[str, Any]
    changes: list[dict[str, Any]]
    prepared: Mapping[str, Any]
    needed: int
    edit: Mapping[str, Any]


async def revise(room: AgentRoom, approver: Scope, proposal: Proposed, values: Mapping[str, Any]) -> Revision:
    """A proposal with some of its values changed; nothing is written.

    Raises:
        InvalidRequestError: the tool takes no such values.
        ConflictError: this process does not know the tool, or it is a question.
        PermissionDeniedError: the policy forbids the new values, or who would read them may not see what was read.
    """
    tool = room.agent_tools.get(proposal.tool)
    if tool is None or proposal.kind != "write":
        raise ConflictError(
            "The proposal cannot be edited.",
            why="It is a question." if tool is not None else "This process does not know its tool.",
            remedy="Reject it with a reason, and the agent may propose anew.",
        )
    arguments = _valid(tool, {**proposal.arguments, **values})
    row, read = await _run(room, approver, proposal.run_id)
    owner = await scope_of_run(room.database, approver, row)
    preview = await _previewed(room, owner, tool, proposal, arguments)
    if reason := await Flow(owner, room).of_preview(tool, preview, read):
        raise PermissionDeniedError("The change is not made.", why=reason)
    verdict = judge(
        tool,
        [change.field for change in preview.changes],
        Circumstances(row.tainted, preview.confidence),
        rules=room.settings.agents.approvals,
    )
    if verdict.approval == "never":
        raise PermissionDeniedError("The change is not made.", why="The policy forbids these values.")
    changed = {name for name in arguments if arguments.get(name) != proposal.arguments.get(name)}
    return Revision(
        arguments,
        [{"field": one.field, "before": one.before, "after": one.after} for one in preview.changes],
        preview.prepared,
        max(verdict.needed, 1),
        {
            "by": str(approver.principal_id),
            "at": datetime.now(UTC).isoformat(),
            "before": {name: proposal.arguments.get(name) for name in sorted(changed)},
            "after": {name: arguments[name] for name in sorted(changed)},
        },
    )


async def _run(room: AgentRoom, approver: Scope, run_id: UUID) -> tuple[RunRow, set[UUID]]:
    """The run, and the access lists of what it has read."""
    async with room.database.transaction(approver) as connection:
        row = await find_run(connection, approver, run_id)
        steps = await read_steps(connection, approver, run_id)
    if row is None:
        raise NotFoundError(f"There is no run {run_id}.")
    return row, {
        UUID(one) for step in steps if step.kind == "result" for one in step.content.get("readers", ())
    }


async def _previewed(
    room: AgentRoom, owner: Scope, tool: Tool, proposal: Proposed, arguments: Mapping[str, Any]
) -> Preview:
    if tool.preview is None:
        return Preview(tuple(Change(name, None, value) for name, value in arguments.items()))
    context = ToolContext(room.desk_of(owner), proposal.run_id, proposal.call_id, _nothing_is_sent, room=room)
    return await tool.preview(context, arguments)


async def _nothing_is_sent() -> None:
    raise ConflictError("A preview sends nothing.")


def _valid(tool: Tool, arguments: Mapping[str, Any]) -> dict[str, Any]:
    from pydantic import ConfigDict, ValidationError, create_model

    if tool.schema is not None:
        known = set(tool.schema.get("properties", {}))
        if unknown := sorted(set(arguments) - known):
            raise _strange(tool, unknown[0])
        return dict(arguments)
    fields: dict[str, Any] = {
        one.name: (one.annotation, ... if one.default is inspect.Parameter.empty else one.default)
        for one in inspect.signature(tool.bare()).parameters.values()
    }
    form = create_model("Arguments", __config__=ConfigDict(extra="forbid"), **fields)
    try:
        made = form.model_validate(arguments)
    except ValidationError as error:
        raise _strange(tool, str(error.errors()[0]["loc"][0])) from None
    return made.model_dump(exclude_unset=True)


def _strange(tool: Tool, name: str) -> InvalidRequestError:
    return InvalidRequestError(
        f"The tool {tool.name} cannot take the value of '{name[:80]}'.",
        remedy="`deskmind approvals show` shows them.",
    )
