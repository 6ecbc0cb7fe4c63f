"""Workflows, their runs and schedules over HTTP."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import httpx
import pytest

from deskmind.agents.workflows import Flow, workflow
from deskmind.api import create_app, events
from deskmind.app import Deskmind
from deskmind.desk import Desk


@workflow("http-ask")
async def asking(flow: Flow, word: str) -> str:
    """Ask a person."""
    return f"{word} {await flow.ask('which', 'Which?')}"


@workflow("http-any")
async def anything(flow: Flow, values: dict[str, Any]) -> int:
    """Count values."""
    del flow
    return len(values)


@pytest.fixture
async def clients(
    modelled: Deskmind, operator: Desk, serving: Any
) -> AsyncIterator[dict[str, httpx.AsyncClient]]:
    """Clients of a technician, a colleague and an admin."""
    modelled.register_workflow(asking)
    modelled.register_workflow(anything)
    made: dict[str, httpx.AsyncClient] = {}
    async with serving(create_app(app=modelled)) as address:
        for name, role in (("ann", "technician"), ("ben", "technician"), ("boss", "admin")):
            await operator.principals.add_user(name)
            await operator.access.grant(role, user=name)
            key = await operator.keys.create(name)
            made[name] = httpx.AsyncClient(
                base_url=address, headers={"Authorization": f"Bearer {key.secret}"}
            )
        yield made
        for client in made.values():
            await client.aclose()


async def test_a_run_is_started_paused_answered_and_followed(
    modelled: Deskmind, clients: dict[str, httpx.AsyncClient]
) -> None:
    ann = clients["ann"]
    listed = (await ann.get("/v1/workflows")).json()["workflows"]
    assert {one["name"] for one in listed} >= {"triage", "resolve", "http-ask"}
    wrong = await ann.post("/v1/workflows/http-ask/runs", json={"input": {"other": 1}})
    assert wrong.status_code == 422
    assert (await ann.post("/v1/workflows/none/runs", json={})).status_code == 404
    started = await ann.post("/v1/workflows/http-ask/runs", json={"input": {"word": "hi"}})
    assert started.status_code == 202
    run = f"/v1/runs/{started.json()['run_id']}"
    assert (await ann.post(f"{run}/pause")).status_code == 204
    assert (await ann.get(run)).json()["run"]["state"] == "paused"
    assert (await ann.post(f"{run}/resume")).status_code == 204
    assert (await ann.post(f"{run}/resume")).status_code == 409
    await modelled.jobs.drain()
    assert (await clients["ben"].get(run)).status_code == 404  # another's
    (question,) = (await clients["ben"].get("/v1/approvals")).json()["proposals"]
    await clients["ben"].post(f"/v1/approvals/{question['proposal_id']}/approve", json={"answer": "blue"})
    await modelled.jobs.drain()

    async with ann.stream("GET", f"{run}/events") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        lines = [line async for line in answer.aiter_lines()]
    names = [line.removeprefix("event: ") for line in lines if line.startswith("event: ")]
    last = json.loads([line for line in lines if line.startswith("data: ")][-1].removeprefix("data: "))
    assert (names, last["state"], last["output"]) == (["step", "run"], "done", "hi blue")
    replayed = (await ann.post(f"{run}/replay")).json()
    assert replayed == {"steps": 1, "complete": True, "output": "hi blue"}
    forked = await ann.post(f"{run}/fork", json={"step": 1})
    assert forked.status_code == 202
    assert (await ann.post(f"/v1/runs/{forked.json()['run_id']}/cancel")).status_code == 204
    (cancelled,) = (await ann.get("/v1/runs", params={"state": "cancelled"})).json()["runs"]
    assert cancelled["forked_from"] == started.json()["run_id"]


async def test_schedules_are_for_operators(clients: dict[str, httpx.AsyncClient]) -> None:
    wanted = {"name": "early", "workflow": "http-ask", "input": {"word": "x"}, "cron": "0 6 * * *"}
    path = "/v1/workflows/schedules"
    assert (await clients["ann"].post(path, json=wanted)).status_code == 403
    made = await clients["boss"].post(path, json=wanted)
    assert (made.status_code, made.json()["event"]) == (201, "time")
    assert (await clients["boss"].post(path, json=wanted)).status_code == 409
    (listed,) = (await clients["boss"].get(path)).json()["schedules"]
    assert listed == made.json()
    assert (await clients["boss"].delete(f"{path}/early")).status_code == 204
    assert (await clients["boss"].get(path)).json() == {"schedules": []}


async def test_who_follows_a_run_takes_no_place(
    modelled: Deskmind, operator: Desk, serving: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    modelled.register_workflow(asking)
    limits = modelled.settings.limits.model_copy(update={"concurrent": 4, "streams": 3})
    monkeypatch.setattr(modelled, "settings", modelled.settings.model_copy(update={"limits": limits}))
    await operator.principals.add_user("ann")
    await operator.access.grant("technician", user="ann")
    headers = {"Authorization": f"Bearer {(await operator.keys.create('ann')).secret}"}
    async with (
        serving(create_app(app=modelled)) as address,
        httpx.AsyncClient(base_url=address, headers=headers) as ann,
        AsyncExitStack() as streams,
    ):
        begun = await ann.post("/v1/workflows/http-ask/runs", json={"input": {"word": "hi"}})
        run = f"/v1/runs/{begun.json()['run_id']}"
        for _ in range(3):
            following = await streams.enter_async_context(ann.stream("GET", f"{run}/events"))
            assert following.status_code == 200
        async with ann.stream("GET", f"{run}/events") as refused:
            assert (refused.status_code, refused.headers.get("retry-after")) == (503, "1")
        assert (await ann.post(f"{run}/cancel")).status_code == 204


async def test_following_goes_on_after_an_event(
    modelled: Deskmind, clients: dict[str, httpx.AsyncClient]
) -> None:
    ann = clients["ann"]
    run = (await ann.post("/v1/workflows/http-ask/runs", json={"input": {"word": "hi"}})).json()["run_id"]
    await modelled.jobs.drain()
    await ann.post(f"/v1/runs/{run}/cancel")

    async def told(**headers: str) -> list[str]:
        text = (await ann.get(f"/v1/runs/{run}/events", headers=headers)).text
        return [line.removeprefix("id: ") for line in text.splitlines() if line.startswith("id: ")]

    step, ended = await told()
    assert await told(**{"Last-Event-ID": step}) == [ended]
    assert await told(**{"Last-Event-ID": ended}) == []
    wrong = await ann.get(f"/v1/runs/{run}/events", headers={"Last-Event-ID": "x"})
    assert wrong.status_code == 422


async def test_a_quiet_run_shows_that_it_is_followed(
    modelled: Deskmind, clients: dict[str, httpx.AsyncClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "_BEAT_SECONDS", 0.001)
    ann = clients["ann"]
    run = (await ann.post("/v1/workflows/http-ask/runs", json={"input": {"word": "hi"}})).json()["run_id"]
    await modelled.jobs.drain()  # it waits for an answer
    told = f"/v1/runs/{run}/events"
    async with ann.stream("GET", told) as answer:
        place = await anext(line async for line in answer.aiter_lines() if line.startswith("id: "))
    resumed = {"Last-Event-ID": place.removeprefix("id: ")}
    async with ann.stream("GET", told, headers=resumed, timeout=60) as answer:
        lines = answer.aiter_lines()
        assert (answer.status_code, await anext(lines)) == (200, ": still here")
        await ann.post(f"/v1/runs/{run}/cancel")
        assert [line async for line in lines if line.startswith("event: ")][-1] == "event: run"


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("runs", r'"\ud800"'),
        ("runs", r'{"\ud800": 1}'),
        ("schedules", r'"\ud800"'),
        ("schedules", r'"\u0000"'),
        ("schedules", "Infinity"),
        ("schedules", "NaN"),
    ],
)
async def test_input_that_cannot_be_stored_is_refused(
    clients: dict[str, httpx.AsyncClient], path: str, value: str
) -> None:
    more = ', "name": "odd", "workflow": "http-any", "cron": "0 6 * * *"' if path == "schedules" else ""
    refused = await clients["boss"].post(
        "/v1/workflows/schedules" if more else "/v1/workflows/http-any/runs",
        content=f'{{"input": {{"values": {{"x": {value}}}}}{more}}}',
        headers={"Content-Type": "application/json"},
    )
    assert refused.status_code == 422, refused.text
    assert "cannot be stored" in refused.json()["detail"]
