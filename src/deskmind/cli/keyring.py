"""The keys of this installation: list, rotate, retire. Their secrets are never shown."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from deskmind.cli.operations import with_provisioner
from deskmind.cli.options import AsJson, Config, Home
from deskmind.cli.output import print_rows, say
from deskmind.cli.session import CommandLine

if TYPE_CHECKING:
    from deskmind.database import Provisioner

__all__ = ["keyring_app"]

keyring_app = typer.Typer(help="The keys this installation signs and verifies with.", no_args_is_help=True)

_ROTATABLE = ("scope-token", "api-key", "pseudonym", "audit-subjects")
_Purpose = Annotated[str, typer.Argument(help=f"What the key is for: {', '.join(_ROTATABLE)}.")]


@keyring_app.command("list")
def list_keys(home: Home = None, config: Config = None, as_json: AsJson = False) -> None:
    """Show each key's purpose, version and age."""

    async def work(provisioner: Provisioner) -> None:
        from deskmind.keyring import PURPOSES

        ring = provisioner.keyring
        keys = [
            ring.get(purpose, version) for purpose in sorted(PURPOSES) for version in ring.versions(purpose)
        ]
        rows = [
            {
                "purpose": key.purpose,
                "version": key.version,
                "created_at": key.created_at,
                "created": f"{key.created_at:%Y-%m-%d %H:%M}",
            }
            for key in keys
        ]
        empty = "No key has been made yet."
        print_rows(rows, ("purpose", "version", "created"), as_json=as_json, empty=empty)

    with_provisioner(CommandLine(home, config, as_json=as_json), work)


@keyring_app.command("rotate")
def rotate(purpose: _Purpose, home: Home = None, config: Config = None) -> None:
    """Make a new current key. What the older ones signed stays valid until they are retired; nothing is restarted."""

    async def work(provisioner: Provisioner) -> None:
        _check(purpose)
        if purpose == "scope-token":
            key = await provisioner.rotate_scope_key()
        else:
            key = await asyncio.to_thread(provisioner.keyring.rotate, purpose)
        say(f"The current key {purpose} is version {key.version}.")

    with_provisioner(CommandLine(home, config), work)


@keyring_app.command("retire")
def retire(
    purpose: _Purpose,
    version: Annotated[int, typer.Argument(help="The version to forget for good.")],
    home: Home = None,
    config: Config = None,
) -> None:
    """Forget an older key: what it signed is no longer accepted."""

    async def work(provisioner: Provisioner) -> None:
        _check(purpose)
        await asyncio.to_thread(provisioner.keyring.retire, purpose, version)
        if purpose == "scope-token":
            await provisioner.publish_scope_keys()
        say(f"Version {version} of the key {purpose} is gone.")

    with_provisioner(CommandLine(home, config), work)


def _check(purpose: str) -> None:
    from deskmind.errors import InvalidRequestError

    if purpose not in _ROTATABLE:
        raise InvalidRequestError(
            f"The key '{purpose}' is not rotated by this command.",
            remedy=f"Name one of: {', '.join(_ROTATABLE)}.",
        )
