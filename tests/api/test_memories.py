"""Memories and stored agents over HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from deskmind.api import create_app
from deskmind.app import Deskmind
from deskmind.desk import Desk
from deskmind.sandbox.models import ModelSandbox

_AGENT = {"name": "helper", "instructions": "Help.", "model": "fast", "memory": {"tokens": 200}}


@pytest.fixture
async def clients(
    modelled: Deskmind, operator: Desk, serving: Any
) -> AsyncIterator[dict[str, httpx.AsyncClient]]:
    """Clients of a technician, a requester and a knowledge manager."""
    made: dict[str, httpx.AsyncClient] = {}
    async with serving(create_app(app=modelled)) as address:
        for name, role in (("ann", "technician"), ("ben", "requester"), ("kim", "knowledge-manager")):
            await operator.principals.add_user(name)
            if role != "requester":
                await operator.access.grant(role, user=name)
            key = await operator.keys.create(name)
            made[name] = httpx.AsyncClient(
                base_url=address, headers={"Authorization": f"Bearer {key.secret}"}
            )
        yield made
        for client in made.values():
            await client.aclose()


async def test_a_requester_sees_corrects_pins_and_forgets(clients: dict[str, httpx.AsyncClient]) -> None:
    ben = clients["ben"]
    told = await ben.post("/v1/memories", json={"text": "My printer is HP-22.", "subject": "my printer"})
    assert told.status_code == 201
    path = f"/v1/memories/{told.json()['memory_id']}"
    recalled = (await ben.post("/v1/memories/recall", json={"question": "my printer?", "tokens": 60})).json()
    assert "HP-22" in recalled["text"]
    assert recalled["tokens"] <= 60
    assert recalled["memories"][0]["score"] > 0
    assert (await clients["ann"].get(path)).status_code == 404
    changed = await ben.patch(path, json={"text": "My printer is HP-40.", "pinned": True})
    assert (changed.status_code, changed.json()["pinned"]) == (200, True)
    assert (await ben.patch(path, json={"text": "HP-50."})).status_code == 409
    (listed,) = (await ben.get("/v1/memories", params={"kind": "semantic"})).json()["memories"]
    assert listed["text"] == "My printer is HP-40."
    assert len((await ben.get(path)).json()["memories"]) == 2
    assert (await ben.delete(path)).status_code == 204
    assert (await ben.get("/v1/memories", params={"history": True})).json()["memories"] == []
    refused = await ben.post("/v1/memories", json={"text": "For all.", "audience": "tenant"})
    assert refused.status_code == 403


async def test_an_agent_is_defined_tested_published_and_run(
    clients: dict[str, httpx.AsyncClient], sandbox: ModelSandbox
) -> None:
    ann, kim = clients["ann"], clients["kim"]
    assert (await ann.post("/v1/agents", json={"agent": _AGENT})).status_code == 403
    saved = await kim.post("/v1/agents", json={"agent": _AGENT, "note": "first"})
    assert (saved.status_code, saved.json()["version"], saved.json()["agent"]) == (201, 1, _AGENT)
    case = {"name": "greets", "prompt": "Hello", "script": [{"text": "Hi."}], "expect": {"contains": ["Hi"]}}
    report = (await ann.post("/v1/agents/helper/test", json={"cases": [case]})).json()
    assert report["passed"], report
    assert (await ann.post("/v1/agents/helper/runs", json={"prompt": "Hello"})).status_code == 404
    assert (await kim.post("/v1/agents/helper/publish", json={})).json()["labels"] == ["production"]
    sandbox.script(["Hi."])
    run = (await ann.post("/v1/agents/helper/runs", json={"prompt": "Hello", "wait": True})).json()["run"]
    assert (run["state"], run["output"]) == ("done", "Hi.")
    queued = await ann.post("/v1/agents/helper/runs", json={"prompt": "Hello"})
    assert queued.status_code == 202
    assert (await ann.get(f"/v1/agents/runs/{queued.json()['run_id']}")).json()["run"]["state"] == "queued"
    (listed,) = (await ann.get("/v1/agents")).json()["agents"]
    assert listed["labels"] == {"production": 1}
    assert (await ann.get("/v1/agents/helper", params={"version": 2})).status_code == 404
