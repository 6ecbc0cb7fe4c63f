"""Explaining, rating and measuring over HTTP."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from tests.api.conftest import Caller, Serve

from deskmind.api import create_app
from deskmind.app import Deskmind
from deskmind.desk import Desk

_QUESTION = {"question": "How do I renew the parking permit?"}


@pytest.fixture
async def others(operator: Desk, app: Deskmind, caller: Caller) -> dict[str, dict[str, str]]:
    """Headers of another member and of an operator of the tenant."""
    await operator.knowledge.add("parking.md", b"# Parking\n\nRenew the parking permit in the portal.")
    await operator.principals.add_user("req2")
    await operator.principals.add_user("boss", role="operator")
    keys = {name: await operator.keys.create(name) for name in ("req2", "boss")}
    return {name: {"Authorization": f"Bearer {key.secret}"} for name, key in keys.items()}


async def test_a_request_is_explained_to_who_sent_it(
    caller: Caller, others: dict[str, dict[str, str]]
) -> None:
    client: httpx.AsyncClient = caller.client
    answer = await client.post("/v1/ask", json=_QUESTION, headers={"X-Request-ID": "from-outside-1"})
    assert answer.headers["x-request-id"] == answer.json()["request_id"] == "from-outside-1"
    told = await client.get("/v1/requests/from-outside-1")
    assert told.status_code == 200
    (part,) = told.json()["parts"]
    assert part["http"] == {"method": "POST", "route": "/v1/ask", "status": 200}
    assert (part["kind"], part["operation"], part["outcome"]) == ("http", "knowledge.ask", "ok")
    assert part["steps"][1]["name"].startswith("POST")
    assert part["passages"][0]["title"] == "Parking"
    assert told.json()["cost_usd"] == "0"
    for name, status in (("req2", 404), ("boss", 200)):
        seen = await client.get("/v1/requests/from-outside-1", headers=others[name])
        assert seen.status_code == status
    missing = await client.get("/v1/requests/from-outside-1", headers=others["req2"])
    assert missing.headers["content-type"] == "application/problem+json"
    assert missing.json()["type"].endswith("not-found")


async def test_requests_are_listed_page_by_page(caller: Caller, others: dict[str, dict[str, str]]) -> None:
    for number in range(3):
        await caller.client.post(
            "/v1/search", json={"query": "permit"}, headers={"X-Request-ID": f"page-{number}"}
        )
    seen: list[str] = []
    page: dict[str, Any] = {"next": ""}
    while page["next"] is not None:
        found = await caller.client.get(
            "/v1/requests", params={"limit": 2, "before": page["next"]} if page["next"] else {"limit": 2}
        )
        page = found.json()
        seen += [item["request_id"] for item in page["requests"]]
    assert seen == ["page-2", "page-1", "page-0"]
    assert (await caller.client.get("/v1/requests", headers=others["req2"])).json()["requests"] == []
    assert (await caller.client.get("/v1/requests", params={"before": "nonsense"})).status_code == 422
    failed = await caller.client.get("/v1/requests", params={"failed": True})
    assert failed.json()["requests"] == []


async def test_an_answer_is_rated_and_quality_measured(
    caller: Caller, others: dict[str, dict[str, str]]
) -> None:
    client = caller.client
    request_id = (await client.post("/v1/ask", json=_QUESTION)).json()["request_id"]
    rating = {"request_id": request_id, "rating": "down", "reason": "wrong", "correction": "By phone."}
    assert (await client.post("/v1/feedback", json=rating, headers=others["req2"])).status_code == 404
    given = await client.post("/v1/feedback", json=rating)
    assert given.status_code == 201
    assert given.json()["correction"] == "By phone."
    listed = await client.get("/v1/feedback", headers=others["boss"])
    assert [item["request_id"] for item in listed.json()["feedback"]] == [request_id]
    assert (await client.get("/v1/feedback", headers=others["req2"])).json()["feedback"] == []
    report = await client.get("/v1/quality", params={"by": "document"}, headers=others["boss"])
    (line,) = report.json()["quality"]
    assert (line["name"], line["answers"], line["down"], line["approval"]["estimate"]) == (
        "Parking",
        1,
        1,
        0.0,
    )
    assert (await client.get("/v1/quality", params={"by": "document"})).status_code == 403
    for wrong in ({"rating": "sideways"}, {"reason": "because"}, {"correction": "x" * 4_001}, {"more": 1}):
        assert (await client.post("/v1/feedback", json={**rating, **wrong})).status_code == 422


async def test_a_call_over_the_openai_endpoint_is_told_with_its_cost(
    caller: Caller, modelled: Deskmind, serving: Serve
) -> None:
    body = {"model": "fast", "messages": [{"role": "user", "content": "hello there"}], "stream": True}
    headers = {"Authorization": f"Bearer {caller.key}", "X-Request-ID": "openai-1"}
    async with (
        serving(create_app(app=modelled)) as address,
        httpx.AsyncClient(base_url=address, headers=headers) as client,
    ):
        assert (await client.post("/v1/chat/completions", json=body)).status_code == 200
        told = (await client.get("/v1/requests/openai-1", headers={"X-Request-ID": "other"})).json()
    (part,) = told["parts"]
    assert (part["operation"], part["http"]["route"]) == ("models.call", "/v1/chat/completions")
    (chat,) = (step for step in part["steps"] if step["name"] == "chat fast")
    assert part["steps"][chat["parent"]]["name"].startswith("POST")
    (call,) = told["calls"]
    assert call["cost_usd"] == told["cost_usd"] != "0"
    assert [tried["outcome"] for tried in call["tries"]] == ["ok"]
    assert "hello there" not in str(told)
