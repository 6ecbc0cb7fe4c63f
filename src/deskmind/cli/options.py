"""Options that commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["AsJson", "Config", "Home", "Tenant", "User"]

Home = Annotated[
    Path | None,
    typer.Option("--home", help="Data folder [env: DESKMIND_HOME].", show_default=False, file_okay=False),
]
Config = Annotated[
    Path | None, typer.Option("--config", help="TOML file [env: DESKMIND_CONFIG].", show_default=False)
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Tenant = Annotated[
    str | None,
    typer.Option(
        "--tenant", "-t", help="The tenant's name [env: DESKMIND_DEFAULTS_TENANT].", show_default=False
    ),
]
User = Annotated[
    str | None,
    typer.Option("--user", "-u", help="Act as this user [env: DESKMIND_DEFAULTS_USER].", show_default=False),
]
