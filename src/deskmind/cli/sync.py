"""``deskmind sync``: reading connected systems, and how far that is."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from deskmind.cli.options import AsJson, Config, Home, Tenant
from deskmind.cli.output import print_json, print_table, print_value, say
from deskmind.cli.session import CommandLine, operator_of

if TYPE_CHECKING:
    from deskmind.app import Deskmind
    from deskmind.desk import Desk
    from deskmind.sync import SyncStatus

__all__ = ["sync_app"]

sync_app = typer.Typer(no_args_is_help=True, help="Read connected systems; see how far that is.")

Some = Annotated[str | None, typer.Argument(help="Name of the connection; all if not given.")]


@sync_app.command("run")
def run(
    name: Some = None,
    full: Annotated[bool, typer.Option("--full", help="Read everything anew.")] = False,
    sweep: Annotated[bool, typer.Option("--sweep", help="Look for what is gone at the vendor too.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Read and compare; store nothing.")] = False,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Wait until it can be searched.")] = True,
    tenant: Tenant = None,
    as_json: AsJson = False,
    home: Home = None,
    config: Config = None,
) -> None:
    """Read what has changed, or everything the first time."""
    line = CommandLine(home, config, as_json=as_json)

    async def work(app: Deskmind) -> None:
        desk = await operator_of(app, tenant)
        names = [name] if name is not None else [one.name for one in await desk.connections.all()]
        if dry_run:
            await _preview(desk, names, full=full, as_json=as_json)
            return
        found = [
            await desk.sync.run(
                one, full=full, sweep=sweep, wait=wait, on_progress=None if as_json else _progress(one)
            )
            for one in names
        ]
        _show(found, as_json=as_json)
        if wait and any(one.error for one in found):
            raise typer.Exit(1)

    line.run(work)


@sync_app.command("status")
def status(
    name: Some = None,
    tenant: Tenant = None,
    as_json: AsJson = False,
    home: Home = None,
    config: Config = None,
) -> None:
    """How far each connection is read, what is missing and why."""
    line = CommandLine(home, config, as_json=as_json)

    async def work(app: Deskmind) -> None:
        _show(await (await operator_of(app, tenant)).sync.status(name), as_json=as_json)

    line.run(work)


@sync_app.command("reset")
def reset(
    name: Annotated[str, typer.Argument(help="Name of the connection.")],
    tenant: Tenant = None,
    as_json: AsJson = False,
    home: Home = None,
    config: Config = None,
) -> None:
    """Forget where reading stands: the next run reads everything. What was read stays until then."""
    line = CommandLine(home, config, as_json=as_json)

    async def work(app: Deskmind) -> None:
        await (await operator_of(app, tenant)).sync.reset(name)
        print_value({"reset": name}, f"The next run of {name} reads everything.", as_json=as_json)

    line.run(work)


async def _preview(desk: Desk, names: list[str], *, full: bool, as_json: bool) -> None:
    found = {one: await desk.sync.preview(one, full=full) for one in names}
    if as_json:
        print_json({one: preview.as_dict() for one, preview in found.items()})
        return
    rows = [
        (one, kind, counted.added, counted.changed, counted.unchanged, counted.gone, counted.failed)
        for one, preview in found.items()
        for kind, counted in preview.kinds.items()
    ]
    heads = ("connection", "kind", "new", "changed", "unchanged", "gone", "unreadable")
    print_table(heads, rows, empty="Nothing is connected.")


def _progress(name: str):
    """Says on a terminal how far a run is, on one line."""

    def tell(found: SyncStatus) -> None:
        if sys.stderr.isatty():
            records = sum(kind.records for kind in found.kinds)
            sys.stderr.write(f"\r{name}: {records} records, {found.waiting} documents wait \x1b[K")
            if found.complete:
                sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()

    return tell


def _show(found: list[SyncStatus], *, as_json: bool) -> None:
    if as_json:
        print_json([one.as_dict() for one in found])
        return
    if not found:
        say("Nothing is connected.")
    for one in found:
        state = "complete" if one.complete else "not complete"
        lag = "never read whole" if one.lag_seconds is None else f"{one.lag_seconds:.0f} s behind at most"
        say(f"{one.connection.name} ({one.connection.vendor}): {state}, {lag}")
        if one.error:
            say(f"  last run: {one.error}")
        if one.waiting or one.unreadable:
            say(f"  {one.waiting} documents wait to be searchable, {one.unreadable} cannot be taken in")
        if one.outdated:
            say(
                f"  {one.outdated} records are to be read again: what they call by name was renamed or is gone"
            )
        rows = [
            (
                kind.kind,
                kind.records,
                kind.problems,
                len(kind.unmapped),
                "" if kind.lag_seconds is None else f"{kind.lag_seconds:.0f} s",
                "; ".join(filter(None, (kind.error, *kind.notes, "under way" if kind.running else ""))),
            )
            for kind in one.kinds
        ]
        print_table(
            ("kind", "records", "unreadable", "unmapped fields", "lag", "remarks"),
            rows,
            empty="Nothing was read yet.",
        )
        for problem in one.problems:
            say(f"  {problem.kind} {problem.id}: {problem.why}")
