"""``deskmind writes``: changes of connected systems, proposed, sent once, and settled."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast
from uuid import UUID

import typer

from deskmind.cli.options import AsJson, Config, Home, Tenant, User
from deskmind.cli.output import one_line, print_json, print_table, print_value, say
from deskmind.cli.session import at_desk

if TYPE_CHECKING:
    from deskmind.desk import Desk
    from deskmind.writes import Write, WriteState

__all__ = ["writes_app"]

writes_app = typer.Typer(help="Change connected systems.", no_args_is_help=True)
WriteId = Annotated[UUID, typer.Argument(help="As printed by `deskmind writes list`.")]
File = Annotated[Path | None, typer.Option("--file", help="The file to attach.", dir_okay=False)]


@writes_app.command("propose")
def propose(
    connection: Annotated[str, typer.Argument(help="Name of the connection.")],
    act: Annotated[
        str, typer.Argument(help="create, comment, update, assign, transition, attach or publish.")
    ],
    target: Annotated[str, typer.Argument(help="The record; none to create one.", show_default=False)] = "",
    values: Annotated[
        list[str] | None,
        typer.Option("--set", help="NAME=VALUE, a value as JSON or text; may be repeated."),
    ] = None,
    file: File = None,
    tenant: Tenant = None,
    user: User = None,
    home: Home = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Show what would be written, in the vendor's terms, and keep it; nothing is sent yet."""

    async def work(desk: Desk) -> Write:
        given = dict(_pair(one) for one in values or ())
        if file is not None:
            given = {"name": file.name, **given, "content": file}
        return await desk.writes.propose(connection, act, target, given)

    found = at_desk(work, tenant, user, home, config, as_json=as_json)
    _show(found, as_json=as_json)
    if not as_json:
        say(f"`deskmind writes send {found.write_id}` sends it.")


@writes_app.command("send")
def send(
    write_id: WriteId,
    file: File = None,
    tenant: Tenant = None,
    user: User = None,
    home: Home = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Let a write pass: it is sent once and read back."""
    found = at_desk(
        lambda desk: desk.writes.send(write_id, content=file), tenant, user, home, config, as_json=as_json
    )
    _show(found, as_json=as_json)


@writes_app.command("list")
def list_writes(
    states: Annotated[
        list[str] | None,
        typer.Option(
            "--state", help="proposed, sending, applied, absent, uncertain or rejected; may be repeated."
        ),
    ] = None,
    connection: Annotated[
        str | None, typer.Option("--connection", help="Only those to this system.", show_default=False)
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=1000, help="At most so many.")] = 100,
    tenant: Tenant = None,
    user: User = None,
    home: Home = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """List writes of people and agents, the newest first."""
    wanted = cast("Sequence[WriteState]", states or ())
    found = at_desk(
        lambda desk: desk.writes.list(states=wanted, connection=connection, limit=limit),
        *(tenant, user, home, config),
        as_json=as_json,
    )
    if as_json:
        print_json([one.as_dict() for one in found])
        return
    rows = [
        (
            f"{one.made_at:%Y-%m-%d %H:%M:%S}",
            one.write_id,
            one.connection or "(agent)",
            one.act,
            one.target_key or one.target,
            one.state,
            one.problem,
        )
        for one in found
    ]
    print_table(
        ("made", "write", "connection", "act", "record", "state", "problem"), rows, empty="Nothing yet."
    )


@writes_app.command("show")
def show(
    write_id: WriteId,
    tenant: Tenant = None,
    user: User = None,
    home: Home = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Show a write with its difference and what became of it."""
    found = at_desk(lambda desk: desk.writes.show(write_id), tenant, user, home, config, as_json=as_json)
    _show(found, as_json=as_json)


@writes_app.command("reject")
def reject(
    write_id: WriteId,
    tenant: Tenant = None,
    user: User = None,
    home: Home = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Decide that a write is not sent."""
    found = at_desk(lambda desk: desk.writes.reject(write_id), tenant, user, home, config, as_json=as_json)
    print_value(found.as_dict(), f"{write_id} is rejected.", as_json=as_json)


@writes_app.command("reconcile")
def reconcile(
    write_id: Annotated[
        UUID | None, typer.Argument(help="One; else all that are not known.", show_default=False)
    ] = None,
    tenant: Tenant = None,
    user: User = None,
    home: Home = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Ask the vendor what became of writes whose outcome is not known."""

    async def work(desk: Desk) -> list[Write]:
        if write_id is not None:
            return [await desk.writes.reconcile(write_id)]
        left = await desk.writes.list(states=("sending", "uncertain"), limit=1000)
        return [await desk.writes.reconcile(one.write_id) for one in left if _ours(one)]

    found = at_desk(work, tenant, user, home, config, as_json=as_json)
    if as_json:
        print_json([one.as_dict() for one in found])
    elif not found:
        say("Nothing is unknown.")
    for one in () if as_json else found:
        say(f"{one.write_id}: {one.state}")
    if any(one.state == "uncertain" for one in found):
        raise typer.Exit(1)


@writes_app.command("resolve")
def resolve(
    write_id: WriteId,
    written: Annotated[bool, typer.Option("--written/--not-written", help="What the vendor's system shows.")],
    tenant: Tenant = None,
    user: User = None,
    home: Home = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Say what you have seen at the vendor of a write that is uncertain; one that is not there may be sent again."""
    found = at_desk(
        lambda desk: desk.writes.resolve(write_id, written=written),
        *(tenant, user, home, config),
        as_json=as_json,
    )
    print_value(found.as_dict(), f"{write_id} is {found.state}.", as_json=as_json)


def _ours(one: Write) -> bool:
    """Of a connection; an agent's run reconciles what it sent itself."""
    return bool(one.connection) and not one.at_work


def _pair(text: str) -> tuple[str, Any]:
    name, separator, value = text.partition("=")
    if not separator or not name:
        raise typer.BadParameter(f"'{text}' is not NAME=VALUE.")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def _show(found: Write, *, as_json: bool) -> None:
    if as_json:
        print_json(found.as_dict())
        return
    say(f"{found.write_id}: {found.act} {found.target_key or found.target} on {found.vendor}: {found.state}")
    for change in found.changes:
        before, after = one_line(str(change["before"])), one_line(str(change["after"]))
        say(f"  {change['field']}: {before} → {after}")
    if found.url:
        say(f"  {found.url}")
    if found.differing:
        say(f"  The vendor holds otherwise: {', '.join(found.differing)}")
    if found.problem:
        say(f"  The last attempt: {found.problem}")
