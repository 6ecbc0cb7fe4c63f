"""Proposing changes of tickets, through a connector."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from deskmind.agents.tool import Preview, Tool, ToolContext, tool
from deskmind.connectors import Act, Connector, Outcome, Proposal
from deskmind.writes import RunClaims, sent_at

__all__ = ["ticket_tool"]


TicketAct = Literal["comment", "update", "assign", "transition", "create"]


def ticket_tool(connector: Connector, *, name: str = "ticket_propose") -> Tool:
    """The tool that proposes a write to the system of a connector; approved, it is sent once and read back.

    Args:
        connector: of the system.
        name: of the tool; each system has its own.
    """

    async def preview(context: ToolContext, arguments: Mapping[str, Any]) -> Preview:
        del context
        proposal = await connector.propose(
            Act(arguments["act"]), arguments.get("ticket") or None, **arguments.get("values", {})
        )
        return Preview(proposal.changes, {"proposal": proposal.to_json()})

    async def reconcile(context: ToolContext, arguments: Mapping[str, Any]) -> Outcome:
        del arguments
        proposal = Proposal.from_json(context.prepared["proposal"])
        sent = await sent_at(context.desk.database, context.desk.scope, proposal)
        return await connector.reconcile(proposal, sent_at=sent)

    @tool(
        name=name,
        effect="propose",
        audience="requesters",
        untrusted=False,
        preview=preview,
        reconcile=reconcile,
    )
    async def ticket_propose(
        context: ToolContext, act: TicketAct, ticket: str = "", values: dict[str, Any] | None = None
    ) -> str:
        """Propose a change of a ticket; it is made when a technician has approved it.

        Args:
            context: of the call.
            act: what to do.
            ticket: its id; empty to create one.
            values: by field: text and internal of a comment, group or person of an assignment, fields of an update.
        """
        del act, ticket, values
        desk = context.desk
        claims = RunClaims(desk.database, desk.scope, context.run_id, context.epoch, context.confirm)
        applied = await connector.apply(Proposal.from_json(context.prepared["proposal"]), claims=claims)
        differing = (
            f" The system holds otherwise: {', '.join(applied.differing)}." if applied.differing else ""
        )
        return f"Written to {applied.key or applied.id}.{differing}"

    return ticket_propose
