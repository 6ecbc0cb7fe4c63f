"""What was read from the connected systems, and one answer from a ticket, an article and a runbook."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from deskmind.cli.demonstration.stage import Stage

__all__ = ["show"]


async def show(stage: Stage) -> None:
    """Count what was read, and ask."""
    from deskmind.cli.knowledge import print_answer

    stage.title("4. Three connected systems, one answer")
    console = stage.console
    for status in stage.connected:
        counts = ", ".join(f"{kind.records} {kind.kind}" for kind in status.kinds if kind.records)
        console.print(f"{status.connection.name} ({status.connection.url}): {counts}", markup=False)
    console.print(f"\n[bold]an operator[/]: {stage.company.incident_question}")
    print_answer(await stage.desk.ask(stage.company.incident_question), indent="  ")
