"""Servers that speak the ITSM vendors' wire formats."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from deskmind.sandbox.web import SandboxServer

__all__ = ["sandbox_app"]

sandbox_app = typer.Typer(
    help="Serve the wire format of an ITSM vendor, filled with the demo company, until Ctrl-C or SIGTERM.",
    no_args_is_help=True,
)

Port = Annotated[int, typer.Option("--port", min=0, max=65535, help="Port to listen on; 0 takes a free one.")]
Host = Annotated[str, typer.Option("--host", help="Address to listen on.")]
Seed = Annotated[int, typer.Option("--seed", help="Another seed fills it with other people and tickets.")]
HowLarge = Annotated[
    str, typer.Option("--size", help="small (480 tickets), medium (5,000) or large (50,000).")
]
Tls = Annotated[bool, typer.Option("--tls", help="Serve HTTPS with a certificate made for this run.")]
Authority = Annotated[
    Path | None,
    typer.Option("--ca-file", help="Where --tls writes the certificate to trust.", dir_okay=False),
]


@sandbox_app.command()
def servicenow(
    port: Port = 0,
    host: Host = "127.0.0.1",
    seed: Seed = 0,
    size: HowLarge = "small",
    tls: Tls = False,
    ca_file: Authority = None,
) -> None:
    """Serve ServiceNow's APIs: the first line tells address, user name and password as JSON."""
    from deskmind.sandbox.servicenow import ServiceNowSandbox

    _serve(ServiceNowSandbox, port, host, seed, size, tls, ca_file)


@sandbox_app.command()
def jira(
    port: Port = 0,
    host: Host = "127.0.0.1",
    seed: Seed = 0,
    size: HowLarge = "small",
    tls: Tls = False,
    ca_file: Authority = None,
) -> None:
    """Serve Jira, Jira Service Management and Confluence: the first line tells address, e-mail and token as JSON."""
    from deskmind.sandbox.jira import JiraSandbox

    _serve(JiraSandbox, port, host, seed, size, tls, ca_file)


@sandbox_app.command()
def freshservice(
    port: Port = 0,
    host: Host = "127.0.0.1",
    seed: Seed = 0,
    size: HowLarge = "small",
    tls: Tls = False,
    ca_file: Authority = None,
) -> None:
    """Serve Freshservice's API: the first line tells address and API key as JSON."""
    from deskmind.sandbox.freshservice import FreshserviceSandbox

    _serve(FreshserviceSandbox, port, host, seed, size, tls, ca_file)


def _serve(
    kind: type[SandboxServer], port: int, host: str, seed: int, size: str, tls: bool, ca_file: Path | None
) -> None:
    from deskmind.sandbox.company import SIZES
    from deskmind.sandbox.web import serve

    if size not in SIZES:
        raise typer.BadParameter(f"{size} is not one of {', '.join(SIZES)}", param_hint="--size")
    sandbox = kind(seed=seed, size=size, tls=tls, host=host, port=port, ca_file=ca_file if tls else None)
    asyncio.run(serve(sandbox))
