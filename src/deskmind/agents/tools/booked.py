"""What tools write at vendors stands in the books of writes beside the run's own claim: what was sent, and when."""

from __future__ import annotations

from deskmind.agents.tool import ToolContext
from deskmind.connectors import Connector, Outcome, Proposal
from deskmind.writes import RunClaims, sent_at

__all__ = ["claims_of", "proposal_of", "reconciled"]


def proposal_of(context: ToolContext) -> Proposal:
    """What the call's preview prepared."""
    return Proposal.from_json(context.prepared["proposal"])


def claims_of(context: ToolContext) -> RunClaims:
    """The claim under which the call sends; the run's epoch is its fence."""
    desk = context.desk
    return RunClaims(desk.database, desk.scope, context.run_id, context.epoch, context.confirm)


async def reconciled(connector: Connector, context: ToolContext) -> Outcome:
    """What became of the call's write. Its age counts from when it was sent: it may have waited for a person for days."""
    proposal = proposal_of(context)
    sent = await sent_at(context.desk.database, context.desk.scope, proposal)
    return await connector.reconcile(proposal, sent_at=sent)
