"""The audit log: reading it, sealing it, proving it, carrying it away."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from deskmind.cli.models import moment
from deskmind.cli.options import AsJson, Config, Home, Tenant
from deskmind.cli.output import print_json, print_rows, print_value, say
from deskmind.cli.server import not_remote
from deskmind.cli.session import CommandLine, operator_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from deskmind.app import Deskmind
    from deskmind.governance.audit import AuditEvent, Checkpoint, Report, VerifyKey
    from deskmind.governance.audit.sealer import Sealed
    from deskmind.governance.audit.service import AuditLog
    from deskmind.governance.audit.witness import Witness
    from deskmind.governance.audit.witnessing import Kept

__all__ = ["audit_app"]

audit_app = typer.Typer(help="Who did what, and the proof of it.", no_args_is_help=True)

Installation = Annotated[
    bool, typer.Option("--installation", help="The log of the installation instead of a tenant's.")
]
Limit = Annotated[int, typer.Option("--limit", "-n", min=1, max=10_000)]


@audit_app.command("tail")
def tail(
    limit: Limit = 20,
    installation: Installation = False,
    tenant: Tenant = None,
    home: Home = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """List the newest events, newest first."""
    line = CommandLine(home, config, as_json=as_json)

    async def work(app: Deskmind) -> list[AuditEvent]:
        return await (await _log_of(app, tenant, installation)).search(limit=limit)

    _show(line.run(work), as_json=as_json)


@audit_app.command("search")
def search(
    action: Annotated[str | None, typer.Option("--action", help="What the action begins with.")] = None,
    principal: Annotated[str | None, typer.Option("--by", help="Who acted.")] = None,
    resource: Annotated[str | None, typer.Option("--resource", help="What was acted on.")] = None,
    outcome: Annotated[str | None, typer.Option("--outcome", help="allowed, denied, done or failed.")] = None,
    request_id: Annotated[str | None, typer.Option("--request", help="Of which request.")] = None,
    since: Annotated[
        str | None, typer.Option("--since", help="A date (2026-01-31), a time, or 7d, 24h, 30m.")
    ] = None,
    until: Annotated[str | None, typer.Option("--until", help="As --since; now when left out.")] = None,
    limit: Limit = 100,
    installation: Installation = False,
    tenant: Tenant = None,
    home: Home = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """List the events that fit, newest first."""
    line = CommandLine(home, config, as_json=as_json)

    async def work(app: Deskmind) -> list[AuditEvent]:
        from deskmind.governance.audit.service import AuditFilter

        only = AuditFilter(action, principal, resource, outcome, request_id, moment(since), moment(until))
        return await (await _log_of(app, tenant, installation)).search(only, limit=limit)

    _show(line.run(work), as_json=as_json)


@audit_app.command("seal")
def seal(home: Home = None, config: Config = None, as_json: AsJson = False) -> None:
    """Seal what is committed by now, of all tenants; services and workers do it every audit.seal_seconds."""
    line = CommandLine(home, config, as_json=as_json)

    async def work(app: Deskmind) -> Sealed:
        return await app.sealing.seal()

    sealed = line.run(work)
    refused = [str(log) for log in sealed.refused]
    text = f"{sealed.events} events sealed in {sealed.logs} logs."
    print_value(
        {"events": sealed.events, "logs": sealed.logs, "refused": refused},
        "\n".join([text, *(f"Not continued, it is not what was signed: {log}" for log in refused)]),
        as_json=as_json,
    )
    if refused:
        raise typer.Exit(1)


@audit_app.command("keys")
def keys(home: Home = None, config: Config = None, as_json: AsJson = False) -> None:
    """Show the public keys that checkpoints are signed with, for keeping outside of the database."""
    line = CommandLine(home, config, as_json=as_json)

    async def work(app: Deskmind) -> tuple[VerifyKey, ...]:
        return await app.sealing.public_keys()

    words = [str(key) for key in line.run(work)]
    print_value(words, "\n".join(words), as_json=as_json)


@audit_app.command("rotate-key")
def rotate_key(home: Home = None, config: Config = None) -> None:
    """Sign with a new key from now on, and show its public half."""

    async def work(app: Deskmind) -> VerifyKey:
        return await app.sealing.rotate_key()

    say(str(CommandLine(home, config).run(work)))


@audit_app.command("checkpoint")
def checkpoint(
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write it to this file.", dir_okay=False)
    ] = None,
    installation: Installation = False,
    tenant: Tenant = None,
    home: Home = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Show the newest checkpoint; keep it where nobody who can write the database can write."""
    line = CommandLine(home, config, as_json=as_json)

    async def work(app: Deskmind) -> Checkpoint:
        from deskmind.errors import NotFoundError

        found = await (await _log_of(app, tenant, installation)).checkpoint()
        if found is None:
            raise NotFoundError("Nothing was sealed yet.", remedy="Run `deskmind audit seal`.")
        return found

    found = line.run(work)
    if output is not None:
        output.write_text(found.note, "utf-8")
        return
    stated = {"origin": found.origin, "size": found.size, "root": found.root.hex(), "note": found.note}
    print_value(stated, found.note.removesuffix("\n"), as_json=as_json)


@audit_app.command("verify")
def verify(
    key: Annotated[
        list[str] | None, typer.Option("--key", help="A public key, or a file of them, from elsewhere.")
    ] = None,
    kept: Annotated[
        list[Path] | None,
        typer.Option("--checkpoint", help="A checkpoint that was kept elsewhere.", exists=True),
    ] = None,
    witnessed: Annotated[
        bool, typer.Option("--witness", help="Compare with what the configured witnesses have, too.")
    ] = False,
    installation: Installation = False,
    tenant: Tenant = None,
    home: Home = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Compare the log with its checkpoints; exits with 1 when something does not hold."""
    line = CommandLine(home, config, as_json=as_json)

    async def work(app: Deskmind) -> Report:
        if witnessed and line.afar():
            raise not_remote("`deskmind audit verify --witness`")
        trusted, checkpoints = _given(key or [], kept or [])
        log = await _log_of(app, tenant, installation)
        if not witnessed:
            return await log.verify(trusted, kept=checkpoints)
        return await log.verify(trusted, kept=checkpoints, witnesses=_witnesses(app))

    report = line.run(work)
    if as_json:
        print_json(report.as_dict())
    else:
        say(str(report))
        if not key:
            say("The keys are those that the database names: give --key to believe nothing it says.")
    if not report.holds:
        raise typer.Exit(1)


@audit_app.command("prove")
def prove(
    event_id: Annotated[UUID, typer.Argument(help="The event's id, from `deskmind audit search --json`.")],
    installation: Installation = False,
    tenant: Tenant = None,
    home: Home = None,
    config: Config = None,
) -> None:
    """Write the proof that one event is in the log, as JSON; the offline verifier reads it."""

    async def work(app: Deskmind) -> str:
        return str(await (await _log_of(app, tenant, installation)).prove(event_id))

    say(CommandLine(home, config).run(work))


@audit_app.command("witness")
def witness(home: Home = None, config: Config = None, as_json: AsJson = False) -> None:
    """Bring the newest checkpoints to the witnesses; services and workers do it every audit.witness_seconds."""
    line = CommandLine(home, config, as_json=as_json)

    async def work(app: Deskmind) -> Kept:
        _witnesses(app)
        return await app.sealing.witness()

    kept = line.run(work)
    print_value(
        {"kept": kept.checkpoints, "refused": kept.refused},
        f"{kept.checkpoints} checkpoints kept, {kept.refused} refused.",
        as_json=as_json,
    )
    if kept.refused:
        raise typer.Exit(1)


@audit_app.command("forget")
def forget(
    person: Annotated[str, typer.Argument(help="Name of the person, or the id of the user.")],
    yes: Annotated[bool, typer.Option("--yes", help="It cannot be undone; do it.")] = False,
    tenant: Tenant = None,
    home: Home = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Destroy the key of a person whom the log names: the log stays whole and says "erased subject"."""
    line = CommandLine(home, config, as_json=as_json)
    if not yes:
        typer.confirm("Who it was cannot be told from the log any more. Continue?", abort=True)

    async def work(app: Deskmind) -> bool:
        return await (await operator_of(app, tenant)).audit_log.forget(person)

    destroyed = line.run(work)
    print_value(
        {"destroyed": destroyed},
        "The key is destroyed." if destroyed else "The log names no such person.",
        as_json=as_json,
    )


@audit_app.command("rewrap")
def rewrap(tenant: Tenant = None, home: Home = None, config: Config = None, as_json: AsJson = False) -> None:
    """Wrap the keys of people under the newest key "audit-subjects" of the keyring, so that older ones can be retired."""
    line = CommandLine(home, config, as_json=as_json)

    async def work(app: Deskmind) -> int:
        return await (await operator_of(app, tenant)).audit_log.rewrap()

    count = line.run(work)
    print_value({"keys": count}, f"{count} keys are wrapped anew.", as_json=as_json)


@audit_app.command("export")
def export(
    file: Annotated[Path, typer.Argument(help="Where the bundle goes.", dir_okay=False)],
    readable: Annotated[
        bool,
        typer.Option(
            "--readable", help="People by name, one JSON object an event, instead of what can be checked."
        ),
    ] = False,
    installation: Installation = False,
    tenant: Tenant = None,
    home: Home = None,
    config: Config = None,
) -> None:
    """Write all sealed events with their checkpoints into a bundle that is checked without a database."""

    async def work(app: Deskmind) -> None:
        log = await _log_of(app, tenant, installation)
        with file.open("wb") as bundle:
            async for lines in _readable(log) if readable else log.export():
                bundle.write(lines)

    CommandLine(home, config).run(work)
    if not readable:
        say(f"Check it with: python -m deskmind.governance.audit.verify {file} --key PUBLIC-KEY")


async def _log_of(app: Deskmind, tenant: str | None, installation: bool) -> AuditLog:
    return app.audit_log if installation else (await operator_of(app, tenant)).audit_log


def _witnesses(app: Deskmind) -> Sequence[Witness]:
    """Those that are configured; an error when none is."""
    from deskmind.errors import ConfigurationError

    if not app.sealing.witnessing.witnesses:
        raise ConfigurationError(
            "No witness is configured.", remedy="Set audit.witness_url or audit.checkpoints."
        )
    return app.sealing.witnessing.witnesses


def _given(keys: Sequence[str], kept: Sequence[Path]) -> tuple[tuple[VerifyKey, ...], tuple[Checkpoint, ...]]:
    from deskmind.errors import InvalidRequestError
    from deskmind.governance.audit import Checkpoint
    from deskmind.governance.audit.verify import read_keys

    try:
        return read_keys(keys), tuple(Checkpoint.parse(path.read_text("utf-8")) for path in kept)
    except ValueError as error:
        raise InvalidRequestError("A key or a checkpoint cannot be read.", why=f"{error}.") from None


async def _readable(log: AuditLog) -> AsyncIterator[bytes]:
    async for event in log.events():
        row = {**_row(event), "at": event.occurred_at.isoformat()}
        yield json.dumps(row, ensure_ascii=False).encode() + b"\n"


def _row(event: AuditEvent) -> dict[str, Any]:
    return {
        "event_id": str(event.event_id),
        "at": event.occurred_at,
        "principal": event.principal,
        "address": event.address,
        "action": event.action,
        "resource": event.resource,
        "outcome": event.outcome,
        "decision": event.decision,
        "request_id": event.correlation_id,
        "details": event.details,
    }


def _show(events: list[AuditEvent], *, as_json: bool) -> None:
    rows = [_row(event) for event in events]
    if not as_json:
        rows = [{**row, "at": row["at"].isoformat(timespec="seconds")} for row in rows]
    columns = ("at", "principal", "action", "resource", "outcome", "request_id")
    print_rows(rows, columns, as_json=as_json, empty="Nothing was recorded.")
