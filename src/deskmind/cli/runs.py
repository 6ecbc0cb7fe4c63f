"""``deskmind runs``: what became of workflows' runs, and what becomes of them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from deskmind.cli.options import AsJson, Config, Home, Tenant, User
from deskmind.cli.output import one_line, print_json, print_table, print_value, say
from deskmind.cli.session import CommandLine, desk_or_operator_of

if TYPE_CHECKING:
    from deskmind.agents.workflows import Replayed, RunEvent, WorkflowRun, WorkflowRunDetails, WorkflowStep
    from deskmind.app import Deskmind

__all__ = ["runs_app"]

runs_app = typer.Typer(help="Runs of workflows.", no_args_is_help=True)
RunId = Annotated[UUID, typer.Argument(help="As printed by `deskmind workflows run` and `runs list`.")]
_SHOWN = 160


@runs_app.command("list")
def list_runs(
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=1000)] = 20,
    workflow: Annotated[str | None, typer.Option("--workflow", "-w", help="Only of this one.")] = None,
    state: Annotated[str | None, typer.Option("--state", help="Only those, such as waiting.")] = None,
    tenant: Tenant = None,
    user: User = None,
    home: Home = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """List the latest runs, newest first; without --user those of everyone."""
    line = CommandLine(home, config, as_json=as_json)

    async def work(app: Deskmind) -> list[WorkflowRun]:
        desk = await desk_or_operator_of(app, tenant, user)
        return await desk.workflows.runs(workflow=workflow, state=state, limit=limit)

    found = line.run(work)
    if as_json:
        print_json([one.as_dict() for one in found])
        return
    rows = [
        (
            f"{one.started_at:%Y-%m-%d %H:%M:%S}",
            one.run_id,
            one.workflow,
            one.problem or one.state,
            f"{one.cost:.6f}",
        )
        for one in found
    ]
    print_table(("began", "run", "workflow", "state", "usd"), rows, empty="No workflow has run.")


@runs_app.command("show")
def show(
    run_id: RunId,
    tenant: Tenant = None,
    user: User = None,
    home: Home = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Show a run step by step; without --user as the operator."""
    line = CommandLine(home, config, as_json=as_json)

    async def work(app: Deskmind) -> WorkflowRunDetails:
        return await (await desk_or_operator_of(app, tenant, user)).workflows.show(run_id)

    found = line.run(work)
    if as_json:
        print_json(found.as_dict())
        return
    say(f"{found.run.workflow} (version {found.run.version}): {found.run.problem or found.run.state}")
    for step in found.steps:
        say(f"  {_line(step)}")
    if found.run.output is not None:
        say(json.dumps(found.run.output, ensure_ascii=False))


@runs_app.command("follow")
def follow(
    run_id: RunId,
    tenant: Tenant = None,
    user: User = None,
    home: Home = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Show what happened in a run and what happens, until it has ended."""
    line = CommandLine(home, config, as_json=as_json)

    async def work(app: Deskmind) -> None:
        desk = await desk_or_operator_of(app, tenant, user)
        async for event in desk.workflows.events(run_id):
            _print_event(event, as_json=as_json)

    line.run(work)


@runs_app.command("resume")
def resume(
    run_id: RunId,
    queue: Annotated[bool, typer.Option("--queue", help="Of a paused run: leave it to a worker.")] = False,
    tenant: Tenant = None,
    user: User = None,
    home: Home = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Go on with a run, here or on a worker, from its first step that is not done."""
    line = CommandLine(home, config, as_json=as_json)

    async def work(app: Deskmind) -> WorkflowRun | None:
        desk = await desk_or_operator_of(app, tenant, user)
        if queue:
            await desk.workflows.unpause(run_id)
            return None
        return await desk.workflows.resume(run_id)

    found = line.run(work)
    state = found.state if found is not None else "queued"
    shown: dict[str, Any] = found.as_dict() if found is not None else {"run_id": str(run_id), "state": state}
    print_value(shown, f"{run_id} is {state}.", as_json=as_json)


@runs_app.command("pause")
def pause(
    run_id: RunId,
    tenant: Tenant = None,
    user: User = None,
    home: Home = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Begin no further step of a run; the one under way is finished."""
    line = CommandLine(home, config, as_json=as_json)

    async def work(app: Deskmind) -> None:
        await (await desk_or_operator_of(app, tenant, user)).workflows.pause(run_id)

    line.run(work)
    print_value({"run_id": str(run_id), "paused": True}, f"{run_id} pauses.", as_json=as_json)


@runs_app.command("cancel")
def cancel(
    run_id: RunId,
    undo: Annotated[
        bool, typer.Option("--undo", help="Have a worker take back first what its steps did.")
    ] = False,
    tenant: Tenant = None,
    user: User = None,
    home: Home = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """End a run and those below it: nothing more is begun."""
    line = CommandLine(home, config, as_json=as_json)

    async def work(app: Deskmind) -> None:
        await (await desk_or_operator_of(app, tenant, user)).workflows.cancel(run_id, undo=undo)

    line.run(work)
    said = "takes back what it did, and is cancelled then" if undo else "is cancelled"
    state = "undoing" if undo else "cancelled"
    print_value({"run_id": str(run_id), "state": state}, f"{run_id} {said}.", as_json=as_json)


@runs_app.command("fork")
def fork(
    run_id: RunId,
    step: Annotated[int, typer.Option("--step", min=1, help="The first step to be done anew.")],
    tenant: Tenant = None,
    user: User = None,
    home: Home = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Have a worker do a run again from a step on, as a new run that takes over the steps before."""
    line = CommandLine(home, config, as_json=as_json)

    async def work(app: Deskmind) -> UUID:
        return await (await desk_or_operator_of(app, tenant, user)).workflows.fork(run_id, step)

    found = line.run(work)
    print_value({"run_id": str(found), "state": "queued"}, f"{found} is queued.", as_json=as_json)


@runs_app.command("replay")
def replay(
    run_id: RunId,
    version: Annotated[int | None, typer.Option("--version", min=1, help="Of the workflow, instead.")] = None,
    tenant: Tenant = None,
    user: User = None,
    home: Home = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Check that the workflow still does the steps that are recorded; nothing is done."""
    line = CommandLine(home, config, as_json=as_json)

    async def work(app: Deskmind) -> Replayed:
        return await (await desk_or_operator_of(app, tenant, user)).workflows.replay(run_id, version=version)

    found = line.run(work)
    end = "to its end" if found.complete else "as far as is recorded"
    print_value(
        {"steps": found.steps, "complete": found.complete, "output": found.output},
        f"{found.steps} steps are as recorded, {end}.",
        as_json=as_json,
    )


def _line(step: WorkflowStep) -> str:
    again = f", {step.attempts} tries" if step.attempts > 1 else ""
    child = f" run {step.child_id}" if step.child_id else ""
    said = step.reason or ("" if step.value is None else json.dumps(step.value, ensure_ascii=False))
    return one_line(
        f"{step.path} {step.name} ({step.kind}): {step.problem or step.state}{again}{child} {said[:_SHOWN]}".rstrip()
    )


def _print_event(event: RunEvent, *, as_json: bool) -> None:
    if as_json:
        step = event.step.as_dict() if event.step is not None else None
        say(json.dumps({"state": event.run.state, "step": step}, ensure_ascii=False))
    else:
        say(_line(event.step) if event.step is not None else f"{event.run.run_id} is {event.run.state}.")
