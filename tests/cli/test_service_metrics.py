"""A service of three processes and its metrics, with one process killed in the middle."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from typer.testing import CliRunner

from deskmind.cli.root import app
from deskmind.observability.metering.scraping import Sample, scraped, total

pytestmark = pytest.mark.chaos

_REQUESTS = "http_server_request_duration_seconds_count"


def free_port() -> int:
    """Of this machine."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def eventually(what: Callable[[], Any], *, within: float = 60.0) -> Any:
    """The first true value."""
    until = time.monotonic() + within
    while not (found := what()):
        assert time.monotonic() < until, "it does not happen"
        time.sleep(0.05)
    return found


@pytest.fixture(scope="module")
def environment(running_home: Path) -> dict[str, str]:
    """Of an installation with one tenant."""
    found = {
        "DESKMIND_HOME": str(running_home),
        "DESKMIND_KNOWLEDGE_EMBEDDER": "hashing",
        "DESKMIND_API_DRAIN_SECONDS": "0",
        "DESKMIND_JOBS_SHUTDOWN_TIMEOUT": "5",  # what a worker has begun by itself is not waited for
    }
    result = CliRunner().invoke(app, ["tenant", "create", "acme"], env=found)
    assert result.exit_code == 0, result.output
    return found


Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start(environment: dict[str, str]) -> Iterator[Start]:
    """Starts a command."""
    started: list[subprocess.Popen[str]] = []

    def one(*words: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "deskmind.cli", *words],
            env={**os.environ, **environment},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        started.append(process)
        return process

    yield one
    for process in started:
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0


def workers(process: subprocess.Popen[str]) -> list[psutil.Process]:
    """The processes that serve."""
    return [
        child
        for child in psutil.Process(process.pid).children()
        if child.is_running() and any("spawn_main" in word for word in child.cmdline())
    ]


def ask(port: int) -> int:
    """One request on a connection of its own; its status, 0 when the connection broke."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=10) as answer:
            return answer.status
    except (urllib.error.URLError, OSError):
        return 0


def test_three_processes_one_of_them_killed(environment: dict[str, str], start: Start) -> None:
    """Sums over all; nothing that was counted is lost, nothing falls, and the dead one's gauges go with it."""
    port, metrics = free_port(), free_port()
    service = start("serve", "--port", str(port), "--workers", "3", "--metrics-port", str(metrics))
    address = f"http://127.0.0.1:{metrics}/metrics"

    def samples() -> list[Sample]:
        return scraped(address) or []

    def alive(count: int) -> bool:
        return total(samples(), "deskmind_processes") == count

    eventually(lambda: alive(3))
    answered = sum(eventually(lambda: ask(port)) == 200 for _ in range(40))
    before = samples()
    assert total(before, _REQUESTS, http_route="/healthz") == answered == 40
    assert total(before, "http_server_active_requests") == 0
    assert eventually(lambda: total(samples(), "db_client_connection_max")) == 30

    workers(service)[-1].kill()
    eventually(lambda: alive(2))
    after = samples()
    assert total(after, _REQUESTS, http_route="/healthz") == 40
    counters = {
        (sample.name, tuple(sample.labels.items())): sample.value
        for sample in before
        if sample.name.endswith(("_total", "_seconds_count", "_sum", "_bucket"))
    }
    now = {(sample.name, tuple(sample.labels.items())): sample.value for sample in after}
    assert {key for key, value in counters.items() if now[key] < value} == set()

    eventually(lambda: alive(3))
    answered += sum(ask(port) == 200 for _ in range(20))
    assert total(samples(), _REQUESTS, http_route="/healthz") == answered
    assert eventually(lambda: [s for s in samples() if s.name == "deskmind_jobs_depth"])

    settings = {**environment, "DESKMIND_TELEMETRY_METRICS_PORT": str(metrics)}
    status = CliRunner().invoke(app, ["status", "--json"], env=settings)
    assert json.loads(status.stdout)["service"]["processes"] == 3
    assert json.loads(status.stdout)["service"]["requests"] >= 60
    readiness = CliRunner().invoke(app, ["readiness", "--json"], env=settings)
    (check,) = (item for item in json.loads(readiness.stdout)["checks"] if item["name"] == "metrics")
    assert check["state"] == "green"
    assert check["finding"].startswith("3 processes")


def test_a_worker_has_a_port_of_its_own(start: Start) -> None:
    """It runs jobs and shows what it does, apart from the service."""
    metrics = free_port()
    start("worker", "--metrics-port", str(metrics))
    found = eventually(lambda: scraped(f"http://127.0.0.1:{metrics}/metrics"))
    assert total(found, "deskmind_processes") == 1
    assert total(found, "process_memory_usage_bytes") > 10_000_000
