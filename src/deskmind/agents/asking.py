"""Handing a call to a person: a proposal with its difference, announced to those who decide."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from deskmind.agents.announcing import announce
from deskmind.agents.events import ApprovalWanted
from deskmind.agents.gate import Verdict
from deskmind.agents.journal import Journal
from deskmind.agents.proposals import Proposed, add_proposal
from deskmind.agents.publishing import publish_proposal
from deskmind.agents.tool import Preview, Tool
from deskmind.governance.audit import record
from deskmind.settings import AgentsSettings

__all__ = ["hand_over"]


async def hand_over(
    journal: Journal,
    settings: AgentsSettings,
    tool: Tool,
    call_id: str,
    arguments: Mapping[str, Any],
    preview: Preview,
    verdict: Verdict,
) -> None:
    """Write the proposal of a call down."""
    made = Proposed(
        proposal_id=uuid4(),
        run_id=journal.run_id,
        call_id=call_id,
        principal_id=journal.row.principal_id,
        agent_id=journal.row.agent_id,
        agent=journal.row.agent,
        tool=tool.name,
        kind="question" if tool.effect == "ask" else "write",
        arguments=arguments,
        changes=[
            {"field": change.field, "before": change.before, "after": change.after}
            for change in preview.changes
        ],
        prepared=preview.prepared,
        reason=verdict.reason,
        needed=verdict.needed,
        state="open",
        answer="",
        made_at=journal.row.started_at,
        expires_at=journal.row.started_at,
        approvals=0,
    )
    async with journal.writing() as connection:
        await add_proposal(
            connection, journal.scope, made, settings.approval_hours * 3600, settings.escalate_hours * 3600
        )
        await record(
            connection,
            journal.scope,
            "agents.propose",
            resource=f"proposals/{made.proposal_id}",
            tool=tool.name,
            run=str(journal.run_id),
            needed=verdict.needed,
        )
        await publish_proposal(connection, journal.scope, "requested", made)
        await announce(connection, journal.scope, settings, made.proposal_id, "proposed")
    journal.emit(ApprovalWanted(made.proposal_id, tool.name, verdict.reason))
