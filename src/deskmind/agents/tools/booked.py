"""What tools write at vendors stands in the books of writes beside the run's own claim: what was sent, and when."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

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


async def reconciled(
    context: ToolContext, reach: Callable[[], AbstractAsyncContextManager[Connector]]
) -> Outcome:
    """What became of the call's write, written down in the books.

    What is not in the books was never sent. The age of what was counts from then: it may have waited for a person for days.

    Args:
        context: of the call.
        reach: opens the connector.
    """
    proposal = proposal_of(context)
    sent = await sent_at(context.desk.database, context.desk.scope, proposal)
    if sent is None:
        return Outcome.ABSENT
    async with reach() as connector:
        outcome = await connector.reconcile(proposal, sent_at=sent)
    await claims_of(context).found(proposal, outcome)
    return outcome
