"""Tenants, users, groups, API keys."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from deskmind.cli.options import AsJson, Config, Home, Tenant, User
from deskmind.cli.output import print_json, print_rows, print_table, print_value, say
from deskmind.cli.session import CommandLine, desk_of, operator_of

if TYPE_CHECKING:
    from deskmind.app import Deskmind
    from deskmind.governance.access import principals

__all__ = ["group_app", "key_app", "tenant_app", "user_app"]

tenant_app = typer.Typer(help="Tenants.", no_args_is_help=True)
user_app = typer.Typer(help="Users of a tenant.", no_args_is_help=True)
group_app = typer.Typer(help="Groups of a tenant.", no_args_is_help=True)
key_app = typer.Typer(help="API keys.", no_args_is_help=True)

Groups = Annotated[str, typer.Option("--groups", "-g", help="Group names, separated by commas.")]


def names(text: str) -> list[str]:
    """``a, b`` as a list."""
    return [name.strip() for name in text.split(",") if name.strip()]


@tenant_app.command("create")
def create_tenant(
    name: Annotated[str, typer.Argument(help="1 to 63 of a-z, 0-9 and '-'.")],
    display_name: Annotated[str, typer.Option("--display-name")] = "",
    home: Home = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Create a tenant."""
    line = CommandLine(home, config, as_json=as_json)

    async def work(app: Deskmind) -> None:
        tenant = await app.tenants.create(name, name=display_name)
        print_value(
            {"tenant": tenant.slug, "tenant_id": str(tenant.tenant_id), "name": tenant.name},
            f"Created tenant {tenant.slug}. Next: deskmind user add NAME --tenant {tenant.slug}",
            as_json=as_json,
        )

    line.run(work)


@tenant_app.command("list")
def list_tenants(home: Home = None, config: Config = None, as_json: AsJson = False) -> None:
    """List tenants."""
    line = CommandLine(home, config, as_json=as_json)

    async def work(app: Deskmind) -> None:
        tenants = await app.tenants.all()
        rows = [
            {
                "tenant": item.slug,
                "tenant_id": str(item.tenant_id),
                "name": item.name,
                "created": f"{item.created_at:%Y-%m-%d %H:%M}",
            }
            for item in tenants
        ]
        empty = "No tenants yet. Create one with: deskmind tenant create NAME"
        print_rows(rows, ("tenant", "name", "created"), as_json=as_json, empty=empty)

    line.run(work)


@tenant_app.command("delete")
def delete_tenant(
    name: Annotated[str, typer.Argument(help="Name of the tenant.")],
    yes: Annotated[bool, typer.Option("--yes", help="All of its data is lost; do it.")] = False,
    home: Home = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Erase a tenant: documents, vectors, users, keys, conversations, jobs, audit events. It cannot be undone."""
    line = CommandLine(home, config, as_json=as_json)
    if not yes:
        typer.confirm(f"Everything in the tenant {name} is lost. Continue?", abort=True)

    async def work(app: Deskmind) -> None:
        gone = await app.tenants.delete(name)
        if as_json:
            print_json(
                {
                    "tenant": gone.slug,
                    "account_id": str(gone.account_id),
                    "rows": gone.rows,
                    "jobs": gone.jobs,
                }
            )
        else:
            say(
                f"Erased tenant {gone.slug}: {gone.rows:,} rows. What it spent stays as account {gone.account_id}."
            )

    line.run(work)


@tenant_app.command("audit")
def audit_tenants(
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000)] = 50,
    home: Home = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """List the newest acts on the installation: tenants created and erased."""
    line = CommandLine(home, config, as_json=as_json)

    async def work(app: Deskmind) -> None:
        events = await app.tenants.audit(limit=limit)
        if as_json:
            print_json(
                [
                    {
                        "at": event.occurred_at.isoformat(),
                        "action": event.action,
                        "tenant": event.resource,
                        "outcome": event.outcome,
                        "request_id": event.correlation_id,
                        "details": event.details,
                    }
                    for event in events
                ]
            )
        else:
            print_table(
                ("at", "action", "tenant", "outcome", "details"),
                [
                    (
                        f"{event.occurred_at:%Y-%m-%d %H:%M:%S}",
                        event.action,
                        event.resource,
                        event.outcome,
                        ", ".join(f"{name} {value}" for name, value in event.details.items()),
                    )
                    for event in events
                ],
                empty="Nothing was done yet.",
            )

    line.run(work)


@tenant_app.command("accounts")
def closed_accounts(home: Home = None, config: Config = None, as_json: AsJson = False) -> None:
    """List what erased tenants spent, by month and model; `deskmind tenant audit` tells whose accounts they were."""
    line = CommandLine(home, config, as_json=as_json)
    columns = (
        "account_id",
        "month",
        "model",
        "deployment",
        "calls",
        "input_tokens",
        "output_tokens",
        "cost_usd",
    )

    async def work(app: Deskmind) -> None:
        rows = [
            (str(item.account_id), f"{item.month:%Y-%m}", item.model, item.deployment, item.calls,
             item.input_tokens, item.output_tokens, str(item.cost))
            for item in await app.tenants.closed_accounts()
        ]  # fmt: skip
        if as_json:
            print_json([dict(zip(columns, row, strict=True)) for row in rows])
        else:
            print_table(columns, rows, empty="No erased tenant spent anything.")

    line.run(work)


@user_app.command("add")
def add_user(
    name: Annotated[str, typer.Argument()],
    groups: Groups = "",
    operator: Annotated[bool, typer.Option("--operator", help="May manage the tenant.")] = False,
    service: Annotated[bool, typer.Option("--service", help="It is a program, not a person.")] = False,
    display_name: Annotated[str, typer.Option("--display-name")] = "",
    tenant: Tenant = None,
    home: Home = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Add a user; groups that do not exist are made."""
    line = CommandLine(home, config, as_json=as_json)

    async def work(app: Deskmind) -> None:
        desk = await operator_of(app, tenant)
        user = await desk.principals.add_user(
            name,
            groups=names(groups),
            display_name=display_name,
            role="operator" if operator else "member",
            kind="service" if service else "user",
        )
        added = f"Added {user.name}" + (f" in {', '.join(user.groups)}." if user.groups else ".")
        print_value(_user(user), added, as_json=as_json)

    line.run(work)


@user_app.command("groups")
def set_groups(
    name: Annotated[str, typer.Argument()],
    groups: Groups = "",
    tenant: Tenant = None,
    home: Home = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Replace the groups a user belongs to."""
    line = CommandLine(home, config, as_json=as_json)

    async def work(app: Deskmind) -> None:
        desk = await operator_of(app, tenant)
        user = await desk.principals.set_groups(name, names(groups))
        print_value(
            _user(user), f"{user.name} is now in {', '.join(user.groups) or 'no group'}.", as_json=as_json
        )

    line.run(work)


@user_app.command("list")
def list_users(
    tenant: Tenant = None, home: Home = None, config: Config = None, as_json: AsJson = False
) -> None:
    """List users."""
    line = CommandLine(home, config, as_json=as_json)

    async def work(app: Deskmind) -> None:
        users = await (await operator_of(app, tenant)).principals.users()
        empty = "No users yet. Add one with: deskmind user add NAME"
        print_rows([_user(item) for item in users], ("user", "role", "groups"), as_json=as_json, empty=empty)

    line.run(work)


@group_app.command("list")
def list_groups(
    tenant: Tenant = None, home: Home = None, config: Config = None, as_json: AsJson = False
) -> None:
    """List groups."""
    line = CommandLine(home, config, as_json=as_json)

    async def work(app: Deskmind) -> None:
        groups = await (await operator_of(app, tenant)).principals.groups()
        rows = [{"group": item.name, "members": item.members} for item in groups]
        empty = "No groups yet. `deskmind user add NAME --groups …` makes them."
        print_rows(rows, ("group", "members"), as_json=as_json, empty=empty)

    line.run(work)


@group_app.command("create")
def create_group(
    name: Annotated[str, typer.Argument()],
    tenant: Tenant = None,
    home: Home = None,
    config: Config = None,
) -> None:
    """Create a group."""

    async def work(app: Deskmind) -> None:
        await (await operator_of(app, tenant)).principals.add_group(name)
        say(f"The group {name} exists.")

    CommandLine(home, config).run(work)


@key_app.command("create")
def create_key(
    user: User = None,
    name: Annotated[str, typer.Option("--name", help="What it is for.")] = "",
    expires_days: Annotated[int | None, typer.Option("--expires-days", min=1, max=3650)] = None,
    tenant: Tenant = None,
    home: Home = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Create an API key with which a user acts. It is shown once."""
    line = CommandLine(home, config, as_json=as_json)

    async def work(app: Deskmind) -> None:
        desk = await operator_of(app, tenant)
        person = user or app.settings.defaults.user or (await desk_of(app, tenant, None)).scope.principal
        expires = datetime.now(UTC) + timedelta(days=expires_days) if expires_days else None
        key = await desk.keys.create(person, name=name, expires_at=expires)
        if as_json:
            print_json(
                {"key_id": str(key.key_id), "key": key.secret, "user": key.user, "expires_at": expires}
            )
        else:
            say(key.secret)
            typer.echo(f"This is {person}'s key. It is not shown again.", err=True)

    line.run(work)


@key_app.command("list")
def list_keys(
    tenant: Tenant = None, home: Home = None, config: Config = None, as_json: AsJson = False
) -> None:
    """List API keys (without their secrets)."""
    line = CommandLine(home, config, as_json=as_json)

    async def work(app: Deskmind) -> None:
        keys = await (await operator_of(app, tenant)).keys.all()
        rows = [
            {
                "key_id": str(key.key_id),
                "user": key.user,
                "name": key.name,
                "state": _state(key.revoked_at, key.expires_at),
                "last_used_at": key.last_used_at.isoformat() if key.last_used_at else None,
                "expires_at": key.expires_at.isoformat() if key.expires_at else None,
                "rotated_at": key.rotated_at.isoformat() if key.rotated_at else None,
                "previous_until": key.previous_until.isoformat() if key.previous_until else None,
            }
            for key in keys
        ]
        columns = ("key_id", "user", "name", "state", "last_used_at", "expires_at")
        print_rows(rows, columns, as_json=as_json, empty="No keys yet.")

    line.run(work)


@key_app.command("rotate")
def rotate_key(
    key_id: Annotated[UUID, typer.Argument()],
    overlap_hours: Annotated[
        float,
        typer.Option(
            "--overlap-hours", min=0, max=720, help="Both secrets are taken so long; 0 where one has leaked."
        ),
    ] = 24.0,
    tenant: Tenant = None,
    home: Home = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Make a new secret for an API key, which stays the same otherwise. It is shown once."""
    line = CommandLine(home, config, as_json=as_json)

    async def work(app: Deskmind) -> None:
        key = await (await operator_of(app, tenant)).keys.rotate(key_id, overlap_hours=overlap_hours)
        if as_json:
            print_json(
                {"key_id": str(key.key_id), "key": key.secret, "user": key.user, "expires_at": key.expires_at}
            )
        else:
            say(key.secret)
            until = f"is taken for {overlap_hours:g} hours more" if overlap_hours else "is not taken any more"
            typer.echo(f"This is {key.user}'s key. It is not shown again; the old one {until}.", err=True)

    line.run(work)


@key_app.command("revoke")
def revoke_key(
    key_id: Annotated[UUID, typer.Argument()], tenant: Tenant = None, home: Home = None, config: Config = None
) -> None:
    """End an API key at once."""

    async def work(app: Deskmind) -> None:
        await (await operator_of(app, tenant)).keys.revoke(key_id)
        say(f"Revoked {key_id}.")

    CommandLine(home, config).run(work)


def _user(user: principals.User) -> dict[str, Any]:
    return {"user": user.name, "groups": list(user.groups), "role": user.role}


def _state(revoked: datetime | None, expires: datetime | None) -> str:
    if revoked is not None:
        return "revoked"
    return "expired" if expires is not None and expires < datetime.now(UTC) else "live"
