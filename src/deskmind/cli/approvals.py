"""``deskmind approvals``: what agents propose, and letting it pass."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from deskmind.cli.options import AsJson, Config, Home, Tenant, User
from deskmind.cli.output import one_line, print_json, print_table, print_value, say
from deskmind.cli.session import CommandLine, desk_of, desk_or_operator_of
from deskmind.errors import InvalidRequestError

if TYPE_CHECKING:
    from deskmind.agents import Proposed
    from deskmind.app import Deskmind

__all__ = ["approvals_app"]

approvals_app = typer.Typer(help="What agents propose.", no_args_is_help=True)
ProposalId = Annotated[UUID, typer.Argument(help="As printed by `deskmind approvals list`.")]
Revision = Annotated[
    int | None,
    typer.Option("--revision", min=0, help="That was looked at; refused when somebody has changed it since."),
]


@approvals_app.command("list")
def list_proposals(
    every: Annotated[bool, typer.Option("--all", help="Those that are decided, too.")] = False,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=1000)] = 100,
    tenant: Tenant = None,
    user: User = None,
    home: Home = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """List proposals that wait for a person, the oldest first."""
    line = CommandLine(home, config, as_json=as_json)

    async def work(app: Deskmind) -> list[Proposed]:
        desk = await desk_or_operator_of(app, tenant, user)
        return await desk.approvals.list(waiting=not every, limit=limit)

    found = line.run(work)
    if as_json:
        print_json([one.as_dict() for one in found])
        return
    print_table(
        ("made", "proposal", "agent", "tool", "state", "approvals", "why"),
        [
            (
                f"{one.made_at:%Y-%m-%d %H:%M:%S}",
                one.proposal_id,
                one.agent,
                one.tool,
                one.state,
                f"{one.approvals}/{one.needed}",
                one.reason,
            )
            for one in found
        ],
        empty="Nothing waits for a person.",
    )


@approvals_app.command("show")
def show(
    proposal_id: ProposalId,
    tenant: Tenant = None,
    user: User = None,
    home: Home = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Show a proposal with its difference."""
    line = CommandLine(home, config, as_json=as_json)

    async def work(app: Deskmind) -> Proposed:
        desk = await desk_or_operator_of(app, tenant, user)
        return await desk.approvals.show(proposal_id)

    found = line.run(work)
    if as_json:
        print_json(found.as_dict())
        return
    counted = f"{found.approvals} of {found.needed} approvals, revision {found.revision}"
    say(f"{found.tool} of {found.agent}: {found.state}, {counted}")
    say(f"  because {found.reason}; expires {found.expires_at:%Y-%m-%d %H:%M}")
    for change in found.changes:
        say(f"  {change['field']}: {one_line(str(change['before']))} → {one_line(str(change['after']))}")
    for made in found.edits:
        for name, before in made["before"].items():
            say(
                f"  edited {made['at'][:16]}, {name}: {one_line(str(before))} → {one_line(str(made['after'][name]))}"
            )


@approvals_app.command("approve")
def approve(
    proposal_id: ProposalId,
    answer: Annotated[str, typer.Option("--answer", help="To a question; to a write, a note.")] = "",
    revision: Revision = None,
    tenant: Tenant = None,
    user: User = None,
    home: Home = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Approve a proposal as a user, or answer a question; a worker then goes on with the run."""
    line = CommandLine(home, config, as_json=as_json)

    async def work(app: Deskmind) -> Proposed:
        desk = await desk_of(app, tenant, user)
        return await desk.approvals.approve(proposal_id, answer=answer, revision=revision)

    found = line.run(work)
    said = f"{proposal_id}: {found.approvals} of {found.needed} approvals, {found.state}."
    print_value(found.as_dict(), said, as_json=as_json)


@approvals_app.command("edit")
def edit(
    proposal_id: ProposalId,
    changed: Annotated[
        list[str],
        typer.Option("--set", help="NAME=VALUE, the value as JSON or text; again for further ones."),
    ],
    reason: Annotated[str, typer.Option("--reason", help="A note.")] = "",
    tenant: Tenant = None,
    user: User = None,
    home: Home = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Change values of a proposal as a user, and approve it with them."""
    line = CommandLine(home, config, as_json=as_json)
    values = line.guard(lambda: dict(_value(one) for one in changed))

    async def work(app: Deskmind) -> Proposed:
        desk = await desk_of(app, tenant, user)
        return await desk.approvals.edit(proposal_id, values, reason=reason)

    found = line.run(work)
    said = f"{proposal_id}: edited, {found.approvals} of {found.needed} approvals, {found.state}."
    print_value(found.as_dict(), said, as_json=as_json)


def _value(given: str) -> tuple[str, Any]:
    """``NAME=VALUE`` taken apart."""
    name, equals, text = given.partition("=")
    if not equals or not name:
        raise InvalidRequestError(
            "A value cannot be read.",
            why=f"'{given[:80]}' is not NAME=VALUE.",
            remedy="Give --set NAME=VALUE.",
        )
    try:
        return name, json.loads(text)
    except ValueError:
        return name, text


@approvals_app.command("reject")
def reject(
    proposal_id: ProposalId,
    reason: Annotated[str, typer.Option("--reason", help="Told to the agent.")] = "",
    lasting: Annotated[
        bool, typer.Option("--lasting", help="Refuse the same call to every agent from now on.")
    ] = False,
    revision: Revision = None,
    tenant: Tenant = None,
    user: User = None,
    home: Home = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Reject a proposal as a user."""
    line = CommandLine(home, config, as_json=as_json)

    async def work(app: Deskmind) -> Proposed:
        desk = await desk_of(app, tenant, user)
        return await desk.approvals.reject(proposal_id, reason=reason, lasting=lasting, revision=revision)

    print_value(line.run(work).as_dict(), f"{proposal_id} is rejected.", as_json=as_json)
