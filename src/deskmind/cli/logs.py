"""The log level of running services."""

from __future__ import annotations

import re
import time
from typing import Annotated

import typer

from deskmind.cli.options import AsJson, Config, Home
from deskmind.cli.output import print_json, say
from deskmind.cli.session import CommandLine

__all__ = ["log_app"]

log_app = typer.Typer(help="Logs of the running services.", no_args_is_help=True)
_UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


@log_app.command("level")
def level(
    level: Annotated[
        str | None, typer.Argument(help="debug, info, warning or error; shows the level when left out.")
    ] = None,
    for_: Annotated[
        str | None, typer.Option("--for", help="How long, such as 10m; until --reset when left out.")
    ] = None,
    reset: Annotated[bool, typer.Option("--reset", help="Go back to the configured level.")] = False,
    home: Home = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Show or change the log level of the services of this home that run on this machine, without a restart."""
    line = CommandLine(home, config, as_json=as_json)

    def act() -> tuple[str, float | None]:
        from deskmind.observability.levels import LevelFile, WantedLevel

        settings = line.settings()
        file = LevelFile(settings.home)
        if reset:
            file.clear()
        elif level is not None:
            until = time.time() + _seconds(for_) if for_ is not None else None
            file.write(WantedLevel(level, until))
        wanted = file.read()
        return (wanted.level, wanted.until) if wanted is not None else (settings.log.level, None)

    name, until = line.guard(act)
    left = None if until is None else max(round(until - time.time()), 0)
    if as_json:
        print_json({"level": name, "seconds_left": left})
    else:
        say(name if left is None else f"{name} for {left} s")


def _seconds(given: str) -> int:
    from deskmind.errors import InvalidRequestError

    found = re.fullmatch(r"([1-9]\d{0,5})([smhd])", given)
    if found is None:
        raise InvalidRequestError(
            f"'{given}' is not a duration.", remedy="Write a number and s, m, h or d, such as 10m."
        )
    return int(found[1]) * _UNITS[found[2]]
