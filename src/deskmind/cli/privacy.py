"""People as data subjects: what is kept of them, its export and erasure, legal holds, retention."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from deskmind.cli.options import AsJson, Config, Home, Tenant
from deskmind.cli.output import print_json, print_rows, print_table, print_value, say, write_file
from deskmind.cli.session import CommandLine, operator_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from deskmind.app import Deskmind
    from deskmind.governance.privacy import Counts, Receipt
    from deskmind.governance.privacy.erasures import Erasure
    from deskmind.governance.privacy.exporting import Export

__all__ = ["privacy_app"]

privacy_app = typer.Typer(
    help="What is kept of people: export, erasure, holds, retention.", no_args_is_help=True
)
hold_app = typer.Typer(help="Legal holds.", no_args_is_help=True)
privacy_app.add_typer(hold_app, name="hold")

Person = Annotated[
    str,
    typer.Option(
        "--subject", help="User name or id; without an account an e-mail address, full name or number."
    ),
]
Also = Annotated[
    list[str] | None,
    typer.Option("--also", help="A further identifier: address, number, vendor's id. Repeatable."),
]


class _Owned(StrEnum):
    REDACT = "redact"
    DELETE = "delete"


@privacy_app.command("map")
def data_map(
    tenant: Tenant = None, home: Home = None, config: Config = None, as_json: AsJson = False
) -> None:
    """Show every store: what personal data it holds, why, for how long, how it is exported and erased."""
    line = CommandLine(home, config, as_json=as_json)

    async def work(app: Deskmind) -> list[dict[str, Any]]:
        return [holding.as_dict() for holding in await (await operator_of(app, tenant)).privacy.map()]

    columns = ("store", "kind", "personal", "purpose", "kept", "exported", "erased")
    print_rows(line.run(work), columns, as_json=as_json, empty="")


@privacy_app.command("export")
def export(
    subject: Person,
    also: Also = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="A .json, .md or .html file.", dir_okay=False)
    ] = None,
    tenant: Tenant = None,
    home: Home = None,
    config: Config = None,
) -> None:
    """Write what is kept of a person: as JSON, or to read as Markdown or HTML by the file's name."""
    line = CommandLine(home, config)

    async def work(app: Deskmind) -> Export:
        return await (await operator_of(app, tenant)).privacy.export(subject, also=also or ())

    found = line.run(work)
    suffix = output.suffix.lower() if output is not None else ".json"
    text = {".md": found.as_markdown, ".html": found.as_html}.get(suffix, found.as_json)()
    if output is None:
        say(text)
        return
    line.guard(lambda: _write(output, text))
    say(f"Wrote {sum(map(len, found.stores.values()))} entries of {len(found.stores)} stores to {output}.")


@privacy_app.command("erase")
def erase(
    subject: Annotated[str | None, typer.Option("--subject", help="As for export.")] = None,
    also: Also = None,
    owned: Annotated[
        _Owned, typer.Option("--owned", help="Documents the person added: redact mentions, or delete them.")
    ] = _Owned.REDACT,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count what would go.")] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Finish erasures that were interrupted.")] = False,
    tenant: Tenant = None,
    home: Home = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Erase a person everywhere; prints what went and leaves a signed receipt that names nobody."""
    line = CommandLine(home, config, as_json=as_json)
    if subject is None and not resume:
        raise typer.BadParameter("Say who with --subject, or --resume.")

    async def plan(app: Deskmind) -> Mapping[str, Counts]:
        desk = await operator_of(app, tenant)
        return await desk.privacy.plan(subject or "", also=also or (), owned=owned.value)

    async def work(app: Deskmind) -> list[Erasure]:
        desk = await operator_of(app, tenant)
        if subject is None:
            return await desk.privacy.resume()
        return [await desk.privacy.erase(subject, also=also or (), owned=owned.value)]

    if dry_run:
        _counts(line.run(plan), as_json=as_json, heading="would go")
        return
    _erased(line.run(work), as_json=as_json)


@privacy_app.command("receipts")
def receipts(
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=10_000)] = 100,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="A folder for one file each.", file_okay=False)
    ] = None,
    tenant: Tenant = None,
    home: Home = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """List erasures, newest first; with --output write their receipts."""
    line = CommandLine(home, config, as_json=as_json)

    async def work(app: Deskmind) -> list[Erasure]:
        return await (await operator_of(app, tenant)).privacy.erasures(limit=limit)

    found = line.run(work)
    if output is not None:
        for erasure in found:
            if erasure.receipt:
                line.guard(
                    lambda erasure=erasure: _write(output / f"{erasure.erasure_id}.json", erasure.receipt)
                )
    print_rows(
        [erasure.as_dict() for erasure in found],
        ("erasure_id", "state", "requested_at", "completed_at", "replays"),
        as_json=as_json,
        empty="Nobody was erased.",
    )


@privacy_app.command("verify-receipt")
def verify_receipt(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False)],
    tenant: Tenant = None,
    home: Home = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Check that this installation signed a receipt, and show what it states."""
    line = CommandLine(home, config, as_json=as_json)

    async def work(app: Deskmind) -> Receipt:
        desk = await operator_of(app, tenant)
        return await desk.privacy.verify_receipt(file.read_text("utf-8", errors="replace"))

    receipt = line.run(work)
    statement = receipt.statement
    if as_json:
        print_json(statement)
    else:
        say(f"Holds: erasure {statement['erasure']} was completed at {statement['completed_at']}.")


@privacy_app.command("replay")
def replay(
    source: Annotated[
        Path | None, typer.Option("--from", help="A list of erasures; the home's when left out.", exists=True)
    ] = None,
    tenant: Tenant = None,
    home: Home = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """After a restore: erase again whom the list outside of the database says were erased."""
    line = CommandLine(home, config, as_json=as_json)

    async def work(app: Deskmind) -> list[Erasure]:
        from deskmind.governance.privacy.replaylist import ReplayList

        desk = await operator_of(app, tenant)
        return await desk.privacy.replay(ReplayList(source) if source is not None else None)

    _erased(line.run(work), as_json=as_json, nothing="Nobody has come back.")


@privacy_app.command("readmit")
def readmit(
    subject: Person,
    also: Also = None,
    tenant: Tenant = None,
    home: Home = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Let a person who was erased be added and taken in again."""
    line = CommandLine(home, config, as_json=as_json)

    async def work(app: Deskmind) -> int:
        return await (await operator_of(app, tenant)).privacy.readmit(subject, also=also or ())

    marks = line.run(work)
    print_value({"marks": marks}, f"Forgot {marks} marks.", as_json=as_json)


@privacy_app.command("retain")
def retain(tenant: Tenant = None, home: Home = None, config: Config = None, as_json: AsJson = False) -> None:
    """Remove what is older than the retention policies say, now; workers do it each hour."""
    line = CommandLine(home, config, as_json=as_json)

    async def work(app: Deskmind) -> list[dict[str, Any]]:
        return [ran.as_dict() for ran in await (await operator_of(app, tenant)).privacy.retain()]

    print_rows(line.run(work), ("store", "days", "removed"), as_json=as_json, empty="")


@hold_app.command("add")
def add_hold(
    reason: Annotated[str, typer.Option("--reason", help="A reference to the case; name nobody.")],
    subject: Annotated[str | None, typer.Option("--subject", help="As for export.")] = None,
    everyone: Annotated[bool, typer.Option("--everyone", help="On all of the tenant.")] = False,
    also: Also = None,
    tenant: Tenant = None,
    home: Home = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Forbid the removal of what is kept of a person, or of everyone."""
    if (subject is None) != everyone:
        raise typer.BadParameter("Say on whom with --subject, or --everyone.")
    line = CommandLine(home, config, as_json=as_json)

    async def work(app: Deskmind) -> dict[str, Any]:
        desk = await operator_of(app, tenant)
        return (await desk.privacy.hold(subject, reason, also=also or ())).as_dict()

    hold = line.run(work)
    print_value(hold, f"Placed hold {hold['hold_id']}.", as_json=as_json)


@hold_app.command("list")
def list_holds(
    released: Annotated[bool, typer.Option("--released", help="Those that were released too.")] = False,
    tenant: Tenant = None,
    home: Home = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """List the holds that stand, oldest first."""
    line = CommandLine(home, config, as_json=as_json)

    async def work(app: Deskmind) -> list[dict[str, Any]]:
        desk = await operator_of(app, tenant)
        return [hold.as_dict() for hold in await desk.privacy.holds(released=released)]

    columns = ("hold_id", "everyone", "reason", "placed_at", "released_at")
    print_rows(line.run(work), columns, as_json=as_json, empty="No hold stands.")


@hold_app.command("release")
def release(
    hold_id: Annotated[UUID, typer.Argument()],
    tenant: Tenant = None,
    home: Home = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Release a hold."""
    line = CommandLine(home, config, as_json=as_json)

    async def work(app: Deskmind) -> None:
        await (await operator_of(app, tenant)).privacy.release(hold_id)

    line.run(work)
    print_value({"released": str(hold_id)}, f"Released hold {hold_id}.", as_json=as_json)


def _erased(erasures: list[Erasure], *, as_json: bool, nothing: str = "Nothing was left to do.") -> None:
    if as_json:
        print_json([erasure.as_dict() for erasure in erasures])
        return
    for erasure in erasures:
        if erasure.state == "waiting":
            say(f"Erasure {erasure.erasure_id} waits until a legal hold is released.")
            continue
        _counts(erasure.counts, as_json=False, heading="went")
        say(f"Receipt {erasure.erasure_id}; `deskmind privacy receipts --output FOLDER` writes it.")
    if not erasures:
        say(nothing)


def _counts(stores: Mapping[str, Counts], *, as_json: bool, heading: str) -> None:
    if as_json:
        print_json({store: dict(counts) for store, counts in stores.items()})
        return
    rows = [
        (store, ", ".join(f"{count} {how}" for how, count in counts.items()) or "nothing")
        for store, counts in stores.items()
    ]
    print_table(("store", heading), rows, empty="Nothing.")


def _write(path: Path, text: str) -> None:
    write_file(path, f"{text}\n".encode())
