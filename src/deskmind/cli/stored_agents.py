"""``deskmind agents``: versions of agents, tested and published."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from deskmind.cli.options import AsJson, Config, Home, Tenant, User
from deskmind.cli.output import one_line, print_json, print_rows, print_value, say
from deskmind.cli.session import CommandLine, desk_of, desk_or_operator_of, operator_of

if TYPE_CHECKING:
    from deskmind.agents import Run
    from deskmind.agents.definitions import AgentSummary, AgentVersion, Report
    from deskmind.app import Deskmind

__all__ = ["agents_app"]

agents_app = typer.Typer(help="Stored agents: versions, tests, publishing.", no_args_is_help=True)
Name = Annotated[str, typer.Argument(help="The agent's name.")]
Version = Annotated[
    int | None, typer.Option("--version", "-v", min=1, help="This version.", show_default=False)
]
Label = Annotated[str | None, typer.Option("--label", "-l", help="The version this label points at.")]
File = Annotated[Path, typer.Argument(help="YAML or JSON.", exists=True, dir_okay=False)]
_FAILED = 1


@agents_app.command("define")
def define(
    file: File,
    note: Annotated[str, typer.Option("--note", "-m", help="Why, for the history.")] = "",
    publish_it: Annotated[bool, typer.Option("--publish", help="Put it to use at once.")] = False,
    tenant: Tenant = None,
    home: Home = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Keep the agent that a file describes as a new version."""
    line = CommandLine(home, config, as_json=as_json)

    async def work(app: Deskmind) -> AgentVersion:
        from deskmind.agents.definitions import spec_from_file

        desk = await operator_of(app, tenant)
        saved = await desk.stored_agents.save(spec_from_file(file.read_text(), source=file.name), note=note)
        if publish_it:
            saved = await desk.stored_agents.publish(saved.spec.name, saved.version)
        return saved

    saved = line.run(work)
    print_value(saved.as_dict(), f"{saved.spec.name} version {saved.version} is kept.", as_json=as_json)


@agents_app.command("list")
def list_agents(
    tenant: Tenant = None, home: Home = None, config: Config = None, as_json: AsJson = False
) -> None:
    """List stored agents."""
    line = CommandLine(home, config, as_json=as_json)

    async def work(app: Deskmind) -> list[AgentSummary]:
        return await (await operator_of(app, tenant)).stored_agents.list()

    found = line.run(work)
    print_rows(
        [{**one.as_dict(), "agent": one.name, "labels": _labels(one)} for one in found],
        ("agent", "newest", "labels", "description"),
        as_json=as_json,
        empty="No agents yet. Keep one with: deskmind agents define FILE",
        document=[one.as_dict() for one in found],
    )


@agents_app.command("show")
def show(
    name: Name,
    version: Version = None,
    label: Label = None,
    tenant: Tenant = None,
    home: Home = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Show a version as its file, the newest unless another is named, and which others there are."""
    line = CommandLine(home, config, as_json=as_json)

    async def work(app: Deskmind) -> tuple[AgentVersion, list[AgentVersion]]:
        stored = (await operator_of(app, tenant)).stored_agents
        every = await stored.versions(name)
        if version is None and label is None:
            return every[0], every
        return await stored.get(name, version=version, label=label), every

    found, every = line.run(work)
    if as_json:
        print_json({**found.as_dict(), "versions": [one.version for one in every]})
        return
    from deskmind.agents.definitions import spec_to_file

    say(spec_to_file(found.spec).rstrip())
    for one in every:
        labels = f" ({', '.join(one.labels)})" if one.labels else ""
        say(
            f"# version {one.version}{labels}, {one.created_at:%Y-%m-%d %H:%M}, {one.author} {one.note}".rstrip()
        )


@agents_app.command("publish")
def publish(
    name: Name,
    version: Version = None,
    label: Annotated[str, typer.Option("--label", "-l", help="Point this label at it.")] = "production",
    tenant: Tenant = None,
    home: Home = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Put a version to use, the newest unless another is named; an earlier one takes it back."""
    line = CommandLine(home, config, as_json=as_json)

    async def work(app: Deskmind) -> AgentVersion:
        return await (await operator_of(app, tenant)).stored_agents.publish(name, version, label=label)

    found = line.run(work)
    print_value(found.as_dict(), f"{label} of {name} is version {found.version}.", as_json=as_json)


@agents_app.command("test")
def rehearse(
    name: Name,
    cases: Annotated[Path, typer.Option("--cases", help="YAML or JSON.", exists=True, dir_okay=False)],
    version: Version = None,
    tenant: Tenant = None,
    user: User = None,
    home: Home = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Run cases against the newest version with a scripted model; nothing is written outside. Exits 1 where one fails."""
    line = CommandLine(home, config, as_json=as_json)

    async def work(app: Deskmind) -> Report:
        from deskmind.agents.definitions import cases_from_file

        desk = await desk_or_operator_of(app, tenant, user)
        listed = cases_from_file(cases.read_text(), source=cases.name)
        return await desk.stored_agents.test(name, listed, version=version)

    report = line.run(work)
    if as_json:
        print_json(report.as_dict())
    else:
        for one in report.results:
            say(f"{'passed' if one.passed else 'FAILED'}  {one.name}")
            for problem in one.problems:
                say(f"        {problem}")
        passed = sum(one.passed for one in report.results)
        say(f"{name} version {report.version}: {passed} of {len(report.results)} cases passed.")
    if not report.passed:
        raise typer.Exit(_FAILED)


@agents_app.command("run")
def run(
    name: Name,
    prompt: Annotated[str, typer.Argument(help="What is wanted of it.")],
    version: Version = None,
    label: Label = None,
    untrusted: Annotated[
        Path | None,
        typer.Option("--untrusted", help="File of text that others wrote.", exists=True, dir_okay=False),
    ] = None,
    conversation: Annotated[
        str, typer.Option("--conversation", help="Id of a conversation to go on with.")
    ] = "",
    queue: Annotated[bool, typer.Option("--queue", help="Leave it to a worker.")] = False,
    tenant: Tenant = None,
    user: User = None,
    home: Home = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Run a published agent as a user, here or on a worker; what it wants to write waits for approval."""
    line = CommandLine(home, config, as_json=as_json)

    async def work(app: Deskmind) -> Run[Any] | UUID:
        stored = (await desk_of(app, tenant, user)).stored_agents
        text = untrusted.read_text() if untrusted is not None else ""
        start = stored.start if queue else stored.run
        return await start(
            name, prompt, untrusted=text, version=version, label=label, conversation=conversation
        )

    found = line.run(work)
    if isinstance(found, UUID):
        print_value({"run_id": str(found)}, f"Queued: {found}", as_json=as_json)
        return
    said = found.output if isinstance(found.output, str) else one_line(str(found.output))
    print_value(
        found.as_dict(), said if found.state == "done" else f"{found.run_id}: {found.state}", as_json=as_json
    )


def _labels(one: AgentSummary) -> str:
    return ", ".join(f"{label} → {version}" for label, version in sorted(one.labels.items()))
