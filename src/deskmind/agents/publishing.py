"""What happens to runs and proposals, told to the tenant's webhooks: identifiers and kinds, no content."""

from __future__ import annotations

from uuid import UUID

from deskmind.agents.proposals import Proposed
from deskmind.database import Connection
from deskmind.scope import Scope
from deskmind.webhooks import publish

__all__ = ["publish_proposal", "publish_run"]

_TOLD = frozenset({"waiting", "done", "failed", "cancelled"})


async def publish_run(
    connection: Connection, scope: Scope, run_id: UUID, state: str, *, kind: str, name: str, problem: str = ""
) -> None:
    """A run that waits or has ended.

    Args:
        connection: the transaction of the act.
        scope: who acts.
        run_id: of the run.
        state: that it is in; of others nothing is told.
        kind: ``agent`` or ``workflow``.
        name: of the agent or the workflow.
        problem: code of the error that ended it.
    """
    if state in _TOLD:
        link = f"/v1/runs/{run_id}" if kind == "workflow" else f"/v1/agents/runs/{run_id}"
        told = {"run_id": run_id, "kind": kind, "name": name, "problem": problem}
        await publish(connection, scope, f"run.{state}", told, link=link)


async def publish_proposal(
    connection: Connection, scope: Scope, occasion: str, proposal: Proposed, *, decision: str = ""
) -> None:
    """A proposal that was made, escalated, decided on or has expired.

    Args:
        connection: the transaction of the act.
        scope: who acts.
        occasion: ``requested``, ``escalated``, ``decided`` or ``expired``.
        proposal: which.
        decision: ``approved`` or ``rejected``.
    """
    told = {
        "proposal_id": proposal.proposal_id,
        "run_id": proposal.run_id,
        "agent": proposal.agent,
        "tool": proposal.tool,
        "kind": proposal.kind,
    }
    if decision:
        told["decision"] = decision
    link = f"/v1/approvals/{proposal.proposal_id}"
    await publish(connection, scope, f"approval.{occasion}", told, link=link)
