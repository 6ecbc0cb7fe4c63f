"""Prompts and conversations over HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from deskmind.desk import Desk

PROMPT = {
    "name": "triage",
    "variables": {"ticket": {"type": "string"}},
    "messages": [{"role": "user", "content": "Sort {{ ticket }}"}],
}


@pytest.fixture
async def manager(operator: Desk, base_url: str) -> AsyncIterator[httpx.AsyncClient]:
    """An operator's client in the caller's tenant."""
    await operator.principals.add_user("boss", role="operator")
    key = await operator.keys.create("boss")
    headers = {"Authorization": f"Bearer {key.secret}"}
    async with httpx.AsyncClient(base_url=base_url, headers=headers) as client:
        yield client


async def test_an_operator_manages_prompts_and_a_member_uses_them(
    caller: Any, manager: httpx.AsyncClient
) -> None:
    saved = await manager.post("/v1/prompts", json={"prompt": PROMPT, "label": "production", "note": "begin"})
    assert (saved.status_code, saved.json()["version"], saved.json()["labels"]) == (201, 1, ["production"])
    text = (await manager.get("/v1/prompts/triage/file")).json()["text"]
    changed = await manager.post("/v1/prompts", json={"file": text.replace("Sort", "Rank")})
    assert (changed.json()["version"], changed.json()["author"]) == (2, "boss")
    moved = await manager.put("/v1/prompts/triage/labels/production", json={"version": 2})
    assert moved.json()["version"] == 2
    member = caller.client
    rendered = await member.post("/v1/prompts/triage/render", json={"values": {"ticket": "INC1"}})
    assert rendered.json()["messages"][0]["content"] == "Rank INC1"
    difference = await member.get("/v1/prompts/triage/diff", params={"old": "1", "new": "production"})
    assert "+  content: Rank {{ ticket }}" in difference.json()["text"]
    back = await manager.post("/v1/prompts/triage/labels/production/rollback")
    assert (back.json()["version"], back.json()["rollback"]) == (1, True)
    assert (await member.get("/v1/prompts/triage")).json()["version"] == 1
    assert (await member.get("/v1/prompts/triage", params={"version": 2})).json()["labels"] == []
    moves = (await member.get("/v1/prompts/triage/labels/production")).json()["moves"]
    assert [move["version"] for move in moves] == [1, 2, 1]
    assert [
        item["version"] for item in (await member.get("/v1/prompts/triage/versions")).json()["versions"]
    ] == [2, 1]
    assert "triage" in {item["name"] for item in (await member.get("/v1/prompts")).json()["prompts"]}


async def test_refusals_are_problems(caller: Any, manager: httpx.AsyncClient) -> None:
    member = caller.client
    bad = {**PROMPT, "messages": [{"role": "user", "content": "a\n{{ x.__class__ }}"}]}
    for response, status, kind in (
        (await member.post("/v1/prompts", json={"prompt": PROMPT}), 403, "permission-denied"),
        (await member.get("/v1/prompts/none"), 404, "prompt-not-found"),
        (await manager.post("/v1/prompts", json={"prompt": bad}), 422, "prompt-syntax"),
        (await manager.post("/v1/prompts", json={}), 422, "prompt"),
        (await manager.post("/v1/prompts/answer/labels/production/rollback"), 409, "conflict"),
        (await member.post("/v1/prompts/answer/render", json={"values": {"q": 1}}), 422, "prompt-variable"),
        (await member.get("/v1/conversations", params={"before": "x"}), 422, "invalid-request"),
    ):
        assert (response.status_code, response.json()["type"]) == (status, f"urn:deskmind:problem:{kind}")
        assert response.headers["content-type"] == "application/problem+json"
    assert (await manager.post("/v1/prompts", json={"prompt": bad})).json()["line"] == 2


async def test_a_conversation_from_beginning_to_end(caller: Any, manager: httpx.AsyncClient) -> None:
    client = caller.client
    begun = await client.post(
        "/v1/conversations", json={"title": "VPN", "turns": [{"role": "user", "content": "It fails."}]}
    )
    assert begun.status_code == 201
    path = f"/v1/conversations/{begun.json()['conversation_id']}"
    call = {"role": "tool_call", "content": "{}", "call_id": "c1", "tool": "search"}
    result = {"role": "tool_result", "content": "none", "call_id": "c1"}
    appended = await client.post(f"{path}/turns", json={"turns": [call, result]})
    assert (appended.status_code, appended.json()["turn_count"]) == (201, 3)
    refused = await client.post(f"{path}/turns", json={"turns": [{**result, "call_id": "c2"}]})
    assert refused.status_code == 422
    assert (await client.patch(path, json={"title": "VPN at home"})).json()["title"] == "VPN at home"
    summary = await client.post(f"{path}/summary", params={"keep": 0})
    assert summary.json()["summarised_through"] == 3
    turns = (await client.get(path)).json()["turns"]
    assert [turn["role"] for turn in turns] == ["user", "tool_call", "tool_result"]
    assert (await manager.get(path)).status_code == 404
    assert (await client.delete(path)).status_code == 204
    gone = await client.get(path)
    assert (gone.status_code, gone.json()["type"]) == (404, "urn:deskmind:problem:conversation-not-found")


async def test_the_list_of_conversations_continues(caller: Any) -> None:
    client = caller.client
    for number in range(5):
        await client.post("/v1/conversations", json={"title": f"number {number}"})
    titles: list[str] = []
    cursor: str | None = None
    for _ in range(3):
        page = (
            await client.get(
                "/v1/conversations", params={"limit": 2, **({"before": cursor} if cursor else {})}
            )
        ).json()
        titles += [item["title"] for item in page["conversations"]]
        cursor = page["next"]
    assert titles == [f"number {number}" for number in (4, 3, 2, 1, 0)]
    assert cursor is None
