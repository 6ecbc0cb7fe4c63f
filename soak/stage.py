"""A real service to drive: the demonstration's company, the model sandbox and ``deskmind serve``, each a process of its own."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
import tempfile
import urllib.error
import urllib.request
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deskmind import Deskmind
from deskmind.agents.definitions import AgentSpec
from deskmind.demo import load_company, prepare
from deskmind.settings import load_settings

__all__ = ["AGENT", "MODEL", "PRICE", "Stage", "replica", "staged"]

MODEL = "fast"
AGENT = "helper"
PRICE = {"input": "1", "output": "2"}
_PATIENCE = 120.0
_NOBODY = {"username": "nobody", "password": "nothing"}


@dataclass(frozen=True, slots=True)
class Stage:
    """What runs.

    Attributes:
        base_url: of the service.
        metrics_address: host and port of ``/metrics``.
        keys: an API key for each user of the company, by name.
        staff: the key of an operator.
        settings: what the service was given, to open an application on the same home.
        service: its first process.
        sandbox_url: of the model provider.
    """

    base_url: str
    metrics_address: str
    keys: Mapping[str, str]
    staff: str
    settings: Mapping[str, Any]
    service: Process
    sandbox_url: str


@asynccontextmanager
async def staged(
    *, workers: int = 1, more_models: Mapping[str, Any] | None = None, **more: Any
) -> AsyncGenerator[Stage]:
    """The service, ready for requests; gone with its data at the end.

    Args:
        workers: its processes.
        more_models: models beside ``MODEL``.
        more: settings by section.
    """
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
        Path(home).chmod(0o755)
        sandbox, address = await _sandbox()
        try:
            port, metrics_port = _free_port(), _free_port()
            settings = _settings(home, address, metrics_port, {**more, "models": more_models or {}})
            keys, staff = await _company(settings)
            service = await _serve(Path(home), settings, port, workers)
            try:
                url = f"http://127.0.0.1:{port}"
                await _ready(url, service)
                yield Stage(url, f"127.0.0.1:{metrics_port}", keys, staff, settings, service, address)
            finally:
                await _end(service)
        finally:
            await _end(sandbox)


@asynccontextmanager
async def replica(stage: Stage) -> AsyncGenerator[str]:
    """Another service beside that of a stage; its address."""
    port = _free_port()
    telemetry = {**stage.settings["telemetry"], "metrics_port": 0}
    home = Path(stage.settings["home"])
    service = await _serve(home, {**stage.settings, "telemetry": telemetry}, port, 1)
    try:
        url = f"http://127.0.0.1:{port}"
        await _ready(url, service)
        yield url
    finally:
        await _end(service)


def _settings(home: str, sandbox: str, metrics_port: int, more: Mapping[str, Any]) -> dict[str, Any]:
    deployment = {"model": "echo-50", "base_url": f"{sandbox}/v1", "api_key": "sandbox-key", "price": PRICE}
    return {
        "home": home,
        **more,
        "models": {MODEL: {"deployments": [deployment]}, **more["models"]},
        "telemetry": {"metrics_port": metrics_port, **more.get("telemetry", {})},
        "api": {"drain_seconds": 0, **more.get("api", {})},
    }


async def _sandbox() -> tuple[Process, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "deskmind.sandbox.models", stdout=PIPE
    )
    assert process.stdout is not None
    return process, json.loads(await process.stdout.readline())["base_url"]


async def _company(settings: Mapping[str, Any]) -> tuple[dict[str, str], str]:
    """The users' keys and an operator's; there is an agent too, and a connected system that is not read."""
    company = load_company()
    async with Deskmind.open(load_settings(**settings)) as app:
        desk = await prepare(app, company)
        keys = {name: (await desk.keys.create(name)).secret for name, _, _ in company.users}
        await desk.principals.add_user("staff", role="operator")
        await desk.stored_agents.save(
            AgentSpec(name=AGENT, instructions="Help in one sentence.", model=MODEL)
        )
        await desk.stored_agents.publish(AGENT)
        await desk.connections.add("now", "servicenow", "http://127.0.0.1:9", _NOBODY, every_seconds=0)
        return keys, (await desk.keys.create("staff")).secret


async def _serve(home: Path, settings: Mapping[str, Any], port: int, workers: int) -> Process:
    given = {name: value for name, value in settings.items() if name != "home"}
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("DESKMIND_", "COV_CORE"))
    }
    for section, values in given.items():
        if section in {"models", "budgets"}:
            environment[f"DESKMIND_{section.upper()}"] = json.dumps(values)
        else:
            environment.update(
                {
                    f"DESKMIND_{section}_{name}".upper(): json.dumps(value)
                    if isinstance(value, dict)
                    else str(value)
                    for name, value in values.items()
                }
            )
    arguments = ["serve", "--port", str(port), "--workers", str(workers), "--home", str(home)]
    with (home / f"service-{port}.log").open("wb") as log:
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "deskmind.cli", *arguments),
            env=environment,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


async def _ready(url: str, service: Process) -> None:
    async with asyncio.timeout(_PATIENCE):
        while not await asyncio.to_thread(_answers, f"{url}/readyz"):
            if service.returncode is not None:
                raise RuntimeError(f"deskmind serve ended with exit code {service.returncode}")
            await asyncio.sleep(0.05)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=10) as response:
            return response.status == 200
    except (urllib.error.URLError, OSError):
        return False


async def _end(process: Process) -> None:
    if process.returncode is None:
        with suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(process.wait(), 40)
        except TimeoutError:
            process.kill()
            await process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
