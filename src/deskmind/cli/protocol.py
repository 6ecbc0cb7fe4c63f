"""The Model Context Protocol on standard input and output."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from deskmind.cli.options import Config, Home, Tenant, User
from deskmind.cli.session import CommandLine, desk_of

if TYPE_CHECKING:
    from deskmind.app import Deskmind
    from deskmind.desk import Desk

__all__ = ["mcp"]


def mcp(
    tenant: Tenant = None,
    user: User = None,
    allow_writes: Annotated[
        bool, typer.Option("--allow-writes", help="Offer the tools that change something.")
    ] = False,
    home: Home = None,
    config: Config = None,
) -> None:
    """Speak the Model Context Protocol on standard input and output, as a user, until the input ends."""
    line = CommandLine(home, config, service=True)

    async def work(app: Deskmind) -> None:
        from deskmind.errors import MissingExtraError

        try:
            from deskmind.api.mcp.offer import offer_of
            from deskmind.api.mcp.stdio import serve_stdio
        except ModuleNotFoundError as error:
            raise MissingExtraError("MCP", "mcp" if error.name == "mcp" else "api") from None

        async def desk() -> Desk:
            return await desk_of(app, tenant, user)

        await desk()  # whoever is nobody is told before a client waits
        await app.engine()
        await serve_stdio(desk, offer_of(app.settings.mcp, allow_writes=allow_writes))

    line.run(work)
