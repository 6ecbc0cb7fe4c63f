"""Who may do what, and why."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from deskmind.cli.options import AsJson, Config, Home, Tenant
from deskmind.cli.output import print_json, print_rows, print_value, say
from deskmind.cli.session import CommandLine, operator_of
from deskmind.errors import InvalidRequestError

if TYPE_CHECKING:
    from deskmind.app import Deskmind
    from deskmind.governance.access import Decision

__all__ = ["access_app"]

access_app = typer.Typer(help="Roles, grants and policies: who may do what, and why.", no_args_is_help=True)
policy_app = typer.Typer(help="The tenant's policy, in Cedar.", no_args_is_help=True)
access_app.add_typer(policy_app, name="policy")

_SPANS = {"h": "hours", "d": "days", "w": "weeks"}

Role = Annotated[str, typer.Argument(help="Name of the role; `deskmind access roles` lists them.")]
ToUser = Annotated[str | None, typer.Option("--user", "-u", help="A user.", show_default=False)]
ToGroup = Annotated[
    str | None, typer.Option("--group", help="A group: all who are in it.", show_default=False)
]
ToKey = Annotated[UUID | None, typer.Option("--key", help="An API key, by its id.", show_default=False)]


@access_app.command("check")
def check(
    permission: Annotated[str, typer.Argument(help="resource:action, such as knowledge:ask.")],
    user: ToUser = None,
    tenant: Tenant = None,
    home: Home = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Tell whether a user may do something, and why. The exit code is 77 when not."""
    line = CommandLine(home, config, as_json=as_json)

    async def work(app: Deskmind) -> Decision:
        desk = await operator_of(app, tenant)
        name = user or app.settings.defaults.user
        return await (desk.access.check_of(name, permission) if name else desk.access.check(permission))

    decision = line.run(work)
    answer = "yes" if decision.allowed else "no"
    print_value(
        {"allowed": decision.allowed, "permission": decision.permission, "because": decision.because},
        "\n".join((answer, *(f"  {reason}" for reason in decision.because))),
        as_json=as_json,
    )
    if not decision.allowed:
        raise typer.Exit(77)


@access_app.command("grant")
def grant(
    role: Role,
    user: ToUser = None,
    group: ToGroup = None,
    key: ToKey = None,
    until: Annotated[
        str | None,
        typer.Option(
            "--until", help="2027-01-31, 2027-01-31T18:00+01:00, or 8h, 30d, 2w.", show_default=False
        ),
    ] = None,
    reason: Annotated[str, typer.Option("--reason", help="Why, for reviews.")] = "",
    tenant: Tenant = None,
    home: Home = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Give a role to a user or a group, or bound what an API key may do by it."""
    line = CommandLine(home, config, as_json=as_json)

    async def work(app: Deskmind) -> None:
        desk = await operator_of(app, tenant)
        given = await desk.access.grant(
            role, user=user, group=group, key=key, until=_moment(until), reason=reason
        )
        print_value(
            {
                "grant_id": str(given.grant_id),
                "role": given.role,
                given.kind: given.holder,
                "until": given.until.isoformat() if given.until else None,
            },
            f"The {given.kind} {given.holder} has the role {given.role}"
            + (f" until {given.until:%Y-%m-%d %H:%M %Z}." if given.until else "."),
            as_json=as_json,
        )

    line.run(work)


@access_app.command("revoke")
def revoke(
    role: Role,
    user: ToUser = None,
    group: ToGroup = None,
    key: ToKey = None,
    tenant: Tenant = None,
    home: Home = None,
    config: Config = None,
) -> None:
    """Take a role away; everywhere within a second."""

    async def work(app: Deskmind) -> None:
        desk = await operator_of(app, tenant)
        await desk.access.revoke(role, user=user, group=group, key=key)
        say(f"Revoked the role {role}.")

    CommandLine(home, config).run(work)


@access_app.command("review")
def review(tenant: Tenant = None, home: Home = None, config: Config = None, as_json: AsJson = False) -> None:
    """List who may do what, why, since when, until when, and when last."""
    line = CommandLine(home, config, as_json=as_json)

    async def work(app: Deskmind) -> None:
        lines = [item.as_dict() for item in await (await operator_of(app, tenant)).access.review()]
        columns = ("kind", "holder", "role", "via", "since", "until", "granted_by", "reason", "last_used")
        print_rows(lines, columns, as_json=as_json, empty="Nobody has a role.")

    line.run(work)


@access_app.command("roles")
def roles(
    permissions: Annotated[
        bool, typer.Option("--permissions", help="List what can be permitted instead.")
    ] = False,
    tenant: Tenant = None,
    home: Home = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """List the built-in roles and the tenant's own."""
    line = CommandLine(home, config, as_json=as_json)

    async def work(app: Deskmind) -> None:
        found = await (await operator_of(app, tenant)).access.roles()
        if permissions:
            _print_permissions(found, as_json=as_json)
            return
        rows: list[dict[str, Any]] = [
            {
                "role": role.name,
                "built_in": role.built_in,
                "description": role.description,
                "permissions": list(role.permissions),
            }
            for role in found
        ]
        print_rows(rows, ("role", "built_in", "description", "permissions"), as_json=as_json, empty="")

    line.run(work)


@access_app.command("define")
def define(
    name: Annotated[str, typer.Argument(help="1 to 63 of a-z, 0-9 and '-'.")],
    permits: Annotated[
        str,
        typer.Option("--permits", help="Permissions, separated by commas; resource:* is all of a resource."),
    ],
    description: Annotated[str, typer.Option("--description")] = "",
    tenant: Tenant = None,
    home: Home = None,
    config: Config = None,
) -> None:
    """Make or replace a role of the tenant's own."""

    async def work(app: Deskmind) -> None:
        wanted = [item.strip() for item in permits.split(",") if item.strip()]
        role = await (await operator_of(app, tenant)).access.define_role(
            name, wanted, description=description
        )
        say(f"The role {role.name} permits {', '.join(role.permissions)}.")

    CommandLine(home, config).run(work)


@access_app.command("undefine")
def undefine(name: Role, tenant: Tenant = None, home: Home = None, config: Config = None) -> None:
    """Remove a role of the tenant's own that nobody has."""

    async def work(app: Deskmind) -> None:
        await (await operator_of(app, tenant)).access.delete_role(name)
        say(f"Removed the role {name}.")

    CommandLine(home, config).run(work)


@policy_app.command("show")
def show_policy(
    tenant: Tenant = None, home: Home = None, config: Config = None, as_json: AsJson = False
) -> None:
    """Print the policy."""
    line = CommandLine(home, config, as_json=as_json)

    async def work(app: Deskmind) -> None:
        saved = await (await operator_of(app, tenant)).access.policy()
        print_value(
            {
                "version": saved.version,
                "saved_at": saved.saved_at.isoformat() if saved.saved_at else None,
                "policies": list(saved.names),
                "text": saved.text,
            },
            saved.text or "The tenant has no policy: roles alone decide.",
            as_json=as_json,
        )

    line.run(work)


@policy_app.command("set")
def set_policy(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="Cedar policies that forbid.")],
    tenant: Tenant = None,
    home: Home = None,
    config: Config = None,
) -> None:
    """Check a policy against the schema and save it."""

    async def work(app: Deskmind) -> None:
        saved = await (await operator_of(app, tenant)).access.set_policy(file.read_text("utf-8"))
        say(f"Saved version {saved.version}: {', '.join(saved.names) or 'no policies'}.")

    CommandLine(home, config).run(work)


@policy_app.command("off")
def no_policy(tenant: Tenant = None, home: Home = None, config: Config = None) -> None:
    """Decide by roles alone. What was saved before is kept."""

    async def work(app: Deskmind) -> None:
        saved = await (await operator_of(app, tenant)).access.set_policy("")
        say(f"Policies are off (version {saved.version}).")

    CommandLine(home, config).run(work)


@policy_app.command("schema")
def policy_schema() -> None:
    """Print the Cedar schema: what a policy may go by."""
    from deskmind.governance.access import BUILT_IN, cedar_schema

    say(cedar_schema(BUILT_IN["owner"].permissions))


def _print_permissions(found: Sequence[Any], *, as_json: bool) -> None:
    from deskmind.governance.access import BUILT_IN, PERMISSIONS

    rows: list[dict[str, Any]] = [
        {
            "permission": item.code,
            "meaning": PERMISSIONS[item],
            "roles": [role.name for role in found if item in role.includes],
        }
        for item in sorted(BUILT_IN["owner"].includes)
    ]
    if as_json:
        print_json(rows)
    else:
        print_rows(rows, ("permission", "meaning", "roles"), as_json=False, empty="")


def _moment(text: str | None) -> datetime | None:
    """A day, a moment, or a span from now."""
    if text is None:
        return None
    span = re.fullmatch(r"([1-9][0-9]{0,4})([hdw])", text)
    if span is not None:
        return datetime.now(UTC) + timedelta(**{_SPANS[span[2]]: int(span[1])})
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidRequestError(
            f"'{text[:40]}' is no time.", why="Write 2027-01-31, 2027-01-31T18:00+01:00, or 8h, 30d, 2w."
        ) from None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
