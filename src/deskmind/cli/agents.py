"""``deskmind agent``: running agents, and what became of their runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from deskmind.cli.options import AsJson, Config, Home, Tenant, User
from deskmind.cli.output import one_line, print_json, print_table, print_value, say
from deskmind.cli.session import CommandLine, desk_of, desk_or_operator_of, operator_of

if TYPE_CHECKING:
    from deskmind.agents import Block, Run, RunDetails
    from deskmind.app import Deskmind

__all__ = ["agent_app"]

agent_app = typer.Typer(help="Agents and their runs.", no_args_is_help=True)
RunId = Annotated[UUID, typer.Argument(help="As printed by `deskmind agent run` and `list`.")]
_SHOWN = 200


@agent_app.command("run")
def run(
    prompt: Annotated[str, typer.Argument(help="What is wanted of it.")],
    instructions: Annotated[str, typer.Option("--instructions", "-i", help="For the model.")],
    model: Annotated[str, typer.Option("--model", "-m", help="A configured name.")],
    tool: Annotated[
        list[str] | None, typer.Option("--tool", help="Name of a tool; again for further ones.")
    ] = None,
    untrusted: Annotated[
        Path | None,
        typer.Option("--untrusted", help="File of text that others wrote.", exists=True, dir_okay=False),
    ] = None,
    name: Annotated[str, typer.Option("--name", help="Of the agent.")] = "command-line",
    steps: Annotated[int, typer.Option("--steps", min=1, max=200, help="Most replies of the model.")] = 20,
    queue: Annotated[bool, typer.Option("--queue", help="Leave it to a worker.")] = False,
    tenant: Tenant = None,
    user: User = None,
    home: Home = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Run an agent as a user, here or on a worker; what it wants to write waits for approval."""
    line = CommandLine(home, config, as_json=as_json)

    async def work(app: Deskmind) -> Run[str] | UUID:
        from deskmind.agents import Limits

        desk = await desk_of(app, tenant, user)
        agent = desk.agent(
            name, instructions=instructions, model=model, tools=tool or [], limits=Limits(steps=steps)
        )
        text = untrusted.read_text() if untrusted is not None else ""
        if queue:
            return await agent.start(prompt, untrusted=text)
        return await agent.run(prompt, untrusted=text)

    _print(line.run(work), as_json=as_json)


@agent_app.command("resume")
def resume(
    run_id: RunId,
    tenant: Tenant = None,
    user: User = None,
    home: Home = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Go on with a run here, from its last step."""
    line = CommandLine(home, config, as_json=as_json)

    async def work(app: Deskmind) -> Run[Any]:
        return await (await desk_of(app, tenant, user)).agents.resume(run_id)

    _print(line.run(work), as_json=as_json)


@agent_app.command("list")
def list_runs(
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=1000)] = 20,
    state: Annotated[str | None, typer.Option("--state", help="Only those, such as waiting.")] = None,
    tenant: Tenant = None,
    user: User = None,
    home: Home = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """List the latest runs, newest first; without --user those of everyone."""
    line = CommandLine(home, config, as_json=as_json)

    async def work(app: Deskmind) -> list[Run[Any]]:
        return await (await desk_or_operator_of(app, tenant, user)).agents.list(state=state, limit=limit)

    found = line.run(work)
    if as_json:
        print_json([one.as_dict() for one in found])
        return
    print_table(
        ("began", "run", "agent", "state", "steps", "tools", "usd"),
        [
            (
                f"{one.started_at:%Y-%m-%d %H:%M:%S}",
                one.run_id,
                one.agent,
                one.problem or one.state,
                one.steps,
                one.tool_calls,
                f"{one.cost:.6f}",
            )
            for one in found
        ],
        empty="No agent has run.",
    )


@agent_app.command("show")
def show(
    run_id: RunId,
    tenant: Tenant = None,
    user: User = None,
    home: Home = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Show a run step by step, and what it wrote; without --user as the operator."""
    line = CommandLine(home, config, as_json=as_json)

    async def work(app: Deskmind) -> RunDetails[Any]:
        return await (await desk_or_operator_of(app, tenant, user)).agents.show(run_id)

    found = line.run(work)
    if as_json:
        print_json(found.as_dict())
        return
    say(f"{found.run.agent}: {found.run.problem or found.run.state}")
    for step in found.steps:
        label = f"{step.tool} ({step.outcome})" if step.kind == "result" else step.kind
        say(f"  {label}: {one_line(step.text[:_SHOWN])}")
    for effect in found.effects:
        say(f"  effect of {effect.tool}: {effect.state}")


@agent_app.command("cancel")
def cancel(
    run_id: RunId,
    tenant: Tenant = None,
    user: User = None,
    home: Home = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """End a run: nothing more is begun."""
    line = CommandLine(home, config, as_json=as_json)

    async def work(app: Deskmind) -> None:
        await (await desk_or_operator_of(app, tenant, user)).agents.cancel(run_id)

    line.run(work)
    print_value({"run_id": str(run_id), "state": "cancelled"}, f"{run_id} is cancelled.", as_json=as_json)


@agent_app.command("stop")
def stop(
    tool: Annotated[str, typer.Argument(help="Name of a tool; * is all.")] = "*",
    reason: Annotated[str, typer.Option("--reason", help="Told to whoever is refused it.")] = "",
    tenant: Tenant = None,
    home: Home = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Stop a tool, or all of them, for the tenant's agents: from their next call on."""
    line = CommandLine(home, config, as_json=as_json)

    async def work(app: Deskmind) -> None:
        await (await operator_of(app, tenant)).agents.stop_tool(tool, reason=reason)

    line.run(work)
    print_value({"tool": tool, "stopped": True}, f"{tool} is stopped.", as_json=as_json)


@agent_app.command("allow")
def allow(
    tool: Annotated[str, typer.Argument(help="Name of a tool; * is all.")] = "*",
    tenant: Tenant = None,
    home: Home = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Allow what was stopped."""
    line = CommandLine(home, config, as_json=as_json)

    async def work(app: Deskmind) -> None:
        await (await operator_of(app, tenant)).agents.allow_tool(tool)

    line.run(work)
    print_value({"tool": tool, "stopped": False}, f"{tool} is allowed.", as_json=as_json)


@agent_app.command("blocks")
def blocks(
    tenant: Tenant = None,
    home: Home = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """List what agents may not do beyond one run: calls rejected for good, agents that tried what is forbidden."""
    line = CommandLine(home, config, as_json=as_json)

    async def work(app: Deskmind) -> list[Block]:
        return await (await operator_of(app, tenant)).agents.blocks()

    found = line.run(work)
    if as_json:
        print_json([one.as_dict() for one in found])
        return
    print_table(
        ("since", "kind", "agent", "tool", "until", "why", "subject"),
        [
            (
                f"{one.at:%Y-%m-%d %H:%M:%S}",
                one.kind,
                one.agent,
                one.tool,
                f"{one.until:%Y-%m-%d %H:%M:%S}" if one.until else "lifted",
                one.reason,
                one.subject,
            )
            for one in found
        ],
        empty="Nothing is blocked.",
    )


@agent_app.command("lift")
def lift(
    subject: Annotated[str, typer.Argument(help="As printed by `deskmind agent blocks`.")],
    tenant: Tenant = None,
    home: Home = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Lift a block."""
    line = CommandLine(home, config, as_json=as_json)

    async def work(app: Deskmind) -> None:
        await (await operator_of(app, tenant)).agents.lift(subject)

    line.run(work)
    print_value({"subject": subject, "lifted": True}, "The block is lifted.", as_json=as_json)


def _print(found: Run[Any] | UUID, *, as_json: bool) -> None:
    if isinstance(found, UUID):
        print_value({"run_id": str(found), "state": "queued"}, f"{found} is queued.", as_json=as_json)
    elif found.state == "done":
        print_value(found.as_dict(), str(found.output), as_json=as_json)
    else:
        hint = " `deskmind approvals list` shows for whom." if found.state == "waiting" else ""
        print_value(found.as_dict(), f"{found.run_id} is {found.state}.{hint}", as_json=as_json)
