"""``deskmind workflows``: running workflows, and what begins them by itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast
from uuid import UUID

import typer

from deskmind.cli.options import AsJson, Config, Home, Tenant, User
from deskmind.cli.output import print_json, print_table, print_value, say
from deskmind.cli.session import CommandLine, desk_or_operator_of
from deskmind.errors import InvalidRequestError

if TYPE_CHECKING:
    from deskmind.agents.workflows import Schedule, WorkflowInfo, WorkflowRun
    from deskmind.app import Deskmind

__all__ = ["workflows_app"]

workflows_app = typer.Typer(help="Workflows: several agents and steps, durable.", no_args_is_help=True)
schedule_app = typer.Typer(help="What begins workflows by itself: times and events.", no_args_is_help=True)
workflows_app.add_typer(schedule_app, name="schedule")
Given = Annotated[
    list[str] | None,
    typer.Option("--input", "-i", help="NAME=VALUE, the value as JSON or text; again for further ones."),
]
FromFile = Annotated[
    Path | None,
    typer.Option("--input-file", help="File with the input as a JSON object.", exists=True, dir_okay=False),
]
Name = Annotated[str, typer.Argument(help="As printed by `deskmind workflows list`.")]
ScheduleName = Annotated[str, typer.Argument(help="a-z, 0-9 and '_.-', unique in the tenant.")]


@workflows_app.command("list")
def list_workflows(
    tenant: Tenant = None,
    user: User = None,
    home: Home = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """List the workflows that can be run."""
    line = CommandLine(home, config, as_json=as_json)

    async def work(app: Deskmind) -> list[WorkflowInfo]:
        return await (await desk_or_operator_of(app, tenant, user)).workflows.all()

    found = line.run(work)
    if as_json:
        print_json([one.as_dict() for one in found])
        return
    rows = [(one.name, one.version, one.description) for one in found]
    print_table(("workflow", "version", "what it does"), rows, empty="There is no workflow.")


@workflows_app.command("show")
def show(
    name: Name,
    tenant: Tenant = None,
    user: User = None,
    home: Home = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Show a workflow's input."""
    line = CommandLine(home, config, as_json=as_json)

    async def work(app: Deskmind) -> WorkflowInfo | None:
        known = await (await desk_or_operator_of(app, tenant, user)).workflows.all()
        return next((one for one in known if one.name == name), None)

    def found_or_refused() -> WorkflowInfo:
        found = line.run(work)
        if found is None:
            raise InvalidRequestError(
                f"There is no workflow '{name[:80]}'.", remedy="`deskmind workflows list` shows them."
            )
        return found

    found = line.guard(found_or_refused)
    if as_json:
        print_json(found.as_dict())
        return
    say(f"{found.name} (version {found.version}): {found.description}")
    needed = set(cast("list[str]", found.input.get("required", [])))
    fields = cast("dict[str, dict[str, Any]]", found.input.get("properties", {}))
    for field, schema in fields.items():
        kind = schema.get("type") or "/".join(
            str(one.get("type")) for one in cast("list[dict[str, Any]]", schema.get("anyOf", []))
        )
        default = "needed" if field in needed else f"default {json.dumps(schema.get('default'))}"
        say(f"  {field}: {kind}, {default}")


@workflows_app.command("run")
def run(
    name: Name,
    given: Given = None,
    file: FromFile = None,
    queue: Annotated[bool, typer.Option("--queue", help="Leave it to a worker.")] = False,
    tenant: Tenant = None,
    user: User = None,
    home: Home = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Run a workflow here or on a worker; what it wants to write waits for approval."""
    line = CommandLine(home, config, as_json=as_json)
    values = line.guard(lambda: _values(given, file))

    async def work(app: Deskmind) -> WorkflowRun | UUID:
        desk = await desk_or_operator_of(app, tenant, user)
        act = desk.workflows.start if queue else desk.workflows.run
        return await act(name, values)

    _print(line.run(work), as_json=as_json)


@schedule_app.command("add")
def add(
    name: ScheduleName,
    workflow: Annotated[str, typer.Argument(help="The workflow.")],
    given: Given = None,
    file: FromFile = None,
    cron: Annotated[str, typer.Option("--cron", help="Times: five fields, as '0 8 * * 1-5'.")] = "",
    zone: Annotated[str, typer.Option("--zone", help="Whose clock, as Europe/Berlin.")] = "UTC",
    on: Annotated[
        str | None,
        typer.Option("--on", help="An event: ticket.created, ticket.updated, sla.at_risk or webhook."),
    ] = None,
    connection: Annotated[str, typer.Option("--connection", help="Of an event: the system's name.")] = "",
    minutes: Annotated[
        int, typer.Option("--minutes", help="Before a promised time a ticket is at risk.")
    ] = 60,
    tenant: Tenant = None,
    user: User = None,
    home: Home = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Have a workflow begin at times, or on events of a connected system."""
    line = CommandLine(home, config, as_json=as_json)
    values = line.guard(lambda: _values(given, file))

    async def work(app: Deskmind) -> Schedule:
        desk = await desk_or_operator_of(app, tenant, user)
        return await desk.schedules.add(
            name,
            workflow,
            values,
            cron=cron,
            zone=zone,
            on=cast("Any", on),
            connection=connection,
            minutes=minutes,
        )

    found = line.run(work)
    first = f", first at {found.next_at:%Y-%m-%d %H:%M} UTC" if found.next_at else ""
    print_value(
        found.as_dict(),
        f"{found.name} begins {found.workflow}: {found.cron or found.event}{first}.",
        as_json=as_json,
    )


@schedule_app.command("list")
def list_schedules(
    tenant: Tenant = None,
    user: User = None,
    home: Home = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """List the schedules."""
    line = CommandLine(home, config, as_json=as_json)

    async def work(app: Deskmind) -> list[Schedule]:
        return await (await desk_or_operator_of(app, tenant, user)).schedules.all()

    found = line.run(work)
    if as_json:
        print_json([one.as_dict() for one in found])
        return
    rows = [
        (
            one.name,
            one.workflow,
            f"{one.cron} ({one.zone})" if one.cron else f"{one.event} in {one.connection}",
            f"{one.next_at:%Y-%m-%d %H:%M}" if one.next_at else "",
            one.problem or ("on" if one.enabled else "off"),
        )
        for one in found
    ]
    print_table(("schedule", "workflow", "when", "next", "state"), rows, empty="There is no schedule.")


@schedule_app.command("enable")
def enable(
    name: ScheduleName,
    tenant: Tenant = None,
    user: User = None,
    home: Home = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Let a schedule begin runs again."""
    _switch(CommandLine(home, config, as_json=as_json), name, tenant, user, enabled=True)


@schedule_app.command("disable")
def disable(
    name: ScheduleName,
    tenant: Tenant = None,
    user: User = None,
    home: Home = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Let a schedule begin no runs for now."""
    _switch(CommandLine(home, config, as_json=as_json), name, tenant, user, enabled=False)


@schedule_app.command("remove")
def remove(
    name: ScheduleName,
    tenant: Tenant = None,
    user: User = None,
    home: Home = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Remove a schedule; its runs stay."""
    line = CommandLine(home, config, as_json=as_json)

    async def work(app: Deskmind) -> None:
        await (await desk_or_operator_of(app, tenant, user)).schedules.remove(name)

    line.run(work)
    print_value({"name": name, "removed": True}, f"{name} is removed.", as_json=as_json)


def _switch(line: CommandLine, name: str, tenant: str | None, user: str | None, *, enabled: bool) -> None:
    async def work(app: Deskmind) -> None:
        desk = await desk_or_operator_of(app, tenant, user)
        await desk.schedules.enable(name, enabled=enabled)

    line.run(work)
    state = "on" if enabled else "off"
    print_value({"name": name, "enabled": enabled}, f"{name} is {state}.", as_json=line.as_json)


def _values(given: list[str] | None, file: Path | None) -> dict[str, Any]:
    """The input: of the file, with what is named on the command line instead."""
    values: Any = {}
    if file is not None:
        try:
            values = json.loads(file.read_text("utf-8"))
        except ValueError as error:
            raise InvalidRequestError(f"{file} holds no JSON.") from error
    if not isinstance(values, dict):
        raise InvalidRequestError(f"{file} holds no JSON object.")
    found = cast("dict[str, Any]", values)
    for pair in given or []:
        name, sign, text = pair.partition("=")
        if not sign:
            raise InvalidRequestError(f"'{pair[:80]}' is no input.", remedy="Give it as NAME=VALUE.")
        try:
            found[name] = json.loads(text)
        except ValueError:
            found[name] = text
    return found


def _print(found: WorkflowRun | UUID, *, as_json: bool) -> None:
    if isinstance(found, UUID):
        print_value({"run_id": str(found), "state": "queued"}, f"{found} is queued.", as_json=as_json)
    elif found.state == "done":
        print_value(found.as_dict(), json.dumps(found.output, ensure_ascii=False), as_json=as_json)
    else:
        hint = " `deskmind approvals list` shows what for." if found.state == "waiting" else ""
        problem = f": {found.problem}" if found.problem else ""
        print_value(found.as_dict(), f"{found.run_id} is {found.state}{problem}.{hint}", as_json=as_json)
