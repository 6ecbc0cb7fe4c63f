"""The story of one ticket: opened, triaged, answered though a worker is killed, explained, and audited."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deskmind.cli.demonstration.audited import verify_audit
from deskmind.cli.demonstration.explained import explain
from deskmind.cli.demonstration.killed import send_through_a_kill, worker
from deskmind.cli.demonstration.new_ticket import open_ticket
from deskmind.cli.demonstration.triaged import triage

if TYPE_CHECKING:
    from deskmind.cli.demonstration.stage import Stage

__all__ = ["show"]


async def show(stage: Stage) -> None:
    """Tell it, where agents are installed."""
    from importlib.util import find_spec

    ticket = await open_ticket(stage)
    if find_spec("pydantic_ai") is None:
        stage.console.print(
            '[yellow]What an agent does with it needs agents:[/] pip install "deskmind[agents]"'
        )
        return
    async with worker(stage) as process:  # it begins while the agent runs here
        triaged = await triage(stage, ticket)
        if triaged.proposal_id is not None:
            await send_through_a_kill(stage, ticket, triaged, process)
        else:
            stage.console.print("The model proposed no reply, so none is sent.")
    await explain(stage, triaged.request_id)
    await verify_audit(stage)
