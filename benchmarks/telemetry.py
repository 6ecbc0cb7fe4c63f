"""What seeing everything costs: CPU of ``/v1/search`` and of a model call with traces and logs on against both off.

Metrics cannot be taken back in a process, so traces and metrics together are measured in one process, nothing in another,
which take turns. The other modes take turns in one process, so that what else the machine does falls on all of them alike. CPU is that of the
serving process, its export thread included, and of PostgreSQL, since both bound the throughput of a machine; the collector
is a process of its own and is not counted. A round is about as long as the spans of one export gather.
"""

from __future__ import annotations

import asyncio
import io
import logging
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from itertools import count
from operator import truediv
from pathlib import Path
from statistics import median
from typing import Any, Self

import orjson
import psutil
from fastapi import FastAPI

from benchmarks.recording import collector
from deskmind import Deskmind
from deskmind.api import create_app
from deskmind.knowledge.ingest.staging import StagedFile
from deskmind.observability import configure_logging, span, telemetry
from deskmind.observability.metering import start_metrics
from deskmind.sandbox.models import DEFAULT_KEY, ModelSandbox
from deskmind.settings import TelemetrySettings

_DOCUMENTS = 200
_SUBJECTS = ("VPN", "printer", "mailbox", "laptop", "badge", "payroll", "scanner", "backup")
Call = Callable[[int], Awaitable[None]]
Flush = Callable[[], object]


async def run(*, quick: bool) -> list[dict[str, Any]]:
    """The rows."""
    rounds, calls = (4, 60) if quick else (10, 150)
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as home:
        async with serving(home) as cases:
            database = DatabaseProcesses(home)
            with collector() as endpoint:
                for name, call in cases.items():
                    rows += await _compare(name, call, endpoint, database, rounds, calls)
    return rows + await asyncio.to_thread(_side_by_side, 2 * rounds, calls)


def _side_by_side(rounds: int, calls: int) -> list[dict[str, Any]]:
    """A process with traces and metrics on beside one with neither."""
    with collector() as endpoint, _Side(calls, endpoint) as everything, _Side(calls, "") as nothing:
        pairs = [(everything.round(), nothing.round()) for _ in range(rounds)]
    rows: list[dict[str, Any]] = []
    for name in pairs[0][0]:
        shares = [seen[name] / bare[name] for seen, bare in pairs]
        micros = median(seen[name] for seen, _ in pairs)
        rows.append(
            {
                "case": f"{name}: traces and metrics, against a process with neither",
                "cpu_us": round(micros),
                "more_percent": round((median(shares) - 1) * 100, 1),
            }
        )
    return rows


class _Side:
    """A process that answers each line with the CPU of one round, in microseconds a call by case."""

    def __init__(self, calls: int, endpoint: str) -> None:
        command = [sys.executable, "-m", "benchmarks.telemetry", str(calls), endpoint]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )

    def __enter__(self) -> Self:
        self.round()  # the first is slow
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

    def round(self) -> dict[str, float]:
        """One round's figures."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return orjson.loads(self._process.stdout.readline())


async def _serve_rounds(calls: int, endpoint: str) -> None:
    """The other end of ``_Side``."""
    if endpoint:
        start_metrics(TelemetrySettings(), release="bench")  # pyright: ignore[reportCallIssue]
    with tempfile.TemporaryDirectory() as home:
        async with serving(home) as cases:
            database = DatabaseProcesses(home)
            with _traces(endpoint, 1.0) if endpoint else _off() as flush:
                while await asyncio.to_thread(sys.stdin.readline):
                    used = {name: await _round(call, calls, flush, database) for name, call in cases.items()}
                    sys.stdout.write(orjson.dumps(used).decode() + "\n")
                    sys.stdout.flush()


class DatabaseProcesses:
    """The processes of the PostgreSQL in a home."""

    def __init__(self, home: str) -> None:
        pid = next(Path(home).rglob("postmaster.pid")).read_text().split()[0]
        self._server = psutil.Process(int(pid))

    def seconds(self) -> float:
        """CPU they have used."""
        times = [item.cpu_times() for item in (self._server, *self._server.children(recursive=True))]
        return sum(item.user + item.system for item in times)


async def _compare(
    name: str, call: Call, endpoint: str, database: DatabaseProcesses, rounds: int, calls: int
) -> list[dict[str, Any]]:
    modes: dict[str, Callable[[], Any]] = {
        "off": _off,
        "logs": _logs,
        "traces": lambda: _traces(endpoint, 1.0),
        "traces, 5 % and errors": lambda: _traces(endpoint, 0.05),
        "off again": _off,
    }
    for number in range(calls):
        await call(number)
    micros: dict[str, list[float]] = {mode: [] for mode in modes}
    for _ in range(rounds):
        for mode, switched in modes.items():
            with switched() as flush:
                micros[mode].append(await _round(call, calls, flush, database))
    usual = [(first + second) / 2 for first, second in zip(micros["off"], micros["off again"], strict=True)]
    return [
        {
            "case": f"{name}: {mode}",
            "cpu_us": round(median(found)),
            "more_percent": round((median(map(truediv, found, usual)) - 1) * 100, 1),
        }
        for mode, found in micros.items()
    ]


async def _round(call: Call, calls: int, flush: Flush, database: DatabaseProcesses) -> float:
    """CPU in microseconds a call."""
    before = time.process_time() + database.seconds()
    for number in range(calls):
        await call(number)
    await asyncio.to_thread(flush)
    return (time.process_time() + database.seconds() - before) / calls * 1e6


@contextmanager
def _off() -> Iterator[Flush]:
    logging.disable(logging.CRITICAL)
    try:
        yield lambda: None
    finally:
        logging.disable(logging.NOTSET)


@contextmanager
def _logs() -> Iterator[Flush]:
    configure_logging(format="json", level="info", gather=True, stream=Path("/dev/null").open("w"))  # noqa: SIM115
    try:
        yield logging.getLogger().handlers[-1].flush
    finally:
        configure_logging(format="json", level="error", stream=io.StringIO())


@contextmanager
def _traces(endpoint: str, ratio: float) -> Iterator[Flush]:
    with _off():
        begun = telemetry.start(
            TelemetrySettings(traces="otlp", endpoint=endpoint, sample_ratio=ratio), "bench"
        )
        try:
            with span("warm"):
                pass
            begun.flush()
            yield begun.flush
        finally:
            begun.close()


@asynccontextmanager
async def serving(home: str) -> AsyncIterator[dict[str, Call]]:
    async with ModelSandbox() as sandbox:
        deployment = {"model": "echo", "base_url": f"{sandbox.base_url}/v1", "api_key": DEFAULT_KEY}
        async with Deskmind.open(home=home, models={"fast": {"deployments": [deployment]}}) as app:
            await app.tenants.create("bench")
            operator = await app.desk(tenant="bench")
            await operator.principals.add_user("req1")
            key = await operator.keys.create("req1")
            await operator.knowledge.add_files(map(_document, range(_DOCUMENTS)))
            service = create_app(app=app)
            async with service.router.lifespan_context(service):
                yield {
                    "POST /v1/search": _request(service, key.secret, "/v1/search", _never_asked()),
                    "POST /v1/search, remembered": _request(service, key.secret, "/v1/search", _search),
                    "POST /v1/chat/completions": _request(service, key.secret, "/v1/chat/completions", _chat),
                }


def _document(number: int) -> StagedFile:
    subject, name = _SUBJECTS[number % len(_SUBJECTS)], f"{number}.md"
    text = f"# {subject} {number}\n\nWhen the {subject} fails, restart device {number} and call the desk."
    return StagedFile(name, name, name, text.encode(), None)


def _search(number: int) -> dict[str, Any]:
    return {"query": f"How do I restart the {_SUBJECTS[number % len(_SUBJECTS)]} number {number}?"}


def _never_asked() -> Callable[[int], dict[str, Any]]:
    """Questions that come once, as nearly all do at a desk: each is embedded and looked up."""
    numbers = count()
    return lambda _: _search(next(numbers) + 1_000)


def _chat(number: int) -> dict[str, Any]:
    return {"model": "fast", "messages": [{"role": "user", "content": f"hello {number}"}]}


def _request(service: FastAPI, key: str, path: str, body: Callable[[int], dict[str, Any]]) -> Call:
    """Requests straight into the application, without a client's or a server's share of the CPU."""

    async def call(number: int) -> None:
        content = orjson.dumps(body(number))
        scope = {
            "type": "http",
            "http_version": "1.1",
            "method": "POST",
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "root_path": "",
            "query_string": b"",
            "headers": [
                (b"authorization", f"Bearer {key}".encode()),
                (b"content-type", b"application/json"),
                (b"content-length", str(len(content)).encode()),
            ],
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 80),
        }
        sent: list[Any] = []
        left = [{"type": "http.request", "body": content, "more_body": False}]

        async def receive() -> Any:
            if left:
                return left.pop()
            return await asyncio.get_running_loop().create_future()

        async def send(message: Any) -> None:
            sent.append(message)

        await service(scope, receive, send)
        assert sent[0]["status"] == 200, sent

    return call


if __name__ == "__main__":
    asyncio.run(_serve_rounds(int(sys.argv[1]), sys.argv[2]))
