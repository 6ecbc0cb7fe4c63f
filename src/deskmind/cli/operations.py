"""Status, readiness, migrations."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from deskmind.cli.options import AsJson, Config, Home
from deskmind.cli.output import print_json, print_table, say, write_file
from deskmind.cli.session import CommandLine

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from deskmind.app import Deskmind
    from deskmind.database import Provisioner
    from deskmind.readiness import Report
    from deskmind.settings import Settings

__all__ = ["migrate_app", "readiness", "status", "with_provisioner"]

migrate_app = typer.Typer(help="The database's schema.", no_args_is_help=True)
_NOT_READY = 1


def status(home: Home = None, config: Config = None, as_json: AsJson = False) -> None:
    """Show what is running where: home, database, schema, model, jobs, tenants."""
    line = CommandLine(home, config, as_json=as_json)

    async def work(app: Deskmind) -> dict[str, Any]:
        from deskmind import __version__

        engine = await app.engine()
        migration = await app.migration_status()
        return {
            "release": __version__,
            "home": str(app.settings.home),
            "database": "embedded" if app.settings.embedded else "connected",
            "pooler": app.database.behind_pooler,
            "schema": migration.current,
            "schema_up_to_date": migration.up_to_date,
            "embedder": engine.embedder.space.model if engine.embedder else None,
            "embedder_problem": app.embedding_problem,
            "jobs": await app.jobs.depth(),
            "tenants": len(await app.tenants.all()),
            "service": await asyncio.to_thread(_service, app.settings),
        }

    facts = line.run(work)
    if as_json:
        print_json(facts)
    else:
        print_table(
            ("what", "is"), [(name.replace("_", " "), value) for name, value in facts.items()], empty=""
        )


def _service(settings: Settings) -> dict[str, float] | None:
    """What the service on this machine has done since it began; None when none shows its metrics."""
    from deskmind.observability.metering.scraping import address_of, scraped, total

    address = address_of(settings.telemetry)
    samples = scraped(address) if address else None
    if samples is None:
        return None
    requests = "http_server_request_duration_seconds_count"
    return {
        "processes": int(total(samples, "deskmind_processes")),
        "requests": int(total(samples, requests)),
        "failed_requests": int(total(samples, requests, http_response_status_code="5")),
        "answers": int(total(samples, "deskmind_answers_total")),
        "model_calls": int(total(samples, "gen_ai_client_operation_duration_seconds_count")),
        "cost_usd": total(samples, "deskmind_cost_usd_total"),
    }


def readiness(
    as_html: Annotated[
        bool, typer.Option("--html", help="One HTML page that needs nothing else, and prints.")
    ] = False,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write it to this file.", dir_okay=False)
    ] = None,
    home: Home = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Check what can be checked; red or "not assessed" where something is missing. Exit code 1 when red."""
    line = CommandLine(home, config, as_json=as_json)
    line.guard(line.settings)

    async def work(app: Deskmind) -> Report:
        from deskmind.readiness import run

        return await run(app)

    report = line.run(work)
    if as_html or as_json or output is not None:
        line.guard(lambda: _tell(report, output, as_html=as_html or _is_page(output)))
    else:
        print_table(
            ("section", "check", "state", "finding", "remedy"),
            [
                (check.section, check.name, check.state, check.finding, check.remedy)
                for check in report.checks
            ],
            empty="",
        )
    if not report.ready:
        raise typer.Exit(_NOT_READY)


def _is_page(output: Path | None) -> bool:
    return output is not None and output.suffix == ".html"


def _tell(report: Report, output: Path | None, *, as_html: bool) -> None:
    from deskmind.readiness import page

    if output is None and not as_html:
        print_json(report.as_dict())
        return
    text = page(report) if as_html else json.dumps(report.as_dict(), ensure_ascii=False, indent=2) + "\n"
    if output is None:
        sys.stdout.write(text)
    else:
        write_file(output, text.encode())


@migrate_app.command("up")
def up(revision: Annotated[str, typer.Argument()] = "head", home: Home = None, config: Config = None) -> None:
    """Create roles, extensions and schema, and apply migrations."""

    async def work(provisioner: Provisioner) -> None:
        await provisioner.prepare(revision)
        state = await provisioner.migrations.status()
        say(f"The database is at {state.current}.")

    with_provisioner(CommandLine(home, config), work)


@migrate_app.command("down")
def down(
    revision: Annotated[str, typer.Argument(help="Revision to go back to; 'base' for none.")],
    yes: Annotated[bool, typer.Option("--yes", help="Data in dropped tables is lost; do it.")] = False,
    home: Home = None,
    config: Config = None,
) -> None:
    """Take migrations back. Data in tables that go is lost."""
    line = CommandLine(home, config)
    line.guard(line.settings)
    if not yes:
        typer.confirm("Data in dropped tables is lost. Continue?", abort=True)

    async def work(provisioner: Provisioner) -> None:
        await provisioner.migrations.downgrade(revision)
        state = await provisioner.migrations.status()
        say(f"The database is at {state.current or 'base'}.")

    with_provisioner(line, work)


@migrate_app.command("status")
def migration_status(home: Home = None, config: Config = None, as_json: AsJson = False) -> None:
    """Show the schema's revision and what is pending."""

    async def work(provisioner: Provisioner) -> None:
        state = await provisioner.migrations.status()
        facts = {
            "current": state.current,
            "head": state.head,
            "pending": list(state.pending),
            "min_compatible_release": state.min_compatible_release,
        }
        if as_json:
            print_json(facts)
        else:
            print_table(("what", "is"), list(facts.items()), empty="")

    with_provisioner(CommandLine(home, config, as_json=as_json), work)


@migrate_app.command("check")
def check(home: Home = None, config: Config = None) -> None:
    """Compare the tables with their description; exit code 1 when they differ."""

    async def work(provisioner: Provisioner) -> list[str]:
        return await provisioner.migrations.drift()

    differences = with_provisioner(CommandLine(home, config), work)
    for difference in differences:
        say(difference)
    if differences:
        raise typer.Exit(_NOT_READY)
    say("The tables are as described.")


@migrate_app.command("sql")
def sql(
    revision: Annotated[str, typer.Argument()] = "head", home: Home = None, config: Config = None
) -> None:
    """Print the SQL of the migrations, for a person to review and apply."""

    async def work(provisioner: Provisioner) -> str:
        return provisioner.migrations.sql(revision)

    say(with_provisioner(CommandLine(home, config), work))


def with_provisioner(line: CommandLine, work: Callable[[Provisioner], Awaitable[Any]]) -> Any:
    """Run `work` with the administrator's means, without opening the application."""

    async def opened() -> Any:
        from deskmind.app import administrator

        async with administrator(line.settings()) as provisioner:
            return await work(provisioner)

    return line.guard(lambda: asyncio.run(opened()))
