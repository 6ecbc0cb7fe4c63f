"""``deskmind jobs``: what works in the background."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, cast

import typer

from deskmind.cli.options import AsJson, Config, Home, Tenant, User
from deskmind.cli.output import print_json, print_table, print_value, say
from deskmind.cli.session import at_desk

if TYPE_CHECKING:
    from deskmind.backlog import Job, JobState

__all__ = ["jobs_app"]

jobs_app = typer.Typer(help="What works in the background for a tenant.", no_args_is_help=True)
JobId = Annotated[int, typer.Argument(min=1, help="As printed by `deskmind jobs list`.")]


@jobs_app.command("list")
def list_jobs(
    state: Annotated[
        str | None, typer.Option("--state", help="waiting, running or failed.", show_default=False)
    ] = None,
    task: Annotated[
        str | None, typer.Option("--task", help="Only these, such as knowledge.ingest.", show_default=False)
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=200, help="At most so many.")] = 50,
    before: Annotated[
        int | None, typer.Option("--before", min=1, help="Only jobs older than this.", show_default=False)
    ] = None,
    tenant: Tenant = None,
    user: User = None,
    home: Home = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """List jobs that are not done, the newest first."""
    wanted = cast("JobState | None", state)
    found = at_desk(
        lambda desk: desk.jobs.list(state=wanted, task=task, limit=limit, before=before),
        *(tenant, user, home, config),
        as_json=as_json,
    )
    if as_json:
        print_json([one.as_dict() for one in found])
        return
    rows = [(one.job_id, one.task, one.state, _progress(one), _about(one), one.attempts) for one in found]
    print_table(("job", "task", "state", "progress", "about", "attempts"), rows, empty="Nothing waits.")


@jobs_app.command("show")
def show(
    job_id: JobId,
    tenant: Tenant = None,
    user: User = None,
    home: Home = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Show a job that is not done, and how far it is."""
    found = at_desk(lambda desk: desk.jobs.get(job_id), tenant, user, home, config, as_json=as_json)
    lines = [
        f"{found.task} in {found.queue}: {found.state}",
        f"about {_about(found) or 'nothing in particular'}",
        f"progress {_progress(found) or 'not told'}",
        f"attempts {found.attempts}",
    ]
    print_value(found.as_dict(), "\n".join(lines), as_json=as_json)


@jobs_app.command("cancel")
def cancel(
    job_id: JobId, tenant: Tenant = None, user: User = None, home: Home = None, config: Config = None
) -> None:
    """Cancel a job that waits: files that it should have taken in have failed, and so has a training."""
    at_desk(lambda desk: desk.jobs.cancel(job_id), tenant, user, home, config, as_json=False)
    say(f"Cancelled {job_id}.")


def _progress(job: Job) -> str:
    told = job.progress
    return "" if told is None else f"{told.done} of {told.total} {told.unit}"


def _about(job: Job) -> str:
    about = job.about
    return "" if about is None else f"{about.kind} {about.name or about.id}"
