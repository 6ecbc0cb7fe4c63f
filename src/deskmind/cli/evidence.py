"""Evidence bundles, and the record of a release."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from deskmind.cli.models import moment
from deskmind.cli.options import AsJson, Config, Home, Tenant
from deskmind.cli.output import print_json, print_value, say, write_file
from deskmind.cli.session import CommandLine, operator_of

if TYPE_CHECKING:
    from deskmind.app import Deskmind
    from deskmind.governance.audit import VerifyKey
    from deskmind.governance.evidence.service import Made
    from deskmind.governance.evidence.verify import Report

__all__ = ["evidence_app"]

evidence_app = typer.Typer(help="Signed bundles of evidence for examiners.", no_args_is_help=True)

_WRONG = 1


class About(StrEnum):
    """What a bundle is about."""

    SOC2 = "soc2"
    ARTICLE30 = "article30"


@evidence_app.command("make")
def make(
    about: Annotated[About, typer.Argument(help="soc2 (CC6, CC7, CC8) or article30 (GDPR).")],
    since: Annotated[str, typer.Option("--since", help="A date (2026-01-31), a time, or 90d, 24h.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The ZIP file to write.", dir_okay=False)],
    until: Annotated[str | None, typer.Option("--until", help="As --since; now when left out.")] = None,
    dated: Annotated[
        str | None, typer.Option("--dated", help="The bundle's date, to make one again; now when left out.")
    ] = None,
    tenant: Tenant = None,
    home: Home = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Gather the evidence of a period, signed and dated. It says what was found, never that anybody complies."""
    line = CommandLine(home, config, as_json=as_json)

    async def work(app: Deskmind) -> Made:
        from datetime import UTC, datetime

        begin = moment(since)
        assert begin is not None
        desk = await operator_of(app, tenant)
        if line.afar():  # by the service's clock, and without the installation's parts
            return await desk.evidence.make(about.value, begin, moment(until), dated=moment(dated))
        on = moment(dated) or datetime.now(UTC)
        end = moment(until) or on
        if about is About.ARTICLE30:
            return await desk.evidence.make("article30", begin, end, dated=on)
        return await desk.evidence.make(
            "soc2",
            begin,
            end,
            dated=on,
            installation=await app.evidence.parts(begin, end, tenant=desk.scope.tenant),
            audit_keys=await app.sealing.public_keys(),
        )

    made = line.run(work)
    line.guard(lambda: write_file(output, made.content))
    facts: dict[str, Any] = {
        "file": str(output),
        "about": made.bundle.about,
        "since": made.bundle.since.isoformat(),
        "until": made.bundle.until.isoformat(),
        "dated": made.bundle.dated.isoformat(),
        "parts": [part.file for part in made.parts],
        "not_assessed": list(made.bundle.not_assessed),
        "key": str(made.key),
    }
    lines = [f"{len(made.parts)} parts in {output}, signed with {made.key}."]
    lines += [f"Not in it: {what}" for what in made.bundle.not_assessed]
    print_value(facts, "\n".join(lines), as_json=as_json)


@evidence_app.command("verify")
def verify(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False)],
    key: Annotated[
        list[str] | None,
        typer.Option(
            "--key",
            help="A public key, or a file of them; when left out this home's keyring, or the server's.",
        ),
    ] = None,
    home: Home = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Check a bundle; no database is needed. Exit code 1 when it does not hold."""
    line = CommandLine(home, config, as_json=as_json)

    def check() -> Report:
        from deskmind.errors import InvalidRequestError
        from deskmind.governance.audit.verify import read_keys
        from deskmind.governance.evidence.verify import verify_bundle

        try:
            trusted = read_keys(key) if key else _known_keys(line)
            return verify_bundle(file.read_bytes(), trusted)
        except (OSError, ValueError) as error:
            raise InvalidRequestError(f"{file} cannot be checked.", why=f"{error}.") from error

    report = line.guard(check)
    print_value(report.as_dict(), str(report), as_json=as_json)
    if not report.holds:
        raise typer.Exit(_WRONG)


@evidence_app.command("keys")
def keys(tenant: Tenant = None, home: Home = None, config: Config = None, as_json: AsJson = False) -> None:
    """Show the public keys that bundles are signed with, for who checks them elsewhere."""
    line = CommandLine(home, config, as_json=as_json)

    words = [str(found) for found in line.run(lambda app: _public_keys(app, tenant))]
    if as_json:
        print_json(words)
    else:
        say("\n".join(words))


async def _public_keys(app: Deskmind, tenant: str | None) -> list[VerifyKey]:
    return await (await operator_of(app, tenant)).evidence.public_keys()


def _known_keys(line: CommandLine) -> tuple[VerifyKey, ...]:
    if line.afar():
        return tuple(line.run(lambda app: _public_keys(app, None)))
    from deskmind.governance.evidence.service import evidence_keys
    from deskmind.keyring import Keyring

    return tuple(evidence_keys(Keyring.open(line.settings().home / "keyring.json", create=False)))
