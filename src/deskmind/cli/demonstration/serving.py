"""The last step: the API is served, with a user's key."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from deskmind.cli.demonstration.stage import Stage

__all__ = ["check_port", "serve"]


async def serve(stage: Stage, host: str, port: int) -> None:
    """Serve until Ctrl-C."""
    import uvicorn

    from deskmind.api import create_app

    desk, console = stage.desk, stage.console
    for old in await desk.keys.all():
        if old.name == "demo" and old.revoked_at is None:
            await desk.keys.revoke(old.key_id)
    user = stage.company.askers[1]
    key = await desk.keys.create(user, name="demo")
    console.print()
    console.rule(f"Serving http://{host}:{port} (Ctrl-C ends)", align="left")
    console.print(f"{user}'s API key: {key.secret}", soft_wrap=True)
    console.print(
        f"curl -s http://{host}:{port}/v1/ask -H 'Authorization: Bearer {key.secret}'"
        f" -H 'Content-Type: application/json' -d '{{\"question\": \"{stage.company.question}\"}}'",
        soft_wrap=True,
        markup=False,
    )
    server = uvicorn.Server(
        uvicorn.Config(create_app(app=stage.app), host=host, port=port, log_config=None, access_log=False)
    )
    await server.serve()


def check_port(host: str, port: int) -> None:
    """Whether the port can be listened on: told before a minute of work, not after.

    Raises:
        ConfigurationError: it cannot.
    """
    from deskmind.errors import ConfigurationError

    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise ConfigurationError(
                f"{host}:{port} cannot be listened on.",
                why=f"{error.strerror}.",
                remedy="Choose another with --port.",
            ) from error
