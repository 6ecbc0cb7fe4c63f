"""One question, two users, two answers: what may be seen depends on who asks."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from deskmind.cli.demonstration.stage import Stage

__all__ = ["show"]


async def show(stage: Stage) -> None:
    """Ask as one user and as another."""
    from deskmind.cli.knowledge import print_answer

    stage.title("1. One question, two users, two answers")
    company, console = stage.company, stage.console
    groups = {name: of for name, _, of in company.users}
    for user in company.askers:
        desk = await stage.desk_of(user)
        console.print(f"\n[bold]{user}[/] ({', '.join(groups[user]) or 'no groups'}): {company.question}")
        print_answer(await desk.ask(company.question), indent="  ")
