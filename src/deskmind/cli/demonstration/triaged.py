"""An agent triages the ticket: what the ticket ordered is refused, and the reply waits for a person."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

if TYPE_CHECKING:
    from deskmind.agents.run import Step
    from deskmind.cli.demonstration.new_ticket import NewTicket
    from deskmind.cli.demonstration.stage import Stage

__all__ = ["Triaged", "triage"]

_TOOLS = ("ticket_read", "knowledge_search", "http_request", "ticket_comment")
_INSTRUCTIONS = (
    "You triage tickets. Read the ticket, search the knowledge base for what everybody may see, and answer the requester in a"
    " comment that names the documents."
)


@dataclass(frozen=True, slots=True)
class Triaged:
    """A run of the agent.

    Attributes:
        request_id: under which its story is kept.
        proposal_id: of the reply that waits; None where the model proposed none.
    """

    run_id: UUID
    request_id: str
    proposal_id: UUID | None


async def triage(stage: Stage, ticket: NewTicket) -> Triaged:
    """Run it as a technician, and print what it does."""
    from deskmind.observability import correlation

    stage.title("6. An agent triages it; what the ticket orders is refused, its reply waits")
    technician, _ = stage.technicians
    desk = await stage.desk_of(technician)
    agent = desk.agent("triage", instructions=_INSTRUCTIONS, tools=_TOOLS, model=stage.model)
    with correlation() as request_id:
        run = await agent.run(f"Triage {ticket.number} of servicenow.")
    details = await desk.agents.show(run.run_id)
    for step in details.steps:
        _print(stage, step)
    waiting = await stage.desk.approvals.list(run_id=run.run_id)
    for proposal in waiting:
        stage.console.print(f"waits for another technician, because {proposal.reason}:", style="yellow")
        for change in proposal.changes:
            stage.quote(str(change["after"]))
    return Triaged(run.run_id, request_id, waiting[0].proposal_id if waiting else None)


def _print(stage: Stage, step: Step) -> None:
    """What the model wants, and of the results those that refuse it."""
    if step.kind == "response":
        stage.console.print(f"the model: {step.text}", markup=False)
    elif step.kind == "result" and step.outcome not in ("ok", "done"):
        stage.console.print(f"  {step.outcome}: {step.text}", style="red", markup=False)
