"""Commands and services as a collector and a reader of logs see them."""

from __future__ import annotations

import json
import os
import queue
import signal
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.observability.telemetry.receiver import Collector, Received
from typer.testing import CliRunner, Result

from deskmind.cli.root import app

Run = Callable[..., Result]


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as started:
        yield started


@pytest.fixture
def environment(running_home: Path, collector: Collector) -> dict[str, str]:
    return {
        "DESKMIND_HOME": str(running_home),
        "DESKMIND_KNOWLEDGE_EMBEDDER": "hashing",
        "DESKMIND_LOG_FORMAT": "json",
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.endpoint,
        "OTEL_SERVICE_NAME": "desk",
    }


@pytest.fixture
def run(environment: dict[str, str]) -> Run:
    def call(*words: str, code: int = 0) -> Result:
        result = CliRunner().invoke(app, words, env=environment)
        assert result.exit_code == code, (words, result.output, result.stderr, result.exception)
        return result

    return call


def test_a_command_is_the_root_of_its_trace_and_a_failed_one_is_marked(
    run: Run, collector: Collector
) -> None:
    run("tenant", "create", "acme")
    run("documents", "show", "00000000-0000-0000-0000-000000000000", code=66)
    made = collector.named("deskmind tenant create")
    assert (made.parent, made.failed, made.resource["service.name"]) == ("", False, "desk")
    inside = collector.named("INSERT tenants")
    assert inside.trace_id == made.trace_id
    assert (
        collector.named("tenants.write").attributes["deskmind.correlation_id"]
        == made.attributes["deskmind.correlation_id"]
    )
    shown = collector.named("deskmind documents show")
    assert (shown.failed, shown.attributes["error.type"]) == (True, "not-found")
    assert shown.trace_id != made.trace_id


class Lines:
    """What a process writes to standard error, read as it comes."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._arrived: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._read, args=(process.stderr,), daemon=True).start()

    def _read(self, stream: Any) -> None:
        with stream:
            for line in stream:
                self._arrived.put(line)

    def until(self, count: int, wanted: Callable[[dict[str, Any]], bool]) -> list[dict[str, Any]]:
        """The first so many lines that are wanted. Every line is JSON."""
        found: list[dict[str, Any]] = []
        while len(found) < count:
            line = json.loads(self._arrived.get(timeout=60))
            if wanted(line):
                found.append(line)
        return found


def test_every_process_of_a_service_logs_alike_follows_the_level_and_is_traced(
    environment: dict[str, str], run: Run, collector: Collector
) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "deskmind.cli", "serve", "--workers", "2", "--port", str(port)],
        env={**os.environ, **environment},
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        lines = Lines(process)
        lines.until(2, lambda line: "startup complete" in line["event"])
        shown = run("log", "level", "debug", "--for", "10m", "--json")
        assert json.loads(shown.stdout)["level"] == "debug"
        changed = lines.until(2, lambda line: line["event"] == "log.level_changed")
        assert [(line["old"], line["new"]) for line in changed] == [("info", "debug")] * 2
        run("log", "level", "--reset")
        lines.until(2, lambda line: line["event"] == "log.level_changed")
        request = urllib.request.Request(
            f"http://127.0.0.1:{port}/v1/documents",
            headers={"X-Request-ID": "case-1", "traceparent": f"00-{7:032x}-{9:016x}-01"},
        )
        with pytest.raises(urllib.error.HTTPError, match="401"):
            urllib.request.urlopen(request, timeout=60)
        (line,) = lines.until(1, lambda line: line["event"] == "http.request")
        assert (line["correlation_id"], line["status"], line["trace_id"]) == ("case-1", 401, f"{7:032x}")
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)
    served: Received = collector.named("GET /v1/documents")
    assert (served.trace_id, served.parent, served.kind) == (f"{7:032x}", f"{9:016x}", 2)
    assert process.returncode == 0


def test_a_level_that_does_not_exist_or_a_wrong_duration_is_refused(run: Run) -> None:
    assert "not a log level" in run("log", "level", "loud", code=65).stderr
    assert "not a duration" in run("log", "level", "debug", "--for", "soon", code=65).stderr
    assert run("log", "level").stdout == "info\n"
