"""Serving HTTP, running jobs, printing the OpenAPI document."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer

from deskmind import __version__
from deskmind.cli.options import Config, Home
from deskmind.cli.output import say
from deskmind.cli.session import CommandLine

if TYPE_CHECKING:
    from deskmind.app import Deskmind
    from deskmind.settings import Settings

__all__ = ["openapi", "serve", "worker"]

MetricsPort = Annotated[
    int | None,
    typer.Option("--metrics-port", min=0, max=65535, help="Port of /metrics without a key; 0 for none."),
]


def serve(
    host: Annotated[str | None, typer.Option("--host", help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option("--port", min=0, max=65535)] = None,
    workers: Annotated[int | None, typer.Option("--workers", min=1, max=64, help="Processes.")] = None,
    metrics_port: MetricsPort = None,
    home: Home = None,
    config: Config = None,
) -> None:
    """Serve the HTTP API until Ctrl-C or SIGTERM."""
    line = CommandLine(home, config, service=True)

    def act() -> None:
        from deskmind.errors import MissingExtraError

        try:
            import uvicorn
        except ModuleNotFoundError:
            raise MissingExtraError("The HTTP service", "api") from None
        from deskmind.cli.supervising import serve_processes
        from deskmind.observability import configure_logging

        settings = line.settings()
        configure_logging(format=settings.log.format, level=settings.log.level, gather=True)
        processes = workers or settings.api.workers
        os.environ["DESKMIND_HOME"] = str(settings.home)
        os.environ["DESKMIND_API_WORKERS"] = str(processes)
        if config is not None:
            os.environ["DESKMIND_CONFIG"] = str(config.absolute())
        # uvicorn drains, then raises the signal again for whoever was there before: an orderly end is a success
        signal.signal(signal.SIGTERM, _drained)
        with _opens(settings), _showing_metrics(settings, metrics_port):
            served = uvicorn.Config(
                "deskmind.api.application:create_process",
                factory=True,
                http="deskmind.api.protocol:GatheringProtocol",
                host=host or settings.api.host,
                port=settings.api.port if port is None else port,
                workers=processes,
                log_config=None,
                access_log=False,
                server_header=False,
                forwarded_allow_ips=list(settings.api.trusted_proxies),
                timeout_keep_alive=settings.api.keep_alive_seconds,
                timeout_graceful_shutdown=int(settings.jobs.shutdown_timeout),
            )
            serve_processes(served, settings.api.drain_seconds)

    line.guard(act)


@contextmanager
def _opens(settings: Settings) -> Generator[None]:
    """See that the application opens, so that what is wrong is said as by any command, not from inside the server."""

    async def once() -> None:
        from deskmind.app import Deskmind

        async with Deskmind.open(settings) as app:
            await app.gateway()

    with ExitStack() as resources:
        if settings.embedded:  # started once, for the check and the service
            from deskmind.database.embedded import EmbeddedServer

            patience = settings.database.startup_timeout
            resources.enter_context(EmbeddedServer.start(settings.home, startup_timeout=patience))
        asyncio.run(once())
        yield


def _drained(_number: int, _frame: FrameType | None) -> None:
    """Nothing is left to do."""


@contextmanager
def _showing_metrics(settings: Settings, port: int | None) -> Generator[None]:
    """Make the processes of this service one group, and serve its metrics from here."""
    from deskmind.observability.metering import ProcessGroup
    from deskmind.observability.metering.endpoint import serving_metrics

    telemetry = settings.telemetry
    chosen = telemetry.metrics_port if port is None else port
    with ExitStack() as resources:
        if telemetry.metrics in {"prometheus", "both"}:
            given = telemetry.metrics_folder
            group = ProcessGroup.new() if given is None else ProcessGroup(given)
            resources.callback(group.close)
            os.environ["DESKMIND_TELEMETRY_METRICS_FOLDER"] = str(group.folder)
            if chosen:
                resources.enter_context(serving_metrics(group, telemetry.metrics_host, chosen))
        yield


@contextmanager
def _own_metrics(settings: Settings, port: int | None) -> Generator[None]:
    """Record this process's metrics, and serve them when a port is given."""
    from deskmind.observability.metering import start_metrics
    from deskmind.observability.metering.endpoint import serving_metrics

    provider = start_metrics(settings.telemetry, release=__version__)
    with ExitStack() as resources:
        if port and provider is not None and provider.shows:
            resources.enter_context(serving_metrics(provider.group, settings.telemetry.metrics_host, port))
        yield


def worker(metrics_port: MetricsPort = None, home: Home = None, config: Config = None) -> None:
    """Run background jobs until Ctrl-C or SIGTERM; running jobs are finished first."""
    line = CommandLine(home, config, service=True)

    async def work(app: Deskmind) -> None:
        from deskmind.observability import configure_logging
        from deskmind.observability.levels import watch_level
        from deskmind.readiness import run_hourly

        settings = app.settings
        run_hourly(app)
        configure_logging(format=settings.log.format, level=settings.log.level)
        levels = asyncio.create_task(watch_level(settings.home, settings.log.level))
        try:
            with _own_metrics(settings, metrics_port):
                await app.work(on_ready=lambda: typer.echo("worker ready", err=True))
        finally:
            levels.cancel()

    line.run(work)


def openapi(home: Home = None, config: Config = None) -> None:
    """Print the OpenAPI document of the HTTP API."""
    line = CommandLine(home, config)

    def act() -> str:
        from deskmind.api import create_app

        return json.dumps(create_app(line.settings(anywhere=True)).openapi(), indent=2, ensure_ascii=False)

    say(line.guard(act))
