"""``deskmind demo``: what makes Deskmind different, in one minute. One module is one step, in the order of ``_ANSWERS`` and ``_STORY``."""

from __future__ import annotations

import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from deskmind.cli.demonstration import database_refuses, declined, three_systems, ticket_story, two_answers
from deskmind.cli.demonstration.scripted import with_model
from deskmind.cli.demonstration.serving import check_port, serve
from deskmind.cli.demonstration.stage import Stage
from deskmind.cli.options import Config, Home
from deskmind.cli.session import CommandLine

if TYPE_CHECKING:
    from pathlib import Path

    from deskmind.app import Deskmind
    from deskmind.desk import Desk

__all__ = ["demo"]

_ANSWERS = (two_answers.show, database_refuses.show, declined.show, three_systems.show)
_STORY = (ticket_story.show,)


def demo(
    leave: Annotated[bool, typer.Option("--exit", help="End after the answers instead of serving.")] = False,
    story: Annotated[bool, typer.Option("--story", help="With --exit: tell the ticket's story too.")] = False,
    host: Annotated[str, typer.Option("--host")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=1, max=65535)] = 8080,
    home: Home = None,
    config: Config = None,
) -> None:
    """Load a fictional company's knowledge, show who sees what and how a ticket is worked on, then serve the API."""
    line = CommandLine(home, config)
    if not leave:
        line.guard(lambda: check_port(host, port))

    async def work(app: Deskmind) -> None:
        async with _set(app, config) as stage:
            for show in (*_ANSWERS, *(_STORY if story or not leave else ())):
                await show(stage)
            if not leave:
                await serve(stage, host, port)

    line.run(work, within=with_model)


@asynccontextmanager
async def _set(app: Deskmind, config: Path | None) -> AsyncGenerator[Stage]:
    """The company's knowledge taken in and its systems read; these run until the block ends, so that links lead somewhere."""
    from rich.console import Console

    from deskmind.demo import add_technicians, load_company, prepare
    from deskmind.demo.systems import connect_systems, systems

    console = Console(highlight=False, soft_wrap=not sys.stdout.isatty())
    company = load_company()
    console.rule(f"{company.name}: a service desk's knowledge", align="left")
    with console.status("taking in the company's knowledge"):
        desk = await prepare(app, company)
    async with systems() as boxes:
        with console.status("reading ServiceNow, Jira and Freshservice"):
            technicians, new = await add_technicians(desk, boxes[0].company)
            connected = await connect_systems(desk, boxes, anew=new)
        console.print(f"{await _count(desk)} documents, {len(company.users)} users.")
        if app.embedding_problem:
            console.print(
                f"[yellow]No embedding model, so answers go by words alone:[/] {app.embedding_problem}"
            )
        yield Stage(app, company, desk, console, boxes, connected, config, technicians)


async def _count(desk: Desk) -> int:
    async with desk.database.transaction(desk.scope) as connection:
        cursor = await connection.execute("SELECT count(*) FROM documents")
        row = await cursor.fetchone()
    return int(row[0]) if row else 0
