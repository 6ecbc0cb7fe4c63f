"""Checks of the running service: each is red for a service that shows what it watches for."""

from __future__ import annotations

import http.server
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest
from psycopg import AsyncConnection

from deskmind.app import Deskmind
from deskmind.readiness import counting, service
from deskmind.readiness.recording import keep
from deskmind.readiness.report import CheckFunction, Report
from deskmind.settings import LogSettings, TelemetrySettings

_HEAD = "http_server_request_duration_seconds"


@asynccontextmanager
async def showing(app: Deskmind, *lines: str, shown: list[str] | None = None) -> AsyncIterator[Deskmind]:
    """An application beside a service that shows these metrics, or what is in ``shown`` when it is asked."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write("\n".join(shown or lines).encode())

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Says nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        threading.Thread(target=listening.serve_forever, daemon=True).start()
        telemetry = {"metrics_port": listening.server_port}
        try:
            async with Deskmind.open(
                home=app.settings.home, knowledge={"embedder": "hashing"}, telemetry=telemetry
            ) as near:
                yield near
        finally:
            listening.shutdown()


def requests(route: str, status: int, count: int, within: dict[str, int] | None = None) -> list[str]:
    labels = f'http_route="{route}",http_response_status_code="{status}"'
    return [
        *(f'{_HEAD}_bucket{{{labels},le="{bound}"}} {number}' for bound, number in (within or {}).items()),
        f"{_HEAD}_count{{{labels}}} {count}",
    ]


async def test_without_a_service_nothing_is_assessed(app: Deskmind) -> None:
    off = Deskmind(app.settings.model_copy(update={"telemetry": TelemetrySettings(metrics="none")}))  # pyright: ignore[reportCallIssue]
    for check in (service.failed_requests, service.failed_model_calls, service.search_latency):
        assert (await check(off)).state == "not assessed"


async def test_many_failed_requests_are_red(app: Deskmind) -> None:
    good, bad = requests("/v1/ask", 200, 98), requests("/v1/ask", 503, 2)
    async with showing(app, *good, *bad) as near:
        found = await service.failed_requests(near)
        assert (found.state, found.evidence["failed"]) == ("red", 2)
    async with showing(app, *good, *requests("/v1/ask", 404, 9), *requests("/healthz", 503, 9)) as near:
        assert (await service.failed_requests(near)).state == "green"
    async with showing(app, *requests("/v1/ask", 500, 3)) as near:
        assert (await service.failed_requests(near)).state == "not assessed"


async def test_failures_of_late_are_not_lost_among_what_went_well_before(
    app: Deskmind, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counting, "_YOUNG", timedelta(0))
    bounds = {"0.5": 1_000_000, "10": 1_000_000, "+Inf": 1_000_000}
    weeks = [line for route in ("/v1/ask", "/v1/search") for line in requests(route, 200, 1_000_000, bounds)]
    lines = [*weeks, *requests("/v1/ask", 503, 3)]
    async with showing(app, shown=lines) as opened:
        assert "began" in (await service.failed_requests(opened)).finding
        await keep(opened, Report((), datetime.now(UTC)))
        found = await service.failed_requests(opened)
        assert (found.state, "began" in found.finding) == ("green", True), "too few since"

        lines[:] = [*weeks, *requests("/v1/ask", 503, 33)]
        found = await service.failed_requests(opened)
        assert (found.state, found.evidence["failed"], found.evidence["requests"]) == ("red", 30, 30)
        slow = {"0.5": 1_000_000, "10": 1_000_000, "+Inf": 1_000_025}
        for route, check in (("/v1/search", service.search_latency), ("/v1/ask", service.answer_latency)):
            lines[:] = requests(route, 200, 1_000_025, slow)
            found = await check(opened)
            assert (found.state, found.evidence["requests"], found.evidence["within"]) == ("red", 25, 0)

        lines[:] = requests("/v1/ask", 200, 50)
        found = await service.failed_requests(opened)
        assert (found.state, found.evidence["requests"]) == ("green", 50), "the service began anew"
    other = Deskmind(app.settings.model_copy(update={"telemetry": TelemetrySettings(metrics="none")}))  # pyright: ignore[reportCallIssue]
    assert await counting.figures(other) == ("", [])


async def test_many_failed_model_calls_are_red(app: Deskmind) -> None:
    name = "gen_ai_client_operation_duration_seconds_count"
    good = f'{name}{{error_type=""}} 90'
    async with showing(app, good, f'{name}{{error_type="model-unavailable"}} 10') as near:
        assert (await service.failed_model_calls(near)).state == "red"
    async with showing(app, good, f'{name}{{error_type="model-unavailable"}} 1') as near:
        assert (await service.failed_model_calls(near)).state == "green"


async def test_many_failed_operations_are_red(app: Deskmind) -> None:
    name = "deskmind_operation_duration_seconds_count"
    good = f'{name}{{deskmind_outcome="ok"}} 95'
    async with showing(app, good, f'{name}{{deskmind_outcome="error"}} 5') as near:
        assert (await service.failed_operations(near)).state == "red"
    async with showing(app, good, f'{name}{{deskmind_outcome="refused"}} 5') as near:
        assert (await service.failed_operations(near)).state == "green"


@pytest.mark.parametrize(
    ("check", "route", "bound"),
    [(service.search_latency, "/v1/search", "0.5"), (service.answer_latency, "/v1/ask", "10")],
)
async def test_slow_requests_are_red(app: Deskmind, check: CheckFunction, route: str, bound: str) -> None:
    async with showing(app, *requests(route, 200, 100, {"0.1": 5, bound: 90, "+Inf": 100})) as near:
        found = await check(near)
        assert (found.state, found.evidence["within"]) == ("red", 90)
    async with showing(app, *requests(route, 200, 100, {"0.1": 5, bound: 100, "+Inf": 100})) as near:
        assert (await check(near)).state == "green"
    async with showing(app, *requests(route, 200, 3, {bound: 0, "+Inf": 3})) as near:
        assert (await check(near)).state == "not assessed"


async def test_a_slow_embedder_is_red(app: Deskmind, monkeypatch: pytest.MonkeyPatch) -> None:
    assert (await service.embedding_latency(app)).evidence["questions"] == 5
    monkeypatch.setattr(service, "_MAX_EMBED_MS", 0.0)
    assert (await service.embedding_latency(app)).state == "red"


async def test_a_collector_that_is_not_there_is_red(app: Deskmind) -> None:
    async with showing(app) as near:
        port = near.settings.telemetry.metrics_port
        there = TelemetrySettings(traces="otlp", endpoint=f"http://127.0.0.1:{port}")  # pyright: ignore[reportCallIssue]
        sent = Deskmind(app.settings.model_copy(update={"telemetry": there}))
        assert (await service.traces(sent)).state == "green"
    assert (await service.traces(sent)).state == "red"
    assert (await service.traces(app)).state == "not assessed"


@pytest.mark.parametrize("logs", [LogSettings(level="debug"), LogSettings(format="console")])
async def test_logs_that_say_too_much_or_are_for_people_are_red(app: Deskmind, logs: LogSettings) -> None:
    assert (await service.logs(app)).state == "green"
    assert (await service.logs(Deskmind(app.settings.model_copy(update={"log": logs})))).state == "red"


async def test_a_job_that_waits_for_a_worker_is_red(app: Deskmind) -> None:
    assert (await service.workers(app)).state in {"green", "not assessed"}
    address = app.database.endpoints.admin
    assert address is not None
    async with await AsyncConnection.connect(address, autocommit=True) as connection:
        await connection.execute("SET search_path = deskmind, public")
        await connection.execute(
            "INSERT INTO procrastinate_jobs (queue_name, task_name, status, scheduled_at)"
            " VALUES ('forgotten', 't', 'todo', now() - interval '1 hour')"
        )
        try:
            found = await service.workers(app)
        finally:
            await connection.execute("DELETE FROM procrastinate_jobs WHERE queue_name = 'forgotten'")
    assert (found.state, "waited" in found.finding) == ("red", True)
