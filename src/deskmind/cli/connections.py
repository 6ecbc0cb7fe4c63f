"""``deskmind connect add|list|remove|webhook``: the systems a tenant is connected to."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from deskmind.cli.options import AsJson, Config, Home, Tenant
from deskmind.cli.output import print_json, print_table, print_value
from deskmind.cli.session import CommandLine, operator_of

if TYPE_CHECKING:
    from deskmind.app import Deskmind

__all__ = ["add_connection_commands"]

Name = Annotated[str, typer.Argument(help="Name of the connection.")]


def add_connection_commands(connect_app: typer.Typer) -> None:
    """Add the commands that need a tenant."""
    connect_app.command("add")(add)
    connect_app.command("list")(show)
    connect_app.command("remove")(remove)
    connect_app.command("webhook")(webhook)


def add(
    name: Name,
    url: Annotated[str, typer.Option("--url", help="Address of the instance.")],
    vendor: Annotated[
        str | None,
        typer.Option("--vendor", help="servicenow, jira or freshservice; by the address if not given."),
    ] = None,
    credentials_file: Annotated[
        Path | None,
        typer.Option(
            "--credentials-file", help="JSON object with the credentials; else DESKMIND_CONNECT_… variables."
        ),
    ] = None,
    kinds: Annotated[
        list[str] | None,
        typer.Option("--kind", help="Read this kind of record only; may be repeated.", show_default=False),
    ] = None,
    every: Annotated[int, typer.Option("--every", min=0, help="Minutes between runs; 0 for none.")] = 15,
    public: Annotated[bool, typer.Option("--public", help="Refuse private addresses.")] = False,
    replace: Annotated[bool, typer.Option("--replace", help="Change the connection of this name.")] = False,
    tenant: Tenant = None,
    as_json: AsJson = False,
    home: Home = None,
    config: Config = None,
) -> None:
    """Connect a tenant to a system. Its credentials are encrypted; nothing is read yet."""
    line = CommandLine(home, config, as_json=as_json)

    async def work(app: Deskmind) -> None:
        from deskmind.cli.connectors import credentials_of, vendor_of

        desk = await operator_of(app, tenant)
        made = await desk.connections.add(
            name,
            vendor or vendor_of(url),
            url,
            credentials_of(credentials_file, line.settings(anywhere=True)),
            kinds=kinds or (),
            every_seconds=every * 60,
            networks="public" if public else "any",
            replace=replace,
        )
        print_value(
            made.as_dict(),
            f"Connected {made.name} to {made.vendor}; `deskmind sync run {made.name}` reads it.",
            as_json=as_json,
        )

    line.run(work)


def show(tenant: Tenant = None, as_json: AsJson = False, home: Home = None, config: Config = None) -> None:
    """List the connections, without their credentials."""
    line = CommandLine(home, config, as_json=as_json)

    async def work(app: Deskmind) -> None:
        found = await (await operator_of(app, tenant)).connections.all()
        if as_json:
            print_json([one.as_dict() for one in found])
            return
        rows = [
            (
                one.name,
                one.vendor,
                one.url,
                f"{one.every_seconds // 60} min" if one.every_seconds else "by hand",
            )
            for one in found
        ]
        print_table(("name", "vendor", "address", "runs every"), rows, empty="Nothing is connected.")

    line.run(work)


def remove(
    name: Name,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    tenant: Tenant = None,
    as_json: AsJson = False,
    home: Home = None,
    config: Config = None,
) -> None:
    """Disconnect a system and remove all that was read from it."""
    line = CommandLine(home, config, as_json=as_json)

    async def work(app: Deskmind) -> None:
        desk = await operator_of(app, tenant)
        await desk.connections.get(name)
        if not yes:
            typer.confirm(f"Remove '{name}' with its records and documents?", abort=True)
        await desk.connections.remove(name)
        print_value({"removed": name}, f"Removed {name}.", as_json=as_json)

    line.run(work)


def webhook(
    name: Name, tenant: Tenant = None, as_json: AsJson = False, home: Home = None, config: Config = None
) -> None:
    """Show where the vendor may call when something changes, and the secret that it signs calls with."""
    line = CommandLine(home, config, as_json=as_json)

    async def work(app: Deskmind) -> None:
        desk = await operator_of(app, tenant)
        found = await desk.connections.get(name)
        secret = await desk.connections.webhook_secret(name)
        path = f"/v1/connectors/{found.connection_id}/webhook"
        print_value({"path": path, "secret": secret}, f"POST {path}\nsecret {secret}", as_json=as_json)

    line.run(work)
