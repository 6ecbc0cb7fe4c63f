"""Runs of agents and approvals over HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from deskmind.agents import ToolContext, tool
from deskmind.api import create_app
from deskmind.app import Deskmind
from deskmind.desk import Desk
from deskmind.errors import ModelUnavailableError
from deskmind.sandbox.models import Fault, ModelSandbox, Reply, ToolCall


@tool(effect="write")
async def note(context: ToolContext, text: str) -> str:
    """Write a note."""
    del context, text
    return "written"


@pytest.fixture
async def clients(
    modelled: Deskmind, operator: Desk, serving: Any
) -> AsyncIterator[dict[str, httpx.AsyncClient]]:
    """Clients of two technicians."""
    made: dict[str, httpx.AsyncClient] = {}
    async with serving(create_app(app=modelled)) as address:
        for name in ("ann", "ben"):
            await operator.principals.add_user(name)
            await operator.access.grant("technician", user=name)
            key = await operator.keys.create(name)
            made[name] = httpx.AsyncClient(
                base_url=address, headers={"Authorization": f"Bearer {key.secret}"}
            )
        yield made
        for client in made.values():
            await client.aclose()


async def test_a_colleague_approves_and_the_run_is_shown(
    modelled: Deskmind, operator: Desk, clients: dict[str, httpx.AsyncClient], sandbox: ModelSandbox
) -> None:
    ann = await modelled.desk(tenant=operator.scope.tenant, user="ann")
    sandbox.script([Reply(tool_calls=(ToolCall("note", {"text": "hello"}),)), "done"])
    agent = ann.agent("noter", instructions="Note.", tools=[note], model="fast")
    run = await agent.run("Note hello.")
    (proposal,) = (await clients["ben"].get("/v1/approvals")).json()["proposals"]
    assert proposal["changes"] == [{"field": "text", "before": None, "after": "hello"}]
    path = f"/v1/approvals/{proposal['proposal_id']}"
    assert (await clients["ann"].post(f"{path}/approve", json={})).status_code == 403
    approved = await clients["ben"].post(f"{path}/approve", json={})
    assert (approved.status_code, approved.json()["state"]) == (200, "approved")
    assert (await clients["ben"].post(f"{path}/reject", json={"reason": "late"})).status_code == 409
    assert (await clients["ben"].get(path)).json()["approvals"] == 1
    await agent.resume(run.run_id)
    (listed,) = (await clients["ann"].get("/v1/agents/runs")).json()["runs"]
    assert (listed["state"], listed["output"]) == ("done", "done")
    shown = (await clients["ann"].get(f"/v1/agents/runs/{run.run_id}")).json()
    assert [step["kind"] for step in shown["steps"]] == [
        "request",
        "response",
        "result",
        "request",
        "response",
    ]
    assert shown["effects"] == [{"tool": "note", "state": "applied"}]
    assert (await clients["ann"].post(f"/v1/agents/runs/{run.run_id}/cancel")).status_code == 409
    assert (await clients["ben"].get(f"/v1/agents/runs/{run.run_id}")).status_code == 404


async def test_a_run_is_left_to_a_worker_to_go_on_with(
    modelled: Deskmind, operator: Desk, clients: dict[str, httpx.AsyncClient], sandbox: ModelSandbox
) -> None:
    ann = await modelled.desk(tenant=operator.scope.tenant, user="ann")
    agent = ann.agent("greeter", instructions="Greet.", model="fast")
    sandbox.script([Fault("server_error")])
    with pytest.raises(ModelUnavailableError):
        await agent.run("Hi.")
    (failed,) = await ann.agents.list(state="failed")
    path = f"/v1/agents/runs/{failed.run_id}"
    assert (await clients["ben"].post(f"{path}/resume?wait=false")).status_code == 404
    queued = await clients["ann"].post(f"{path}/resume?wait=false")
    assert (queued.status_code, queued.headers["Location"]) == (202, path)
    assert (queued.json()["state"], queued.json()["problem"]) == ("queued", "")
    assert (await clients["ann"].post(f"{path}/resume?wait=false")).json()["state"] == "queued"
    sandbox.script(["Hello."])
    await modelled.jobs.drain()
    assert (await clients["ann"].get(path)).json()["run"]["output"] == "Hello."
    assert (await clients["ann"].post(f"{path}/resume?wait=false")).status_code == 409


async def test_a_colleague_edits_and_forbids_for_good(
    modelled: Deskmind, operator: Desk, clients: dict[str, httpx.AsyncClient], sandbox: ModelSandbox
) -> None:
    ann = await modelled.desk(tenant=operator.scope.tenant, user="ann")
    modelled.agent_tools["note"] = note
    agent = ann.agent("noter", instructions="Note.", tools=[note], model="fast")
    paths: list[str] = []
    for _ in range(2):
        sandbox.script([Reply(tool_calls=(ToolCall("note", {"text": "hello"}),))])
        run = await agent.run("Note hello.")
        (proposal,) = await operator.approvals.list(run_id=run.run_id)
        paths.append(f"/v1/approvals/{proposal.proposal_id}")
    assert (await clients["ann"].post(f"{paths[0]}/edit", json={"values": {"text": "x"}})).status_code == 403
    assert (await clients["ben"].post(f"{paths[0]}/edit", json={"values": {"txt": "x"}})).status_code == 422
    edited = (await clients["ben"].post(f"{paths[0]}/edit", json={"values": {"text": "bye"}})).json()
    assert (edited["state"], edited["arguments"], edited["revision"]) == ("approved", {"text": "bye"}, 1)
    assert edited["edits"][0]["before"] == {"text": "hello"}
    await clients["ben"].post(f"{paths[1]}/reject", json={"reason": "no", "lasting": True})
    (block,) = (await clients["ben"].get("/v1/agents/blocks")).json()["blocks"]
    assert (block["kind"], block["tool"], block["until"]) == ("call", "note", None)
    assert (await clients["ben"].delete(f"/v1/agents/blocks/{block['subject']}")).status_code == 403
    await operator.agents.lift(block["subject"])
    assert (await clients["ben"].get("/v1/agents/blocks")).json()["blocks"] == []
