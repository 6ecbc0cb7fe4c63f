"""A real Prometheus that scraped a real service: every panel and every alert looks at something that is there."""

from __future__ import annotations

import asyncio
import json
import math
import sys

import pytest
from deploy.alerts import ALERTS
from deploy.boards import BOARDS
from psycopg import AsyncConnection
from tests.deploy.conftest import BUDGET, Backend

from deskmind import Deskmind
from deskmind.settings import load_settings

pytestmark = pytest.mark.interop

_PATIENCE = 90.0
# why some queries may be empty here; what other queries give as a reason does not hold here, so those must have data
EMPTY_HERE = {
    "every model is on this machine",
    "no question and no search was refused or failed",
    "no tenant has set a budget",
    "no budget is used up",
    "nothing failed",
    "nothing is exported by OTLP",
    "nobody was erased and nothing expired",
    "no limit refused a request",
    "no agent has called a tool",
    "no schedule has begun a run",
}


async def _missing(backend: Backend, expressions: dict[str, str]) -> dict[str, str]:
    return {name: text for name, text in expressions.items() if not _has_data(await backend.ask(text))}


def _has_data(result: list[dict[str, object]]) -> bool:
    """Something is there, and it is a number: a quantile of nothing is none."""
    return any(not math.isnan(float(one["value"][1])) for one in result)  # type: ignore[index]


async def _until_none_is_missing(backend: Backend, expressions: dict[str, str]) -> dict[str, str]:
    missing = expressions
    try:
        async with asyncio.timeout(_PATIENCE):
            while missing := await _missing(backend, missing):
                assert not backend.driver.done(), backend.driver.exception()
                await asyncio.sleep(1)
    except TimeoutError:
        return missing
    return {}


async def test_every_panel_shows_data(backend: Backend) -> None:
    queries = {
        f"{board.name}: {panel.title} ({place})": query
        for board in BOARDS
        for panel in board.panels
        for place, query in enumerate(panel.queries)
    }
    wanted = {name: query.expression for name, query in queries.items() if query.empty not in EMPTY_HERE}
    assert await _until_none_is_missing(backend, wanted) == {}


async def test_every_alert_looks_at_data(backend: Backend) -> None:
    signals = {
        f"{alert.name} ({place})": signal
        for alert in ALERTS
        for place, signal in enumerate(alert.signals)
        if alert.empty not in EMPTY_HERE
    }
    assert await _until_none_is_missing(backend, signals) == {}


async def test_every_rule_can_be_evaluated(backend: Backend) -> None:
    groups = (await backend.client.get("/api/v1/rules")).json()["data"]["groups"]
    rules = [rule for group in groups for rule in group["rules"]]
    assert len(rules) > 40
    assert [rule for rule in rules if rule.get("lastError")] == []


async def test_the_cost_shown_is_the_ledgers(backend: Backend) -> None:
    (panel,) = [
        panel
        for board in BOARDS
        for panel in board.panels
        if panel.title == "Cost since the start" and board.name == "models"
    ]
    await backend.rest()
    async with Deskmind.open(load_settings(**backend.stage.settings)) as app:
        admin = app.database.endpoints.admin
        assert admin is not None
        async with (
            await AsyncConnection.connect(admin, autocommit=True) as connection,
            asyncio.timeout(_PATIENCE),
        ):
            while True:  # until the last call is booked and scraped
                cursor = await connection.execute(
                    "SELECT count(*), coalesce(sum(cost), 0)::float8 FROM deskmind.usage_entries"
                )
                booked, dollars = (await cursor.fetchone()) or (0, 0.0)
                shown = float((await backend.ask(panel.queries[0].expression))[0]["value"][1])
                counted = await backend.ask("sum(gen_ai_client_operation_duration_seconds_count)")
                if booked == float(counted[0]["value"][1]):
                    break
                await asyncio.sleep(0.3)
    assert booked > 20
    assert dollars > 0.001
    assert shown == pytest.approx(dollars, abs=1e-9)


async def test_top_shows_the_same_numbers(backend: Backend) -> None:
    """After the load, so that both look at the same totals."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "deskmind.cli", "top", "--once", "--json", "--interval", "0.2"),
        *("--server", f"http://{backend.stage.metrics_address}"),
        stdout=asyncio.subprocess.PIPE,
    )
    shown = json.loads((await process.communicate())[0])
    assert shown["processes"] == 2
    cost = await backend.ask("sum(deskmind_cost_usd_total)")
    assert shown["cost_usd"] == pytest.approx(float(cost[0]["value"][1]), abs=1e-9)
    routes = await backend.ask("count by (http_route) (http_server_request_duration_seconds_count)")
    assert {one["route"] for one in shown["routes"]} == {one["metric"]["http_route"] for one in routes}
    breakers = await backend.ask("deskmind_gateway_breaker_state == 2")
    assert {name for name, state in shown["breakers"].items() if state == "open"} == {
        one["metric"]["deskmind_deployment"] for one in breakers
    }
    assert [one["budget"] for one in shown["budgets"]] == [BUDGET]
