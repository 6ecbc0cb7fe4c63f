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
    from deskmind.app import Deskmind
    from deskmind.database import Provisioner

__all__ = ["keyring_app"]

keyring_app = typer.Typer(help="The keys this installation signs and verifies with.", no_args_is_help=True)

_ROTATABLE = ("scope-token", "api-key", "pseudonym", "audit-subjects")
_KEPT = {
    "content-encryption": "Secrets of webhooks, credentials of connections, stored answers and erasures under way are sealed"
    " under it, and would be unreadable without it."
}
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
    """Forget an older key: what it signed is no longer accepted. Refused where it would make stored names unreadable."""
    line = CommandLine(home, config)
    if purpose == "audit-subjects":
        line.run(lambda app: _refuse_while_wrapping(app, version))

    async def work(provisioner: Provisioner) -> None:
        _check(purpose)
        await asyncio.to_thread(provisioner.keyring.retire, purpose, version)
        if purpose == "scope-token":
            await provisioner.publish_scope_keys()
        say(f"Version {version} of the key {purpose} is gone.")

    with_provisioner(line, work)


async def _refuse_while_wrapping(app: Deskmind, version: int) -> None:
    """Refuse to forget what keys of people are wrapped under: their names in the audit log would be gone with it."""
    from deskmind.cli.session import operator_of
    from deskmind.errors import ConflictError

    if version >= app.keyring.current("audit-subjects").version:
        return
    tenants = [tenant.slug for tenant in await app.tenants.all()]
    counts = {slug: await (await operator_of(app, slug)).audit_log.wrapped_under(version) for slug in tenants}
    concerned = [slug for slug, count in counts.items() if count]
    if concerned:
        raise ConflictError(
            f"Version {version} of the key audit-subjects is still in use.",
            why=f"{sum(counts.values())} keys of people in {len(concerned)} tenants are wrapped under it, and the audit"
            " log's names would be unreadable without it.",
            remedy=f"Wrap them under the newest: {', '.join(f'`deskmind audit rewrap --tenant {slug}`' for slug in concerned)}.",
        )


def _check(purpose: str) -> None:
    from deskmind.errors import InvalidRequestError

    if purpose not in _ROTATABLE:
        raise InvalidRequestError(
            f"The key '{purpose}' is neither rotated nor retired by this command.",
            why=_KEPT.get(purpose, ""),
            remedy=f"Name one of: {', '.join(_ROTATABLE)}.",
        )
