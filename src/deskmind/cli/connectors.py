"""``deskmind connect``: whether a system can be reached and what is missing, and what of a recording has a place."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast
from urllib.parse import urlsplit

import typer

from deskmind.cli.connections import add_connection_commands
from deskmind.cli.options import AsJson, Config, Home, Tenant
from deskmind.cli.output import print_json, print_table, say
from deskmind.cli.session import CommandLine, operator_of

if TYPE_CHECKING:
    from deskmind.app import Deskmind
    from deskmind.connectors import Health, Right
    from deskmind.settings import Settings

__all__ = ["connect_app", "credentials_of", "vendor_of"]

connect_app = typer.Typer(no_args_is_help=True, help="Connect ServiceNow, Jira and Freshservice.")
add_connection_commands(connect_app)
_HOSTS = {
    "service-now.com": "servicenow",
    "atlassian.net": "jira",
    "atlassian.com": "jira",
    "freshservice.com": "freshservice",
}


@connect_app.command("test")
def check_connection(
    name: Annotated[str | None, typer.Argument(help="A connection; else give --url.")] = None,
    url: Annotated[str, typer.Option("--url", help="Address of an instance that is not connected.")] = "",
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
    tenant: Tenant = None,
    as_json: AsJson = False,
    home: Home = None,
    config: Config = None,
) -> None:
    """Reach an instance and name each right the credentials need, and which are missing. With --url no database is used."""
    line = CommandLine(home, config, as_json=as_json)

    def conclude(health: Health, rights: list[Right]) -> None:
        _show(health, rights, as_json=as_json)
        if not health.ok or any(one.granted is False for one in rights):
            raise typer.Exit(1)

    async def connected(app: Deskmind) -> None:
        conclude(*await (await operator_of(app, tenant)).connections.test(name or ""))

    def act() -> None:
        credentials = credentials_of(credentials_file, line.settings(anywhere=True))
        conclude(*asyncio.run(_tested(vendor or vendor_of(url), url, credentials)))

    if name is not None:
        line.run(connected)
    else:
        line.guard(act)


@connect_app.command("report")
def report(
    recording: Annotated[
        Path, typer.Argument(help="A HAR file of the vendor's interface.", exists=True, dir_okay=False)
    ],
    as_json: AsJson = False,
    home: Home = None,
    config: Config = None,
) -> None:
    """Read recorded HTTP into the model; name the fields that have no place in it and the answers that hold no record."""
    line = CommandLine(home, config, as_json=as_json)

    def act() -> None:
        from deskmind.connectors.recordings import read_recording

        found = read_recording(recording)
        made = found.report()
        passed = [asdict(one) for one in found.passed]
        if as_json:
            counts = {
                "records": dict(made.records),
                "undecoded": dict(made.undecoded),
                "unread": {kind: count for kind, count in made.unread.items() if count},
            }
            print_json({**counts, "unmapped": made.rows(), "other_answers": passed})
            return
        say(", ".join(f"{count} {kind}" for kind, count in sorted(made.records.items())) or "no records")
        rows = [(row["kind"], row["field"], row["records"], row["of"]) for row in made.rows()]
        print_table(("kind", "unmapped field", "records", "of"), rows, empty="Every field has a place.")
        others = [(one["method"], one["path"], one["status"], one["why"]) for one in passed]
        print_table(("method", "path", "status", "why no record"), others, empty="Every answer held records.")

    line.guard(act)


async def _tested(vendor: str, url: str, credentials: Mapping[str, str]) -> tuple[Health, list[Right]]:
    from deskmind.connectors.opening import open_connector

    async with open_connector(vendor, url, credentials) as source:
        health: Health = await source.health()
        return health, list(await source.check()) if health.ok else []


def _show(health: Health, rights: list[Right], *, as_json: bool) -> None:
    if as_json:
        print_json({"health": asdict(health), "rights": [asdict(one) for one in rights]})
        return
    say(f"{health.detail} ({health.milliseconds:.0f} ms)")
    words = {True: "ok", False: "missing", None: "unknown"}
    rows = [(one.name, words[one.granted], one.needed_for, one.remedy) for one in rights]
    print_table(("right", "granted", "needed for", "remedy"), rows, empty="No right was asked about.")


def vendor_of(url: str) -> str:
    from deskmind.errors import InvalidRequestError

    host = urlsplit(url).hostname or ""
    for ending, vendor in _HOSTS.items():
        if host == ending or host.endswith(f".{ending}"):
            return vendor
    raise InvalidRequestError("The address does not tell the vendor.", remedy="Name it with --vendor.")


def credentials_of(file: Path | None, settings: Settings) -> Mapping[str, str]:
    from deskmind.errors import InvalidRequestError

    if file is None:
        return settings.connect.credentials()
    try:
        value: Any = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InvalidRequestError(
            "The credentials file cannot be read.",
            why="It is missing, or no JSON.",
            remedy="Give a JSON object.",
        ) from error
    if not isinstance(value, dict):
        raise InvalidRequestError(
            "The credentials file holds no JSON object.", remedy='Give {"username": …}.'
        )
    return {str(name): str(one) for name, one in cast("dict[Any, Any]", value).items()}
