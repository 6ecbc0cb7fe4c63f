"""A question nobody has answered: nothing is made up."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from deskmind.cli.demonstration.stage import Stage

__all__ = ["show"]


async def show(stage: Stage) -> None:
    """Ask it."""
    from deskmind.cli.knowledge import print_answer

    stage.title("3. A question nobody has answered")
    user = stage.company.askers[0]
    desk = await stage.desk_of(user)
    stage.console.print(f"\n[bold]{user}[/]: {stage.company.unanswerable}")
    print_answer(await desk.ask(stage.company.unanswerable), indent="  ")
