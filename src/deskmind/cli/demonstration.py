"""``deskmind demo``: what makes Deskmind different, in one minute."""

from __future__ import annotations

import socket
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from deskmind.cli.options import Config, Home
from deskmind.cli.session import CommandLine

if TYPE_CHECKING:
    from rich.console import Console

    from deskmind.app import Deskmind
    from deskmind.demo import Company
    from deskmind.desk import Desk
    from deskmind.sync import SyncStatus

__all__ = ["demo"]

_PROBE = "SELECT title FROM documents WHERE metadata->>'id' = '{id}'"


def demo(
    leave: Annotated[bool, typer.Option("--exit", help="End after the answers instead of serving.")] = False,
    host: Annotated[str, typer.Option("--host")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=1, max=65535)] = 8080,
    home: Home = None,
    config: Config = None,
) -> None:
    """Load a fictional company's knowledge, show who sees what, then serve the API."""
    line = CommandLine(home, config)

    async def work(app: Deskmind) -> None:
        from rich.console import Console

        from deskmind.demo import load_company, prepare
        from deskmind.demo.systems import connect_systems, systems

        console = Console(highlight=False, soft_wrap=not sys.stdout.isatty())
        company = load_company()
        console.rule(f"{company.name}: a service desk's knowledge", align="left")
        with console.status("taking in the company's knowledge"):
            desk = await prepare(app, company)
        async with systems() as boxes:
            with console.status("reading ServiceNow, Jira and Freshservice"):
                connected = await connect_systems(desk, boxes)
        documents = await _count(desk)
        console.print(f"{documents} documents, {len(company.users)} users.")
        if app.embedding_problem:
            console.print(
                f"[yellow]No embedding model, so answers go by words alone:[/] {app.embedding_problem}"
            )
        await _two_answers(app, company, console)
        await _sql(app, company, console)
        await _declined(app, company, console)
        await _synced(desk, connected, console)
        if not leave:
            await _serve(app, desk, company, console, host, port)

    line.run(work)


async def _count(desk: Desk) -> int:
    async with desk.database.transaction(desk.scope) as connection:
        cursor = await connection.execute("SELECT count(*) FROM documents")
        row = await cursor.fetchone()
    return int(row[0]) if row else 0


async def _two_answers(app: Deskmind, company: Company, console: Console) -> None:
    from deskmind.cli.knowledge import print_answer

    console.rule("1. One question, two users, two answers", align="left")
    groups = {name: of for name, _, of in company.users}
    for user in company.askers:
        desk = await app.desk(tenant=company.tenant, user=user)
        console.print(f"\n[bold]{user}[/] ({', '.join(groups[user]) or 'no groups'}): {company.question}")
        print_answer(await desk.ask(company.question), indent="  ")


async def _sql(app: Deskmind, company: Company, console: Console) -> None:
    """Run the same statement as the application's own role in both scopes, then with a forged scope."""
    console.print()
    console.rule("2. The database itself refuses", align="left")
    statement = _PROBE.format(id=company.hidden_document)
    console.print(f"As the application's role: {statement}")
    for user in company.askers:
        desk = await app.desk(tenant=company.tenant, user=user)
        async with desk.database.transaction(desk.scope) as connection:
            cursor = await connection.execute(statement.encode())
            rows = [str(row[0]) for row in await cursor.fetchall()]
            console.print(f"  in {user}'s scope: {', '.join(rows) or '(0 rows)'}", markup=False)
            if not rows:
                await connection.execute(
                    "SELECT set_config('deskmind.scope', replace(current_setting('deskmind.scope'), '.desk.', '.operate.'), true)"
                )
                cursor = await connection.execute(statement.encode())
                count = len(await cursor.fetchall())
                console.print(
                    f"  in {user}'s scope, rewritten to an operator's with set_config: ({count} rows)",
                    markup=False,
                )


async def _declined(app: Deskmind, company: Company, console: Console) -> None:
    from deskmind.cli.knowledge import print_answer

    console.print()
    console.rule("3. A question nobody has answered", align="left")
    user = company.askers[0]
    desk = await app.desk(tenant=company.tenant, user=user)
    console.print(f"\n[bold]{user}[/]: {company.unanswerable}")
    print_answer(await desk.ask(company.unanswerable), indent="  ")
    console.print()


async def _synced(desk: Desk, connected: list[SyncStatus], console: Console) -> None:
    """What was read from the connected systems, and answers from tickets, an article and a runbook."""
    from deskmind.cli.knowledge import print_answer

    console.rule("4. Three connected systems", align="left")
    for status in connected:
        counts = ", ".join(f"{kind.records} {kind.kind}" for kind in status.kinds if kind.records)
        console.print(f"{status.connection.name}: {counts}", markup=False)
    for question in (
        "Print jobs disappear before I release them: why, and how is the spooler restarted?",
        "TideGate disconnects: what helps?",
    ):
        console.print(f"\n[bold]an operator[/]: {question}")
        print_answer(await desk.ask(question), indent="  ")
    console.print()


async def _serve(app: Deskmind, desk: Desk, company: Company, console: Console, host: str, port: int) -> None:
    import uvicorn

    from deskmind.api import create_app

    _check_port(host, port)
    for old in await desk.keys.all():
        if old.name == "demo" and old.revoked_at is None:
            await desk.keys.revoke(old.key_id)
    user = company.askers[1]
    key = await desk.keys.create(user, name="demo")
    console.rule(f"Serving http://{host}:{port} (Ctrl-C ends)", align="left")
    console.print(f"{user}'s API key: {key.secret}", soft_wrap=True)
    console.print(
        f"curl -s http://{host}:{port}/v1/ask -H 'Authorization: Bearer {key.secret}'"
        f" -H 'Content-Type: application/json' -d '{{\"question\": \"{company.question}\"}}'",
        soft_wrap=True,
        markup=False,
    )
    server = uvicorn.Server(
        uvicorn.Config(create_app(app=app), host=host, port=port, log_config=None, access_log=False)
    )
    await server.serve()


def _check_port(host: str, port: int) -> None:
    from deskmind.errors import ConfigurationError

    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise ConfigurationError(
                f"{host}:{port} cannot be listened on.",
                why=f"{error.strerror}.",
                remedy="Choose another with --port.",
            ) from error
