"""The database as its operator sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from deskmind.cli.options import AsJson, Config, Home
from deskmind.cli.output import print_json, print_table, say
from deskmind.cli.session import CommandLine

if TYPE_CHECKING:
    from deskmind.app import Deskmind
    from deskmind.database.inspection import Inspection

__all__ = ["database_app"]

database_app = typer.Typer(help="The database: what slows it down.", no_args_is_help=True)


@database_app.callback()
def database() -> None:
    """The database: what slows it down."""


@database_app.command("slow")
def slow(
    top: Annotated[int, typer.Option("--top", min=1, max=500, help="How many statements.")] = 20,
    home: Home = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Show slow statements, missing and unused indexes, dead rows, cache hits, long transactions, vacuum."""
    line = CommandLine(home, config, as_json=as_json)

    async def work(app: Deskmind) -> Inspection:
        from deskmind.database.inspection import Limits

        return await app.maintenance.slow(Limits(statements=top))

    inspection = line.run(work)
    if as_json:
        print_json(inspection.as_dict())
    else:
        _show(inspection)


def _show(inspection: Inspection) -> None:
    print_table(
        ("total ms", "calls", "mean ms", "max ms", "rows", "login", "statement"),
        [
            (
                *(f"{one.total_ms:.1f}", one.calls, f"{one.mean_ms:.2f}", f"{one.max_ms:.1f}", one.rows),
                *(one.login, one.text),
            )
            for one in inspection.statements
        ],
        empty="No statement has been counted.",
    )
    say("")
    print_table(
        ("finding", "where", "what", "what to do"),
        [(one.kind, one.subject, one.what, one.remedy) for one in inspection.findings],
        empty="Nothing else to look at.",
    )
    say("")
    print_table(
        ("what", "is"),
        [(name.replace("_", " "), value) for name, value in inspection.facts.items()],
        empty="",
    )
    for gap in inspection.unseen:
        say(f"Not seen: {gap.part}. {gap.why} {gap.remedy}")
