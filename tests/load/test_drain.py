"""A service under load that is told to end, and one of whose processes is killed: `make soak ARGS=drain` in short."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import httpx
import psycopg
import pytest
from soak.drain import ended_under_load, killed_under_load, serving_processes
from tests.api.mcp.test_sessions import BEGIN
from typer.testing import CliRunner

from deskmind.app import Deskmind
from deskmind.cli.root import app as command

pytestmark = pytest.mark.chaos

_SETTINGS = {
    "DESKMIND_KNOWLEDGE_EMBEDDER": "hashing",
    "DESKMIND_API_DRAIN_SECONDS": "1",
    "DESKMIND_API_CLAIM_SECONDS": "1",
    "DESKMIND_JOBS_SHUTDOWN_TIMEOUT": "600",  # longer than any test waits: nothing that is under way is cut
    "DESKMIND_TELEMETRY_METRICS": "none",
}


@pytest.fixture(scope="module")
def key(running_home: Path) -> str:
    """Of a user of the home's tenant."""
    settings = {**_SETTINGS, "DESKMIND_HOME": str(running_home)}

    def run(*words: str) -> str:
        done = CliRunner().invoke(command, list(words), env=settings)
        assert done.exit_code == 0, done.output
        return done.stdout

    run("tenant", "create", "acme")
    run("user", "add", "ann", "--tenant", "acme")
    return json.loads(run("key", "create", "--user", "ann", "--tenant", "acme", "--json"))["key"]


class Service:
    """``deskmind serve`` on a port of its own."""

    def __init__(self, home: Path, workers: int) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self.process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "deskmind.cli",
                "serve",
                "--port",
                str(self.port),
                "--workers",
                str(workers),
            ],
            env={**os.environ, **_SETTINGS, "DESKMIND_HOME": str(home)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    async def ready(self, processes: int) -> None:
        """All of its processes are there, and one answers."""
        async with asyncio.timeout(60):
            while not await asyncio.to_thread(self._answers):
                await asyncio.sleep(0.05)
            while processes > 1 and len(serving_processes(self.process.pid)) < processes:
                await asyncio.sleep(0.05)

    async def exit_code(self) -> int:
        """When it has ended."""
        return await asyncio.to_thread(self.process.wait, 60)

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=60) as answer:
                return answer.status == 200
        except (urllib.error.URLError, OSError):
            return False


@pytest.fixture(params=[1, 2], ids=["one process", "two processes"])
def service(running_home: Path, key: str, request: pytest.FixtureRequest) -> Iterator[Service]:
    """Under the name that its number of processes has."""
    started = Service(running_home, request.param)
    yield started
    if started.process.poll() is None:
        started.process.send_signal(signal.SIGTERM)
        try:
            started.process.wait(60)
        finally:
            started.process.kill()


async def test_no_request_is_lost_when_the_service_is_told_to_end(service: Service, key: str) -> None:
    await service.ready(1)
    found = await ended_under_load(service.process.pid, service.port, key, at_once=8, seconds=0.5)
    assert found["failures"] == []
    assert found["answered_after_sigterm"] > 0
    assert found["connections_refused"] >= 8
    assert found["said_not_ready_before"]
    assert await service.exit_code() == 0


@pytest.mark.parametrize("service", [1], indirect=True, ids=["one process"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "Ctrl-C"])
async def test_a_client_that_listens_does_not_hold_up_the_end(
    service: Service, key: str, number: signal.Signals
) -> None:
    await service.ready(1)
    headers = {"Authorization": f"Bearer {key}", "Accept": "application/json, text/event-stream"}
    async with httpx.AsyncClient(
        base_url=f"http://127.0.0.1:{service.port}", headers=headers, timeout=60
    ) as client:
        opened = await client.post("/mcp", json=BEGIN)
        client.headers["Mcp-Session-Id"] = opened.headers["mcp-session-id"]
        async with client.stream("GET", "/mcp") as stream:
            assert stream.status_code == 200
            service.process.send_signal(number)
            assert await service.exit_code() == 0
            await stream.aread()  # to its end: it is not cut


async def _conversations(home: Path) -> int:
    async with Deskmind.open(home=home, knowledge={"embedder": "hashing"}) as app:
        assert app.database.endpoints.admin is not None
        async with await psycopg.AsyncConnection.connect(app.database.endpoints.admin) as connection:
            table = psycopg.sql.Identifier(app.database.endpoints.schema, "conversations")
            query = psycopg.sql.SQL("SELECT count(*) FROM {}").format(table)
            row = await (await connection.execute(query)).fetchone()
            assert row is not None
            return int(row[0])


@pytest.mark.parametrize("service", [2], indirect=True, ids=["two processes"])
async def test_what_is_sent_again_after_a_kill_is_done_once(
    service: Service, key: str, running_home: Path
) -> None:
    before = await _conversations(running_home)
    await service.ready(2)
    found = await killed_under_load(service.process.pid, service.port, key, at_once=8, seconds=2)
    assert found["lost_elsewhere"] == 0
    assert found["lost_with_the_killed"] > 0
    assert found["errors"] == []
    assert found["keys"] == await _conversations(running_home) - before
    assert found["made"] + found["done_but_answer_lost"] == found["keys"]
