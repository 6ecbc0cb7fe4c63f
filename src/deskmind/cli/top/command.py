"""What a person types."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from deskmind.cli.options import AsJson, Config, Home
from deskmind.cli.output import print_json
from deskmind.cli.server import address_of, check_named, insecure, server_of
from deskmind.cli.session import CommandLine

if TYPE_CHECKING:
    from deskmind.cli.top.glance import Reading
    from deskmind.settings import Settings

__all__ = ["top"]

Read = Callable[[], "Awaitable[Reading]"]
_STANDARD_INPUT = "-"
_FONTS = re.compile(r"@font-face \{.*?\}\s*", re.S)  # the picture fetches nothing from elsewhere


def top(
    once: Annotated[bool, typer.Option("--once", help="Look for one interval, print, end.")] = False,
    interval: Annotated[
        float, typer.Option("--interval", min=0.2, max=600, help="Seconds between two looks.")
    ] = 2.0,
    server: Annotated[
        str | None,
        typer.Option("--server", help="Address of a service elsewhere.", show_default=False),
    ] = None,
    key: Annotated[
        str | None,
        typer.Option(
            "--key", help="An operator's API key; - reads it from standard input.", show_default=False
        ),
    ] = None,
    picture: Annotated[
        Path | None,
        typer.Option("--svg", help="With --once: write what is shown as SVG.", show_default=False),
    ] = None,
    home: Home = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Watch requests, errors, models, cost, cache, queues, pools, breakers and budgets."""
    line = CommandLine(home, config, as_json=as_json)
    secret = sys.stdin.readline().strip() if key == _STANDARD_INPUT else key

    async def work() -> None:
        settings = line.settings(anywhere=True)
        if server is not None:
            check_named(server)
        named, token = server, secret
        if named is None and address_of(settings):
            named, owned = server_of(settings)
            token = secret or owned.get_secret_value().strip()
        if named is not None and token and not insecure(settings):
            from deskmind.cli.top.source import metrics_address
            from deskmind.client import check_confidential

            check_confidential(metrics_address(named))
        async with _source(settings, named, token) as (read, name):
            if once or as_json:
                await _once(read, name, interval, picture, as_json=as_json)
            else:
                await _watch(read, name, interval)

    line.guard(lambda: asyncio.run(work()))


@asynccontextmanager
async def _source(
    settings: Settings, server: str | None, key: str | None
) -> AsyncGenerator[tuple[Read, str]]:
    """What to read: the named service, else the one on this machine, else the home itself."""
    from deskmind.cli.top.source import from_home, from_server, metrics_address
    from deskmind.observability.metering.scraping import address_of

    address = metrics_address(server) if server else address_of(settings.telemetry)
    if server or (address and await _shows(address)):
        yield (lambda: asyncio.to_thread(from_server, address, key)), address
        return
    async with from_home(settings) as read:
        yield read, f"{settings.home} (no service shows its metrics)"


async def _shows(address: str) -> bool:
    from deskmind.cli.top.source import from_server
    from deskmind.errors import DeskmindError

    try:
        await asyncio.to_thread(from_server, address, None)
    except DeskmindError:
        return False
    return True


async def _once(read: Read, name: str, interval: float, picture: Path | None, *, as_json: bool) -> None:
    from rich.console import Console

    from deskmind.cli.top.glance import between
    from deskmind.cli.top.screen import drawn

    before = await read()
    await asyncio.sleep(interval)
    glance = between(before, await read())
    if as_json:
        print_json({"source": name, **glance.as_dict()})
        return
    console = Console(record=picture is not None, width=None if sys.stdout.isatty() else 110)
    console.print(drawn(glance, name))
    if picture is not None:
        drawing = _FONTS.sub("", console.export_svg(title="deskmind top"))
        await asyncio.to_thread(picture.write_text, drawing, "utf-8")


async def _watch(read: Read, name: str, interval: float) -> None:
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    from deskmind.cli.top.glance import between
    from deskmind.cli.top.screen import drawn
    from deskmind.errors import UnavailableError

    before = await read()
    console = Console()
    with Live(console=console, screen=console.is_terminal, auto_refresh=False) as live:
        while True:
            await asyncio.sleep(interval)
            try:
                after = await read()
            except UnavailableError as error:  # it may be starting again
                live.update(Text(f"{error.what} {error.why}", "bold red"), refresh=True)
                continue
            live.update(drawn(between(before, after), name), refresh=True)
            before = after
